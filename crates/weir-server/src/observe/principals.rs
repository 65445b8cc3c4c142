//! What each principal does and has, for the metrics and for `weir top`.
//!
//! A connection has cells of its own that only its worker writes; what they hold is added up when somebody looks, and
//! kept when the connection ends. Must never: have a request take a lock, know a principal that the policy in force
//! does not, or grow with what clients send.

mod cells;
mod software;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, UNIX_EPOCH};

use weir_policy::{Account, Meter, Policy};

use crate::lock::lock;
use crate::tls::Peer;

use cells::Cells;
pub(crate) use cells::{CLASSES, Tally, Totals};
pub(crate) use software::Said;
use software::Software;

/// Who has been here since the start, among the principals of the policy in force.
#[derive(Debug, Default)]
pub(crate) struct Principals(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    policy: Option<Arc<Policy>>,
    by_name: HashMap<Arc<str>, Arc<Activity>>,
}

/// What one principal does.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    account: Weak<Account>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Of the connections that have ended.
    ended: Totals,
    open: Vec<Arc<Cells>>,
    certificate: Option<Certificate>,
    software: Software,
}

/// The certificate that was issued last, among those that were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Certificate {
    issued: i64,
    /// When its principal is not let in with it any more; seconds since 1970.
    expires: i64,
}

/// What one principal does and has, at one instant.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub name: Arc<str>,
    pub totals: Totals,
    /// Open now.
    pub connections: u64,
    /// Partitions that it has committed, since the start.
    pub committed: u64,
    /// Groups at the brokers, and partitions with an offset in them, as far as they are counted.
    pub groups: u64,
    pub with_offset: u64,
    /// When its newest certificate ends, in seconds since 1970.
    pub certificate_expires: Option<i64>,
    pub software: Vec<Said>,
}

impl Principals {
    /// Another policy is in force: whom it does not have is forgotten.
    pub(crate) fn follow(&self, policy: &Arc<Policy>) {
        let mut table = lock(&self.0);
        table.by_name.retain(|name, _| policy.principal(name).is_some());
        table.policy = Some(Arc::clone(policy));
    }

    /// A connection of a principal begins.
    pub(crate) fn connect(&self, peer: &Peer, account: &Arc<Account>) -> Tally {
        let activity = self.activity(&peer.principal.name, account);
        let expires = peer.expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let seen = Certificate { issued: peer.issued, expires: i64::try_from(expires).unwrap_or(i64::MAX) };
        let cells = Arc::<Cells>::default();
        {
            let mut known = lock(&activity.seen);
            known.certificate = known.certificate.max(Some(seen));
            known.open.push(Arc::clone(&cells));
        }
        Tally::new(activity, cells)
    }

    /// Everybody, by name.
    pub(crate) fn look(&self) -> Vec<Standing> {
        let all: Vec<_> =
            lock(&self.0).by_name.iter().map(|(name, activity)| (Arc::clone(name), Arc::clone(activity))).collect();
        let mut standings: Vec<_> = all.into_iter().map(|(name, activity)| activity.standing(name)).collect();
        standings.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        standings
    }

    /// The activity of a principal. One that left the policy while its connection began is counted for nobody.
    fn activity(&self, name: &str, account: &Arc<Account>) -> Arc<Activity> {
        let mut table = lock(&self.0);
        if let Some(known) = table.by_name.get(name) {
            return Arc::clone(known);
        }
        let activity = Arc::new(Activity { account: Arc::downgrade(account), ..Activity::default() });
        if table.policy.as_ref().is_some_and(|policy| policy.principal(name).is_some()) {
            table.by_name.insert(name.into(), Arc::clone(&activity));
        }
        activity
    }
}

impl Activity {
    fn ended(&self, cells: &Arc<Cells>) {
        let mut seen = lock(&self.seen);
        if let Some(place) = seen.open.iter().position(|open| Arc::ptr_eq(open, cells)) {
            seen.open.swap_remove(place);
        }
        seen.ended.add(cells);
    }

    fn says(&self, software: weir_kafka::software::ClientSoftware) {
        lock(&self.seen).software.says(software);
    }

    fn standing(&self, name: Arc<str>) -> Standing {
        let account = self.account.upgrade();
        let committed = account.as_ref().map_or(0, |account| account.charged(Meter::CommitPartitions));
        let (groups, with_offset) = account.map_or((0, 0), |account| account.holds());
        let seen = lock(&self.seen);
        let mut totals = seen.ended;
        seen.open.iter().for_each(|cells| totals.add(cells));
        Standing {
            name,
            totals,
            connections: count(seen.open.len()),
            committed,
            groups: count(groups),
            with_offset: count(with_offset),
            certificate_expires: seen.certificate.map(|certificate| certificate.expires),
            software: seen.software.all(),
        }
    }
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Whole seconds, as a counter of time.
pub(crate) fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

#[cfg(test)]
mod tests;
