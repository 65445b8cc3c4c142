//! What a connection's principal owes, and for how long the connection takes no request for it.
//!
//! What was used is handed to the principal's account in batches: no worker writes to what others read at each request.
//! Must never: make a member of a group wait for longer than its session bears, or refuse to take a request for ever:
//! after every wait one is taken, whatever is owed by then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use weir_kafka::env::Owed;
use weir_kafka::outcome::Outcome;
use weir_kafka::table::DELETE_GROUPS;
use weir_policy::{Account, Debts, Limits, Meter, Principal};

use super::Connection;
use crate::listener::Whose;

/// Requests that are charged at once.
const REQUESTS: u64 = 16;
/// Bytes of answers that are charged at once.
const BYTES: u64 = 64 * 1024;
/// The longest time without a request taken. Past it, clients take a connection for dead; the debt stays (trap Q4).
const LONGEST: Duration = Duration::from_secs(10);
/// The longest time for bytes of answers on a connection on which a group's member speaks (trap Q3).
const LONGEST_FOR_BYTES: Duration = Duration::from_secs(1);

impl Connection {
    /// It takes no request for a time: its principal opens connections faster than it may. Nothing is dialled for it
    /// either.
    pub(super) fn after(mut self, wait: Duration) -> Self {
        if !wait.is_zero() {
            let now = Instant::now();
            let from = now.checked_add(wait).unwrap_or(now);
            self.deadlines.begin_at(from);
            self.dues.begin_at(from);
        }
        self
    }

    /// Charges what was used, and finds out for how long no request is taken.
    pub(super) fn settle(&mut self, now: Instant) {
        let has_waited = self.dues.are_muted();
        self.dues.settle(&self.principal.limits, self.session.member_bears(), now);
        if let Some(until) = self.dues.muted_until().filter(|_| !has_waited) {
            self.worker.audit.throttled(&self.principal.name, until.saturating_duration_since(now));
        }
        self.worker.audit.groups(&self.principal.name, || self.dues.account.take_group_news());
    }

    /// Tells which groups were deleted, where this request may have.
    pub(super) fn tell_groups(&mut self, outcome: &Outcome) {
        if outcome.row.key == DELETE_GROUPS {
            self.worker.audit.groups(&self.principal.name, || self.dues.account.take_group_news());
        }
    }
}

/// What a connection has used, and what its principal owes as far as it knows.
pub(super) struct Dues {
    account: Arc<Account>,
    requests: u64,
    denied: u64,
    bytes: u64,
    /// When a request was taken last: every wait counts from there.
    taken: Instant,
    muted_until: Option<Instant>,
    /// Who may not wait at the broker waits here.
    paused_until: Option<Instant>,
    debts: Debts,
}

impl Dues {
    pub(super) fn new(account: Arc<Account>, now: Instant) -> Self {
        let debts = Debts::default();
        Self { account, requests: 0, denied: 0, bytes: 0, taken: now, muted_until: None, paused_until: None, debts }
    }

    /// No request is taken before.
    fn begin_at(&mut self, from: Instant) {
        self.muted_until = Some(from);
        self.taken = from;
    }

    pub(super) fn request_taken(&mut self, now: Instant) {
        self.requests = self.requests.saturating_add(1);
        self.taken = now;
    }

    pub(super) fn refused(&mut self, items: u64) {
        self.denied = self.denied.saturating_add(items);
    }

    /// Bytes went to the client's socket.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Whether enough was used to be charged. Who owes is charged at every turn, to know when it is paid.
    pub(super) fn are_due(&self) -> bool {
        let used_some = self.requests > 0 || self.bytes > 0 || self.denied > 0;
        let many = self.requests >= REQUESTS || self.bytes >= BYTES || self.denied >= REQUESTS;
        many || (used_some && self.debts != Debts::default())
    }

    /// Charges what was used. `bears` is the longest that a group's member on this connection may wait, if one speaks.
    pub(super) fn settle(&mut self, limits: &Limits, bears: Option<Duration>, now: Instant) {
        let used = [(Meter::Requests, self.requests), (Meter::Denied, self.denied), (Meter::BytesOut, self.bytes)];
        (self.requests, self.denied, self.bytes) = (0, 0, 0);
        self.debts = self.account.settle(&used, limits, now);
        let wait = match bears {
            None => self.debts.others.max(self.debts.bytes_out),
            Some(_) => self.debts.others.max(self.debts.bytes_out.min(LONGEST_FOR_BYTES)),
        };
        let until = now.checked_add(wait).unwrap_or(now);
        let longest = self.taken.checked_add(bears.unwrap_or(LONGEST)).unwrap_or(now);
        self.muted_until = Some(until.min(longest)).filter(|until| *until > now);
    }

    /// Has the connection take no request for a short while, whatever is owed.
    pub(super) fn pause(&mut self, pause: Duration, now: Instant) {
        self.paused_until = now.checked_add(pause);
    }

    /// Ends a wait that is over.
    pub(super) fn look(&mut self, now: Instant) {
        self.muted_until = self.muted_until.filter(|until| now < *until);
        self.paused_until = self.paused_until.filter(|until| now < *until);
    }

    /// Until when no request is taken.
    pub(super) fn muted_until(&self) -> Option<Instant> {
        self.muted_until.max(self.paused_until)
    }

    /// Whether no request is taken.
    pub(super) fn are_muted(&self) -> bool {
        self.muted_until().is_some()
    }

    /// Whose requests are judged.
    pub(super) fn whose<'a>(&'a self, principal: &'a Principal, now: Instant) -> Whose<'a> {
        Whose { principal, account: &self.account, owed: self.owed(now) }
    }

    /// What answers tell, and requests are made smaller for.
    pub(super) fn owed(&self, now: Instant) -> Owed {
        let told = self.muted_until().map(|until| until.saturating_duration_since(now)).unwrap_or_default();
        Owed { told, bytes_out: !self.debts.bytes_out.is_zero() }
    }
}

#[cfg(test)]
mod tests {
    use weir_policy::{Mode, Rate};

    use super::*;

    fn limits(requests: u64, bytes: u64) -> Limits {
        let rate = |per_second: u64| Rate { per_minute: per_second * 60, burst: per_second, mode: Mode::Throttle };
        Limits { requests: rate(requests), bytes_out: rate(bytes), ..Limits::default() }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn little_is_not_charged_at_each_request() {
        let now = Instant::now();
        let mut dues = Dues::new(Arc::default(), now);
        for taken in 1..REQUESTS {
            dues.request_taken(now);
            assert!(!dues.are_due(), "{taken}");
        }
        dues.request_taken(now);
        assert!(dues.are_due());
        dues.settle(&Limits::default(), None, now);
        assert!(!dues.are_due() && !dues.are_muted());
        dues.sent(usize::try_from(BYTES).unwrap());
        assert!(dues.are_due());
    }

    #[test]
    fn trap_q4_no_wait_is_so_long_that_clients_give_up_and_the_debt_stays() {
        let now = Instant::now();
        let account = Arc::new(Account::default());
        let mut dues = Dues::new(Arc::clone(&account), now);
        dues.sent(100_000);
        dues.settle(&limits(10, 1_000), None, now);
        assert_eq!(dues.owed(now), Owed { told: LONGEST, bytes_out: true });
        // Another connection of the same principal learns of it with its first batch.
        let mut other = Dues::new(account, now);
        other.settle(&limits(10, 1_000), None, now);
        other.look(now + seconds(9));
        assert!(other.are_muted());
        // When the wait is over one request is taken, and the rest of the debt is waited for.
        let later = now + seconds(10);
        dues.look(later);
        assert!(!dues.are_muted());
        dues.request_taken(later);
        assert!(dues.are_due());
        dues.settle(&limits(10, 1_000), None, later);
        assert_eq!(dues.owed(later).told, LONGEST);
    }

    #[test]
    fn a_pause_is_told_and_ends_and_what_is_owed_lasts_for_longer_all_the_same() {
        let now = Instant::now();
        let mut dues = Dues::new(Arc::default(), now);
        dues.pause(Duration::from_millis(500), now);
        assert_eq!(dues.owed(now), Owed { told: Duration::from_millis(500), bytes_out: false });
        // Charging what was used, which owes nothing, ends no pause.
        dues.request_taken(now);
        dues.settle(&Limits::default(), None, now);
        assert!(dues.are_muted());
        dues.look(now + Duration::from_millis(500));
        assert!(!dues.are_muted());
        dues.sent(3_000);
        dues.settle(&limits(10, 1_000), None, now);
        dues.pause(Duration::from_millis(500), now);
        assert_eq!(dues.owed(now).told, seconds(2));
    }

    #[test]
    fn trap_q3_a_member_of_a_group_waits_no_longer_than_its_session_bears() {
        let now = Instant::now();
        let mut dues = Dues::new(Arc::default(), now);
        dues.sent(100_000);
        dues.settle(&limits(10, 1_000), Some(seconds(2)), now);
        assert_eq!(dues.owed(now).told, LONGEST_FOR_BYTES, "for bytes, next to nothing");
        (0..1_000).for_each(|_| dues.request_taken(now));
        dues.settle(&limits(10, 1_000), Some(seconds(2)), now);
        assert_eq!(dues.owed(now).told, seconds(2));
        // What is sent while it waits does not make it wait for longer.
        let later = now + Duration::from_millis(1_500);
        dues.sent(1_000_000);
        dues.settle(&limits(10, 1_000), Some(seconds(2)), later);
        assert_eq!(dues.owed(later).told, Duration::from_millis(500));
    }
}
