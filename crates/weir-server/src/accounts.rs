//! The accounts of all principals, which outlive generations, and the groups that are at the brokers, which are counted
//! now and then.
//!
//! Must never: hold a principal's groups against another, or take groups for counted that no broker was asked for.

mod counting;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;
use weir_policy::{Account, Ledger, Limited, Mode, Namespace, Policy, Principal};

use crate::compaction;
use crate::observe::Principals;
use crate::retention::Found;
pub(crate) use counting::count;

/// The groups that were at the brokers, whoever's they are.
#[derive(Debug)]
pub(crate) struct CountedGroups {
    /// The brokers' names, by namespace: each principal is told of its own without a look at the others'.
    by_namespace: HashMap<String, Vec<String>>,
    /// What was used at this instant or later is there, whatever the brokers said.
    asked: Instant,
}

impl CountedGroups {
    /// Groups by the brokers' names, and when they were asked.
    pub(crate) fn new(names: impl IntoIterator<Item = String>, asked: Instant) -> Self {
        let mut by_namespace: HashMap<String, Vec<String>> = HashMap::new();
        for name in names {
            let Some(namespace) = Namespace::of_group(&name) else { continue };
            match by_namespace.get_mut(namespace) {
                Some(groups) => groups.push(name),
                None => drop(by_namespace.insert(namespace.to_owned(), vec![name])),
            }
        }
        Self { by_namespace, asked }
    }
}

/// The accounts of all principals.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    ledger: Ledger,
    counted: ArcSwapOption<CountedGroups>,
    /// What operators see of them.
    pub(crate) seen: Arc<Principals>,
    /// What retention does to their groups.
    pub(crate) retention: Arc<Found>,
    /// Which topics nobody may read, for they are not known to be compacted.
    pub(crate) compaction: Arc<compaction::Standing>,
}

impl Accounts {
    /// The account of a principal.
    pub(crate) fn of(&self, principal: &Principal) -> Arc<Account> {
        let account = self.ledger.account(&principal.name);
        // One that is new missed the last count.
        if !account.groups_are_known()
            && let Some(counted) = &*self.counted.load()
        {
            tell(&account, principal, counted);
        }
        account
    }

    /// The brokers were asked which groups there are.
    pub(crate) fn count(&self, counted: CountedGroups, policy: &Policy) {
        let counted = Arc::new(counted);
        self.counted.store(Some(Arc::clone(&counted)));
        for (name, account) in self.ledger.accounts() {
            if let Some(principal) = policy.principal(&name) {
                tell(&account, &principal, &counted);
            }
        }
    }

    /// What was beyond the limits of all principals since the start.
    pub(crate) fn beyond(&self) -> Vec<(Limited, Mode, u64)> {
        self.ledger.beyond()
    }

    /// Whether the groups at the brokers have been counted since the start.
    pub(crate) fn are_counted(&self) -> bool {
        self.counted.load().is_some()
    }

    /// Another policy is in force: whom it does not know has no account, once nobody is connected as such.
    pub(crate) fn follow(&self, policy: &Arc<Policy>) {
        self.seen.follow(policy);
        self.ledger.retain(|name| policy.principal(name).is_some());
    }
}

#[cfg(test)]
impl Accounts {
    /// None yet, and operators see these.
    pub(crate) fn seen_by(seen: Arc<Principals>) -> Arc<Self> {
        Arc::new(Self { seen, ..Self::default() })
    }
}

fn tell(account: &Account, principal: &Principal, counted: &CountedGroups) {
    let groups = counted.by_namespace.get(principal.namespace.as_str()).into_iter().flatten();
    let own = groups.map(String::as_str).filter(|name| principal.shown_group(name).is_some());
    account.know_groups(own, counted.asked);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::fixture::Fixture;

    #[test]
    fn a_principal_is_told_of_its_own_groups_whether_it_came_before_the_count_or_after() {
        let fixture = Fixture::new();
        fixture.grant("tool", "public.granted");
        let policy = fixture.snapshot().policy;
        let principal = policy.principal("tool").unwrap();
        let accounts = Accounts::default();
        let early = accounts.of(&principal);
        assert!(!accounts.are_counted() && !early.groups_are_known());
        let own = format!("weir.{}.", principal.namespace);
        let names = [format!("{own}a"), format!("{own}b"), "weir.somebody-else.a".to_owned(), "internal".to_owned()];
        accounts.count(CountedGroups::new(names, Instant::now()), &policy);
        assert!(accounts.are_counted());
        assert_eq!((early.groups_are_known(), early.holds()), (true, (2, 0)));
        drop(early);
        // Without a policy that knows it, and without a connection, it is forgotten; who comes back is told again.
        fixture.remove("acl/principals/tool.yaml");
        accounts.follow(&fixture.snapshot().policy);
        assert_eq!(accounts.of(&principal).holds(), (2, 0));
    }
}
