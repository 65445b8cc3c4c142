//! Asking the brokers what there is: all groups now and then, and what accounts wish to know of some of them.
//!
//! A cluster that cannot be reached has no clients: it is not waited for, and those of another are served meanwhile.
//! Must never: have more than one question at a broker at once, ask again at once what a broker did not say, or take
//! groups for counted that no broker was asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use weir_policy::Account;

use super::{Accounts, CountedGroups};
use crate::live::Generation;
use crate::observe::LinesPerSecond;
use crate::upstream::{Coordinators, Upstream, UpstreamReadiness};

/// How often groups are counted.
const PERIOD: Duration = Duration::from_secs(60);
/// How soon again where a broker did not answer, at first; each time twice as long.
const AGAIN: Duration = Duration::from_millis(100);
/// The longest pause until then: who waits for the first count can make no group.
const AGAIN_AT_LAST: Duration = Duration::from_secs(5);
/// How often it is looked whether an account wishes to know something: somebody waits for it.
const LOOK: Duration = Duration::from_millis(100);
/// How soon wishes are granted again of which some were not.
const WISH_AGAIN: Duration = Duration::from_secs(1);
/// For so long after the start a cluster that was not reached yet is waited for.
const FIRST_CONTACT: Duration = Duration::from_secs(5);
/// Groups that are asked for in one round.
const AT_ONCE: usize = 1_000;
/// How long a request that makes a group or an offset may have been on its way when the brokers were asked.
const ON_ITS_WAY: Duration = Duration::from_secs(30);
/// The same for a member's: whoever is refused for good waits for so long first.
const MEMBER_ON_ITS_WAY: Duration = Duration::from_secs(2);

/// Counts at all clusters, for as long as the process runs.
pub(crate) async fn count(
    upstreams: Vec<(String, Arc<Upstream>)>,
    accounts: Arc<Accounts>,
    generations: watch::Receiver<Arc<Generation>>,
) {
    let mut counter =
        Counter { upstreams, accounts, generations, said: HashMap::new(), away_from: after(FIRST_CONTACT) };
    let (mut pause, mut list_at, mut wishes_at) = (AGAIN, Instant::now(), Instant::now());
    loop {
        if list_at <= Instant::now() {
            let all_said = counter.list().await;
            // Before a cluster was reached nobody is asked, and nothing is to be spared.
            let all_reached = counter.upstreams.iter().all(|(_, upstream)| upstream.borrow_view().is_some());
            pause = next_pause(pause, all_said, all_reached);
            list_at = after(pause);
        }
        if wishes_at <= Instant::now() && counter.accounts.are_counted() && counter.accounts.ledger.take_has_wishes() {
            let wait = counter.grant().await;
            wishes_at = after(wait);
        }
        tokio::time::sleep(LOOK.min(list_at.saturating_duration_since(Instant::now()))).await;
    }
}

struct Counter {
    upstreams: Vec<(String, Arc<Upstream>)>,
    accounts: Arc<Accounts>,
    generations: watch::Receiver<Arc<Generation>>,
    /// What each cluster said last: one that does not answer now is no reason to forget the groups of another.
    said: HashMap<String, (Coordinators, Instant)>,
    /// Until then a cluster that cannot be reached may be one that was not reached yet.
    away_from: Instant,
}

/// Groups of accounts, by name. A name is one principal's.
type Wished = HashMap<String, Arc<Account>>;

impl Counter {
    /// Asks for all groups; whether all brokers said which they have.
    async fn list(&mut self) -> bool {
        let mut all_said = true;
        for (name, upstream) in &self.upstreams {
            let asked = before(ON_ITS_WAY);
            match upstream.list_groups().await {
                Some(groups) => drop(self.said.insert(name.clone(), (groups, asked))),
                None => all_said = false,
            }
        }
        let is_known = |(name, upstream): &(String, Arc<Upstream>)| {
            self.said.contains_key(name) || (self.away_from <= Instant::now() && !is_there(upstream))
        };
        if self.upstreams.iter().all(is_known)
            && let Some(asked) = self.said.values().map(|(_, asked)| *asked).min()
        {
            let names = self.said.values().flat_map(|(groups, _)| groups.keys().cloned());
            let policy = Arc::clone(&self.generations.borrow().snapshot.policy);
            self.accounts.count(CountedGroups::new(names, asked), &policy);
        }
        all_said
    }

    /// Grants what accounts wish to know; says how long to wait until the next time.
    async fn grant(&self) -> Duration {
        let (mut offsets, mut members) = (Wished::new(), Wished::new());
        let mut left = false;
        for (_, account) in self.accounts.ledger.accounts() {
            let wishes = account.take_wishes(Instant::now());
            members.extend(wishes.members.into_iter().map(|group| (group, Arc::clone(&account))));
            let room = AT_ONCE.saturating_sub(offsets.len());
            left |= wishes.offsets.len() > room || wishes.are_more_later;
            offsets.extend(wishes.offsets.into_iter().take(room).map(|group| (group, Arc::clone(&account))));
        }
        // Who waits for a place is told first.
        let all_members = self.count_members(&members).await;
        let all_offsets = self.count_offsets(&offsets).await;
        if left || !all_members || !all_offsets {
            self.accounts.ledger.look_again();
        }
        if all_members && all_offsets {
            return Duration::ZERO;
        }
        if NOT_TOLD.allow() {
            let groups = offsets.len().saturating_add(members.len());
            tracing::warn!(groups, "brokers did not tell of all groups what they hold; it is asked again");
        }
        WISH_AGAIN
    }

    async fn count_members(&self, wished: &Wished) -> bool {
        let names: Vec<String> = wished.keys().cloned().collect();
        let asked = before(MEMBER_ON_ITS_WAY);
        let mut told = Vec::new();
        for (cluster, upstream) in self.there().filter(|_| !names.is_empty()) {
            told.push(upstream.members(&names, self.coordinators(cluster)).await);
        }
        for (group, account) in wished {
            if let Some(members) = in_all(&told, group) {
                let member = |(id, instance): &'_ (String, Option<String>)| (id.clone(), instance.clone());
                let members: Vec<_> = members.map(member).collect();
                account.know_members(group, members.iter().map(|(id, name)| (id.as_str(), name.as_deref())), asked);
            }
        }
        wished.keys().all(|group| in_all(&told, group).is_some())
    }

    async fn count_offsets(&self, wished: &Wished) -> bool {
        let names: Vec<String> = wished.keys().cloned().collect();
        let asked = before(ON_ITS_WAY);
        let mut told = Vec::new();
        for (cluster, upstream) in self.there().filter(|_| !names.is_empty()) {
            told.push(upstream.committed(&names, self.coordinators(cluster)).await);
        }
        for (group, account) in wished {
            if let Some(offsets) = in_all(&told, group) {
                account.know_offsets(group, offsets.map(|(topic, partition, _)| (topic.as_str(), *partition)), asked);
            }
        }
        wished.keys().all(|group| in_all(&told, group).is_some())
    }

    /// The clusters that can be reached; all of them where none can.
    fn there(&self) -> impl Iterator<Item = &(String, Arc<Upstream>)> {
        let none = !self.upstreams.iter().any(|(_, upstream)| is_there(upstream));
        self.upstreams.iter().filter(move |(_, upstream)| none || is_there(upstream))
    }

    fn coordinators(&self, cluster: &str) -> &Coordinators {
        static NOBODY: std::sync::LazyLock<Coordinators> = std::sync::LazyLock::new(Coordinators::new);
        self.said.get(cluster).map_or(&NOBODY, |(groups, _)| groups)
    }
}

fn is_there(upstream: &Upstream) -> bool {
    upstream.readiness() == UpstreamReadiness::Ready
}

static NOT_TOLD: LinesPerSecond = LinesPerSecond::new(1);

/// What all clusters told of a group, together; nothing where one did not.
fn in_all<'a, T>(told: &'a [HashMap<String, Vec<T>>], group: &str) -> Option<impl Iterator<Item = &'a T>> {
    let of_one = |cluster: &'a HashMap<String, Vec<T>>| cluster.get(group);
    let all: Option<Vec<&Vec<T>>> = told.iter().map(of_one).collect();
    all.map(|all| all.into_iter().flatten())
}

fn after(pause: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(pause).unwrap_or(now)
}

fn before(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_sub(time).unwrap_or(now)
}

fn next_pause(last: Duration, all_said: bool, all_reached: bool) -> Duration {
    match (all_said, all_reached) {
        (true, _) => PERIOD,
        (false, true) if last < PERIOD => last.saturating_mul(2).min(AGAIN_AT_LAST),
        (false, _) => AGAIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_group_is_counted_where_all_clusters_told() {
        let told =
            |groups: &[(&str, i32)]| groups.iter().map(|(name, held)| ((*name).to_owned(), vec![*held])).collect();
        let told = [told(&[("a", 1), ("b", 2)]), told(&[("a", 3)])];
        assert_eq!(in_all(&told, "a").unwrap().copied().collect::<Vec<_>>(), [1, 3]);
        assert!(in_all(&told, "b").is_none());
    }
}
