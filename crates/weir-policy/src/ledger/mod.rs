//! The live counters behind the quotas: one account for each principal, shared by all its connections.
//!
//! Charges are additive events: who, which meter, how much, when. So another replica's could be taken in as well as one's
//! own. Accounts outlive reloads: a new limit applies to what is owed. Must never: ask the time, run backwards, or grow with
//! what strangers invent beyond the limits.

mod account;
mod groups;
mod level;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use account::{Account, Debts, Taken};
pub use level::Meter;

/// What takes longer to pay back is refused instead.
pub const LONGEST_DEBT: Duration = Duration::from_secs(10);

/// The accounts of all principals, by name.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: Mutex<HashMap<String, Arc<Account>>>,
}

impl Ledger {
    /// The account of a principal.
    pub fn account(&self, principal: &str) -> Arc<Account> {
        let mut accounts = lock(&self.accounts);
        if let Some(account) = accounts.get(principal) {
            return Arc::clone(account);
        }
        let account = Arc::new(Account::default());
        accounts.insert(principal.to_owned(), Arc::clone(&account));
        account
    }

    /// Every account, in no order.
    pub fn accounts(&self) -> Vec<(String, Arc<Account>)> {
        lock(&self.accounts).iter().map(|(name, account)| (name.clone(), Arc::clone(account))).collect()
    }

    /// Forgets the accounts of principals that are gone, once nobody holds them.
    pub fn retain(&self, is_principal: impl Fn(&str) -> bool) {
        lock(&self.accounts).retain(|name, account| is_principal(name) || Arc::strong_count(account) > 1);
    }
}

/// A panic elsewhere leaves a ledger whole: no step between two writes can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
