//! What happens too often for a line each: counted where it happens, and told every few seconds.
//!
//! Must never: grow with what strangers do, or lose a count.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use weir_kafka::session::WentOn;
use weir_policy::{GroupChange, Reason};

use super::event::Event;
use crate::close_reason::CloseReason;
use crate::tls::hex;

/// Kinds of refused connections that are held apart until they are told.
const HELD: usize = 1_024;
/// Lines about refused connections in one telling; the others are told together, without address and certificate.
const TOLD: usize = 64;

/// Changes of one principal's groups that have a line each, until it is told; the others are told together: whoever makes
/// and deletes groups in a loop fills no disk.
const LINES: u64 = 20;

/// A connection that was not let in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TurnedAway {
    /// Why.
    pub(crate) reason: CloseReason,
    /// Where it came.
    pub(crate) listener: Arc<str>,
    /// Who it was, where that was known by then.
    pub(crate) principal: Option<String>,
    /// Its certificate, where one was seen.
    pub(crate) fingerprint: Option<[u8; 32]>,
    /// Where it came from.
    pub(crate) address: Option<IpAddr>,
}

/// What was counted since it was told last.
#[derive(Debug, Default)]
pub(super) struct Tally {
    denied: HashMap<String, Vec<Denied>>,
    throttled: HashMap<String, Throttled>,
    turned_away: HashMap<TurnedAway, u64>,
    groups: HashMap<String, Groups>,
    /// By principal and topic.
    went_on: HashMap<(String, String), Elsewhere>,
}

/// Clients that went on elsewhere: the first of them, and how many.
#[derive(Debug)]
struct Elsewhere {
    partition: i32,
    offset: i64,
    times: u64,
}

/// What became of a principal's groups.
#[derive(Debug, Default)]
struct Groups {
    /// Changes that have lines.
    lines: u64,
    /// Those that have none.
    created: u64,
    deleted: u64,
}

#[derive(Debug)]
struct Denied {
    reason: Reason,
    api: &'static str,
    requests: u64,
    items: u64,
}

#[derive(Debug, Default)]
struct Throttled {
    times: u64,
    longest: Duration,
}

/// What is told: an event, and the address beside it as it may be written.
pub(super) type Told = (Option<String>, Event);

impl Tally {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let Self { denied, throttled, turned_away, groups, went_on } = self;
        denied.is_empty() && throttled.is_empty() && turned_away.is_empty() && groups.is_empty() && went_on.is_empty()
    }

    /// Items of one request were refused.
    pub(super) fn denied(&mut self, principal: &str, reason: Reason, api: &'static str, items: u64) {
        self.add_denied(principal, Denied { reason, api, requests: 1, items });
    }

    fn add_denied(&mut self, principal: &str, more: Denied) {
        // As many as principals, reasons and APIs, which are closed lists.
        let Some(of_principal) = self.denied.get_mut(principal) else {
            self.denied.insert(principal.to_owned(), vec![more]);
            return;
        };
        match of_principal.iter_mut().find(|denied| denied.reason == more.reason && denied.api == more.api) {
            Some(denied) => {
                denied.requests = denied.requests.saturating_add(more.requests);
                denied.items = denied.items.saturating_add(more.items);
            }
            None => of_principal.push(more),
        }
    }

    /// A connection of the principal begins to wait.
    pub(super) fn throttled(&mut self, principal: &str, wait: Duration) {
        self.add_throttled(principal, &Throttled { times: 1, longest: wait });
    }

    fn add_throttled(&mut self, principal: &str, more: &Throttled) {
        if !self.throttled.contains_key(principal) {
            self.throttled.insert(principal.to_owned(), Throttled::default());
        }
        if let Some(throttled) = self.throttled.get_mut(principal) {
            throttled.times = throttled.times.saturating_add(more.times);
            throttled.longest = throttled.longest.max(more.longest);
        }
    }

    /// A client's offset was not there, and it went on elsewhere.
    pub(super) fn went_on(&mut self, principal: &str, went_on: &WentOn) {
        let WentOn { topic, partition, offset } = went_on;
        // As many as topics that principals may read.
        self.add_went_on(
            (principal.to_owned(), topic.clone()),
            Elsewhere { partition: *partition, offset: *offset, times: 1 },
        );
    }

    fn add_went_on(&mut self, whose: (String, String), more: Elsewhere) {
        match self.went_on.get_mut(&whose) {
            Some(known) => known.times = known.times.saturating_add(more.times),
            None => drop(self.went_on.insert(whose, more)),
        }
    }

    /// Whether a change of a principal's groups has a line of its own. One that has none is counted.
    pub(super) fn has_line(&mut self, principal: &str, change: GroupChange) -> bool {
        let groups = self.groups_of(principal);
        let has_line = groups.lines < LINES;
        let count = match change {
            _ if has_line => &mut groups.lines,
            GroupChange::Made => &mut groups.created,
            GroupChange::Deleted => &mut groups.deleted,
        };
        *count = count.saturating_add(1);
        has_line
    }

    /// So many groups of a principal came to be and were deleted that have no line.
    pub(super) fn groups_changed(&mut self, principal: &str, created: u64, deleted: u64) {
        let groups = self.groups_of(principal);
        groups.created = groups.created.saturating_add(created);
        groups.deleted = groups.deleted.saturating_add(deleted);
    }

    /// As many as principals.
    fn groups_of(&mut self, principal: &str) -> &mut Groups {
        self.groups.entry(principal.to_owned()).or_default()
    }

    /// Connections were not let in.
    pub(super) fn turned_away(&mut self, who: TurnedAway, count: u64) {
        let has_room = self.turned_away.len() < HELD || self.turned_away.contains_key(&who);
        let who = if has_room { who } else { unnamed(who.reason, who.listener) };
        let sum = self.turned_away.entry(who).or_default();
        *sum = sum.saturating_add(count);
    }

    /// Adds what was counted elsewhere.
    pub(super) fn absorb(&mut self, other: Self) {
        for (principal, denied) in other.denied {
            denied.into_iter().for_each(|more| self.add_denied(&principal, more));
        }
        other.throttled.iter().for_each(|(principal, more)| self.add_throttled(principal, more));
        other.turned_away.into_iter().for_each(|(who, count)| self.turned_away(who, count));
        other.groups.iter().for_each(|(whose, more)| self.groups_changed(whose, more.created, more.deleted));
        other.went_on.into_iter().for_each(|(whose, more)| self.add_went_on(whose, more));
    }

    /// What is to be written of it, counted in so much time.
    pub(super) fn told(self, time: Duration, mut shown: impl FnMut(IpAddr) -> Option<String>) -> Vec<Told> {
        let seconds = time.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX);
        let denied = self.denied.into_iter().flat_map(|(principal, denied)| {
            denied.into_iter().map(move |denied| (None, denied.event(principal.clone(), seconds)))
        });
        let throttled = self.throttled.into_iter().map(|(principal, Throttled { times, longest })| {
            let longest_ms = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
            (None, Event::QuotaThrottled { principal, times, longest_ms, seconds })
        });
        let went_on = self.went_on.into_iter().map(|((principal, topic), Elsewhere { partition, offset, times })| {
            (None, Event::OffsetOutOfRange { principal, topic, partition, offset, times, seconds })
        });
        let untold = self.groups.into_iter().filter(|(_, groups)| groups.created > 0 || groups.deleted > 0);
        let groups = untold.map(|(principal, Groups { created, deleted, .. })| {
            (None, Event::GroupsChanged { principal, created, deleted, seconds })
        });
        // Addresses that are written alike are one.
        let mut kinds: HashMap<(TurnedAway, Option<String>), u64> = HashMap::new();
        for (who, count) in self.turned_away {
            let address = who.address.and_then(&mut shown);
            let mut key = (TurnedAway { address: None, ..who }, address);
            if kinds.len() >= TOLD && !kinds.contains_key(&key) {
                key = (unnamed(key.0.reason, key.0.listener), None);
            }
            let sum = kinds.entry(key).or_default();
            *sum = sum.saturating_add(count);
        }
        let turned_away = kinds.into_iter().map(|((who, address), count)| (address, who.event(count, seconds)));
        denied.chain(throttled).chain(went_on).chain(groups).chain(turned_away).collect()
    }
}

fn unnamed(reason: CloseReason, listener: Arc<str>) -> TurnedAway {
    TurnedAway { reason, listener, principal: None, fingerprint: None, address: None }
}

impl Denied {
    fn event(self, principal: String, seconds: u64) -> Event {
        let Self { reason, api, requests, items } = self;
        let is_quota = reason.name().starts_with("quota-");
        let reason = reason.name();
        match is_quota {
            true => Event::QuotaRefused { principal, reason, api, requests, items, seconds },
            false => Event::AuthzDenied { principal, reason, api, requests, items, seconds },
        }
    }
}

impl TurnedAway {
    /// One that was closed before anything was read from it.
    pub(crate) fn at_the_door(reason: CloseReason, listener: &Arc<str>, address: IpAddr) -> Self {
        Self { address: Some(address), ..unnamed(reason, Arc::clone(listener)) }
    }

    fn event(self, count: u64, seconds: u64) -> Event {
        let fingerprint = self.fingerprint.as_ref().map(|fingerprint| hex(fingerprint));
        let (reason, listener) = (self.reason.name(), self.listener.to_string());
        match self.reason.ends_handshake() {
            true => Event::AuthnFailed { reason, listener, fingerprint, count, seconds },
            false => {
                Event::ConnectionRefused { reason, listener, principal: self.principal, fingerprint, count, seconds }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn stranger(number: u32, reason: CloseReason) -> TurnedAway {
        let address = Some(IpAddr::V4(Ipv4Addr::from_bits(number)));
        TurnedAway { reason, listener: "public".into(), principal: None, fingerprint: None, address }
    }

    fn told(tally: Tally) -> Vec<Told> {
        tally.told(Duration::from_millis(9_001), |address| Some(address.to_string()))
    }

    fn refused(events: &[Told]) -> u64 {
        let count = |(_, event): &Told| match event {
            Event::AuthnFailed { count, .. } | Event::ConnectionRefused { count, .. } => *count,
            _ => 0,
        };
        events.iter().map(count).sum()
    }

    #[test]
    fn what_is_denied_again_and_again_is_one_line_with_its_counts() {
        let (mut tally, mut other) = (Tally::default(), Tally::default());
        for _ in 0..3 {
            tally.denied("tool", Reason::TopicNotGranted, "Fetch", 2);
            other.denied("tool", Reason::TopicNotGranted, "Fetch", 2);
        }
        other.denied("tool", Reason::QuotaGroups, "JoinGroup", 1);
        other.denied("another", Reason::TopicNotGranted, "Fetch", 1);
        tally.throttled("tool", Duration::from_millis(5));
        other.throttled("tool", Duration::from_millis(7));
        tally.absorb(other);
        let mut lines: Vec<String> = told(tally).iter().map(|(_, event)| format!("{event:?}")).collect();
        lines.sort();
        let event = |event: Event| format!("{event:?}");
        let denied = |principal: &str, requests, items| Event::AuthzDenied {
            principal: principal.to_owned(),
            reason: "topic-not-granted",
            api: "Fetch",
            requests,
            items,
            seconds: 10,
        };
        let principal = || "tool".to_owned();
        let expected = [
            event(denied("another", 1, 1)),
            event(denied("tool", 6, 12)),
            event(Event::QuotaRefused {
                principal: principal(),
                reason: "quota-groups",
                api: "JoinGroup",
                requests: 1,
                items: 1,
                seconds: 10,
            }),
            event(Event::QuotaThrottled { principal: principal(), times: 2, longest_ms: 7, seconds: 10 }),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn hostile_q21_strangers_get_so_many_lines_and_each_of_them_is_counted() {
        let mut tally = Tally::default();
        for number in 0..5_000 {
            tally.turned_away(stranger(number, CloseReason::TlsNoCert), 1);
            tally.turned_away(stranger(number, CloseReason::NotTlsHttp), 1);
        }
        assert!(tally.turned_away.len() <= HELD + 2, "{}", tally.turned_away.len());
        let events = told(tally);
        assert!(events.len() <= TOLD + 2, "{}", events.len());
        assert_eq!(refused(&events), 10_000);
        let unnamed = events.iter().filter(|(address, _)| address.is_none()).count();
        assert_eq!(unnamed, 2, "one for each reason");
    }

    #[test]
    fn addresses_that_are_written_alike_are_one_line() {
        let mut tally = Tally::default();
        (0..200).for_each(|number| tally.turned_away(stranger(number, CloseReason::TlsNoCert), 1));
        let events = tally.told(Duration::from_secs(10), |_| Some("0.0.0.0/24".to_owned()));
        assert_eq!((events.len(), refused(&events)), (1, 200));
        assert_eq!(events[0].0.as_deref(), Some("0.0.0.0/24"));
    }
}
