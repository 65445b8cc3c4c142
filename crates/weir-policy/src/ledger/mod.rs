//! The live counters behind the quotas: one account for each principal, shared by all its connections.
//!
//! Charges are additive events: who, which meter, how much, when. So another replica's could be taken in as well as
//! one's own. Accounts outlive reloads: a new limit applies to what is owed. Must never: ask the time, run backwards,
//! or grow with what strangers invent beyond the limits.

mod account;
mod beyond;
mod catch_up;
mod groups;
mod held;
mod keys;
mod level;
mod members;
mod news;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use account::{Account, Debts, Taken};
pub use beyond::Limited;
pub use catch_up::CatchUp;
pub use groups::Wishes;
pub use held::{Holding, SessionPlace};
pub use level::Meter;
pub use members::Joiner;
pub use news::{GroupChange, GroupNews};

use crate::limits::Mode;
use beyond::Beyond;
use level::Level;

/// What takes longer to pay back is refused instead.
pub const LONGEST_DEBT: Duration = Duration::from_secs(10);

/// The accounts of all principals, by name.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: Mutex<HashMap<String, Arc<Account>>>,
    shared: Arc<Shared>,
}

/// What all accounts share.
#[derive(Debug, Default)]
struct Shared {
    beyond: Beyond,
    /// An account has something to ask the brokers.
    has_wishes: AtomicBool,
    /// What all owe for reading far behind.
    catch_up: Mutex<Level>,
    /// Partitions that are read far behind at once.
    far: AtomicUsize,
}

impl Ledger {
    /// The account of a principal.
    pub fn account(&self, principal: &str) -> Arc<Account> {
        let mut accounts = lock(&self.accounts);
        if let Some(account) = accounts.get(principal) {
            return Arc::clone(account);
        }
        let account = Arc::new(Account::of(&self.shared));
        accounts.insert(principal.to_owned(), Arc::clone(&account));
        account
    }

    /// What was beyond the limits since the start, of all principals: by limit and mode, in the limit's unit. With
    /// `observe` it is what the limit would have slowed down or refused.
    #[must_use]
    pub fn beyond(&self) -> Vec<(Limited, Mode, u64)> {
        self.shared.beyond.all()
    }

    /// Whether an account has wishes that were not taken since this was asked last.
    #[must_use]
    pub fn take_has_wishes(&self) -> bool {
        self.shared.has_wishes.swap(false, Ordering::Relaxed)
    }

    /// Has the accounts looked at for wishes again.
    pub fn look_again(&self) {
        self.shared.has_wishes.store(true, Ordering::Relaxed);
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
