//! What the Fetches of one connection leave behind between them: their sessions, and their share of what the principal may
//! hold at once.
//!
//! Must never: keep a place that nothing at a broker needs, or pause a connection on which a group's member speaks.

use std::time::{Duration, Instant};

use weir_policy::Holding;

use super::far::{Allowed, Bounds, FarBehind};
use super::out_of_range::OutOfRange;
use super::request::Terms;
use super::sessions::FetchSessions;
use super::walk::FetchWalk;
use super::{Asked, BY_ID, LEAST_BYTES};
use crate::env::Env;

/// Who may not wait at the broker is kept quiet here instead, and asked again as soon.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// The shortest wait for what may be read again soon.
const LEAST_WAIT: Duration = Duration::from_millis(50);
/// The wait at the broker of a Fetch that may have none, where heartbeats would stand behind a pause (trap Q3).
const SHORT_WAIT_MS: i32 = 100;

/// What the Fetches of one connection leave behind.
#[derive(Debug)]
pub(crate) struct Fetches {
    pub sessions: FetchSessions,
    pub share: Share,
    pub out_of_range: OutOfRange,
}

/// A connection's share of what its principal may hold at once.
#[derive(Debug, Default)]
pub(crate) struct Share {
    pub far: FarBehind,
    holding: Holding,
    /// A member of a group speaks on the connection.
    pub with_member: bool,
    pause: Option<Duration>,
}

/// What a Fetch at the broker holds of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Held {
    /// It may wait there.
    parked: bool,
    /// Partitions of it that are far behind.
    far: u32,
}

impl Held {
    /// What an admission took, of a Fetch that goes nowhere.
    pub(super) fn far(allowed: Option<Allowed>) -> Self {
        Self { parked: false, far: allowed.map_or(0, |allowed| u32::try_from(allowed.partitions).unwrap_or(u32::MAX)) }
    }
}

impl Fetches {
    pub(crate) fn new(sessions: usize) -> Self {
        Self { sessions: FetchSessions::new(sessions), share: Share::default(), out_of_range: OutOfRange::default() }
    }

    /// An answer of the broker's was given whole: what it says of its session and of what is far behind is noted.
    pub(crate) fn settle(&mut self, asked: Asked, walk: &FetchWalk, version: i16, env: &Env<'_>) {
        self.share.give_back(asked.held);
        charge_far(walk.far_bytes, env);
        if !walk.far.is_empty() {
            self.share.far.found(&asked.topics, &walk.far);
        }
        walk.out_of_range.iter().for_each(|found| self.out_of_range.found(&asked.topics, *found));
        self.sessions.settle(asked, walk.error_code, walk.session_id, version >= BY_ID);
    }
}

/// Charges what came from far behind: when it comes, for who goes away amid an answer has cost the brokers the same.
pub(crate) fn charge_far(bytes: u64, env: &Env<'_>) {
    if bytes > 0 {
        env.account.charge_catch_up(bytes, &env.principal.limits, &env.limits.catch_up, env.now);
    }
}

impl Share {
    /// By what a Fetch of who reads far behind is looked at.
    pub(super) fn bounds(env: &Env<'_>) -> Bounds {
        let (own, all) = (&env.principal.limits, &env.limits.catch_up);
        Bounds { behind: all.behind, forgets: env.account.catch_up_debt(own, all, env.now).is_zero() }
    }

    /// For how long the connection is to take no request, since last asked.
    pub(crate) fn take_pause(&mut self) -> Option<Duration> {
        self.pause.take()
    }

    /// How many of so many partitions that are far behind a Fetch may bring. Nothing where none is.
    pub(super) fn admit_far(&mut self, wanted: usize, env: &Env<'_>) -> Option<Allowed> {
        let (own, all) = (&env.principal.limits, &env.limits.catch_up);
        if wanted == 0 {
            return None;
        }
        let debt = env.account.catch_up_debt(own, all, env.now);
        let partitions = if debt.is_zero() { self.holding.read_far(wanted, env.account, own, all) } else { 0 };
        let after = if debt.is_zero() { LONGEST_PAUSE } else { debt.clamp(LEAST_WAIT, LONGEST_PAUSE) };
        Some(Allowed { partitions, all: partitions == wanted, after })
    }

    /// Has a Fetch hold what it may, and ask for no more than that (traps A8, A9).
    pub(super) fn hold(&mut self, terms: &mut Terms<'_>, far: Option<Allowed>, env: &Env<'_>) -> Held {
        if let Some(far) = far {
            if far.partitions > 0 {
                bound(terms, env);
            }
            if !far.all {
                terms.max_wait_ms = terms.max_wait_ms.min(millis(far.after));
            }
        }
        Held { parked: self.park(terms, env), ..Held::far(far) }
    }

    /// What is far behind is known once it was read here: while the principal owes for it elsewhere, a Fetch that names
    /// all it wants may bring no more than those that are known to read it.
    pub(super) fn bound_unknown(terms: &mut Terms<'_>, env: &Env<'_>) {
        let (own, all) = (&env.principal.limits, &env.limits.catch_up);
        if !env.account.catch_up_debt(own, all, env.now).is_zero() {
            bound(terms, env);
        }
    }

    /// Lets a Fetch wait at the broker, or not: whether it does.
    fn park(&mut self, terms: &mut Terms<'_>, env: &Env<'_>) -> bool {
        if terms.max_wait_ms == 0 {
            return false;
        }
        let parked = self.holding.park(env.account, &env.principal.limits);
        if !parked {
            self.pause(time(terms.max_wait_ms).min(LONGEST_PAUSE));
            terms.max_wait_ms = if self.with_member { terms.max_wait_ms.min(SHORT_WAIT_MS) } else { 0 };
        }
        parked
    }

    /// Keeps quiet who may read nothing now: since when its answer may be given, if that is not at once.
    pub(super) fn wait_for_turn(&mut self, after: Duration, max_wait_ms: i32, now: Instant) -> Option<Instant> {
        if self.with_member {
            return now.checked_add(after.min(time(max_wait_ms)));
        }
        self.pause(after);
        None
    }

    /// Has the connection take no request for so long. Where a member of a group speaks there is no such pause.
    fn pause(&mut self, pause: Duration) {
        if !self.with_member {
            self.pause = Some(pause);
        }
    }

    /// A Fetch is not at the broker any more.
    pub(crate) fn give_back(&mut self, held: Held) {
        if held.parked {
            self.holding.unpark();
        }
        if held.far > 0 {
            self.holding.have_read_far(usize::try_from(held.far).unwrap_or(usize::MAX));
        }
    }

    /// Nothing of the connection's is at the broker any more.
    pub(crate) fn give_all_back(&mut self) {
        self.holding.give_all_back();
    }
}

/// No more than the bytes of a second that are read far behind.
fn bound(terms: &mut Terms<'_>, env: &Env<'_>) {
    let most = env.limits.catch_up.bytes_of_a_second(&env.principal.limits);
    terms.max_bytes = terms.max_bytes.min(i32::try_from(most).unwrap_or(i32::MAX).max(LEAST_BYTES));
}

/// A time as requests name it.
pub(super) fn time(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// Rounded up: too early is in vain.
fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_micros().div_ceil(1_000)).unwrap_or(i32::MAX)
}
