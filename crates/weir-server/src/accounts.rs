//! The accounts of all principals, which outlive generations, and the groups that are at the brokers, which are counted
//! now and then.
//!
//! Must never: hold a principal's groups against another, or take groups for counted that no broker was asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use weir_policy::{Account, Ledger, Policy, Principal};

use crate::live::Generation;
use crate::observe::Principals;
use crate::upstream::Upstream;

/// How often groups are counted.
const PERIOD: Duration = Duration::from_secs(60);
/// How soon again where a broker did not answer, at first; each time twice as long.
const AGAIN: Duration = Duration::from_millis(100);
/// The longest pause until then: who waits for the first count can make no group.
const AGAIN_AT_LAST: Duration = Duration::from_secs(5);
/// How long a request that makes a group may have been on its way when the brokers were asked.
const ON_ITS_WAY: Duration = Duration::from_secs(30);

/// The groups that were at the brokers, whoever's they are.
#[derive(Debug)]
pub(crate) struct CountedGroups {
    /// The brokers' names.
    pub names: Vec<String>,
    /// What was used at this instant or later is there, whatever the brokers said.
    pub asked: Instant,
}

/// The accounts of all principals.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    ledger: Ledger,
    counted: ArcSwapOption<CountedGroups>,
    /// What operators see of them.
    pub(crate) seen: Arc<Principals>,
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

/// Counts the groups of all clusters, for as long as the process runs.
pub(crate) async fn count_groups(
    upstreams: Vec<(String, Arc<Upstream>)>,
    accounts: Arc<Accounts>,
    generations: watch::Receiver<Arc<Generation>>,
) {
    // What each cluster said last: one that does not answer now is no reason to forget the groups of another.
    let mut said: HashMap<&String, (Vec<String>, Instant)> = HashMap::new();
    let mut pause = AGAIN;
    loop {
        let mut all_said = true;
        for (name, upstream) in &upstreams {
            let asked = Instant::now();
            let asked = asked.checked_sub(ON_ITS_WAY).unwrap_or(asked);
            match upstream.list_groups().await {
                Some(groups) => drop(said.insert(name, (groups, asked))),
                None => all_said = false,
            }
        }
        if said.len() == upstreams.len()
            && let Some(asked) = said.values().map(|(_, asked)| *asked).min()
        {
            let names = said.values().flat_map(|(names, _)| names.iter().cloned()).collect();
            let policy = Arc::clone(&generations.borrow().snapshot.policy);
            accounts.count(CountedGroups { names, asked }, &policy);
        }
        // Before a cluster was reached nobody is asked, and nothing is to be spared.
        let all_reached = upstreams.iter().all(|(_, upstream)| upstream.borrow_view().is_some());
        pause = next_pause(pause, all_said, all_reached);
        tokio::time::sleep(pause).await;
    }
}

fn next_pause(last: Duration, all_said: bool, all_reached: bool) -> Duration {
    match (all_said, all_reached) {
        (true, _) => PERIOD,
        (false, true) if last < PERIOD => last.saturating_mul(2).min(AGAIN_AT_LAST),
        (false, _) => AGAIN,
    }
}

fn tell(account: &Account, principal: &Principal, counted: &CountedGroups) {
    let is_own = |name: &&str| principal.shown_group(name).is_some();
    account.know_groups(counted.names.iter().map(String::as_str).filter(is_own), counted.asked);
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
        accounts.count(CountedGroups { names: names.to_vec(), asked: Instant::now() }, &policy);
        assert!(accounts.are_counted());
        assert_eq!((early.groups_are_known(), early.holds()), (true, (2, 0)));
        drop(early);
        // Without a policy that knows it, and without a connection, it is forgotten; who comes back is told again.
        fixture.remove("acl/principals/tool.yaml");
        accounts.follow(&fixture.snapshot().policy);
        assert_eq!(accounts.of(&principal).holds(), (2, 0));
    }

    #[test]
    fn brokers_that_do_not_answer_are_asked_ever_less_often() {
        let mut pause = PERIOD;
        let mut next = || {
            pause = next_pause(pause, false, true);
            pause.as_millis()
        };
        assert_eq!([(); 8].map(|()| next()), [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        assert_eq!(next_pause(AGAIN_AT_LAST, false, false), AGAIN);
        assert_eq!(next_pause(AGAIN, true, true), PERIOD);
    }
}
