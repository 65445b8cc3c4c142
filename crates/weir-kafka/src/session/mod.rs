//! The protocol state of one client connection, split by direction.
//!
//! `request` takes frames in and leaves, for each, one entry in the queue and perhaps one `Cleared` for the broker;
//! `response` gives answers out, in the order of the queue, whoever makes them; `follow` judges again what waits. The methods are of two kinds:
//! `take_*` and `feed_*` bring bytes in, `head`, `answer_head` and `outcome` are asked for what is to be done.
//! Must never: read a clock or a socket, answer out of order, or let a byte of a broker's answer pass unchecked.

mod follow;
mod in_flight;
mod member;
mod offer;
mod request;
mod response;
mod throttle;
mod times;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::answer::ViewNeed;
use crate::apis::Withheld;
pub use crate::apis::fetch::WentOn;
use crate::apis::fetch::{FetchTopics, Fetches};
use crate::cleared::Cleared;
use crate::env::SessionLimits;
use crate::outcome::{Ending, Outcome, Told};
use crate::software::ClientSoftware;

use follow::Dropped;
use in_flight::{AtBroker, InFlight, Source};
use member::Member;
use offer::Offer;
use response::Incoming;

/// What a request leads to, beside its entry in the queue.
#[derive(Debug)]
#[must_use]
pub enum Turn {
    /// Send this to the broker.
    Forward(Cleared),
    /// Nothing is to be sent: the answer is made when it is its turn.
    Local,
}

/// What the oldest request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// No request waits.
    Idle,
    /// Weir answers, not before an instant, and perhaps from a view that is not older than another.
    Local {
        /// The answer is due then.
        not_before: Option<Instant>,
        /// What it must know of the cluster.
        view: ViewNeed,
    },
    /// The broker answers, by an instant.
    Broker {
        /// Past this, the broker is taken for dead.
        deadline: Instant,
        /// The request may wait there for long by what it is: for records, or for the members of a group.
        parked: bool,
    },
}

/// One client connection's protocol state.
#[derive(Debug)]
pub struct Session {
    queue: VecDeque<InFlight>,
    next_correlation_id: i32,
    upstream_client_id: String,
    offer: Offer,
    fetches: Fetches,
    incoming: Incoming,
    /// The topics of the Fetch answer that is on its way, where some were lost since it was asked for.
    narrowed: Option<Box<FetchTopics>>,
    dropped: Dropped,
    outcomes: VecDeque<Outcome>,
    view_is_stale: bool,
    member: Member,
    charged: bool,
    /// In all, up to now.
    told: Told,
    software: Option<Box<ClientSoftware>>,
}

impl Session {
    /// The state of a connection that has just been accepted.
    ///
    /// `upstream_client_id` is what brokers see as client id: it names the principal, for clients choose theirs freely.
    #[must_use]
    pub fn new(upstream_client_id: String, limits: &SessionLimits) -> Self {
        Self {
            queue: VecDeque::new(),
            next_correlation_id: 0,
            upstream_client_id,
            offer: Offer::default(),
            fetches: Fetches::new(limits.fetch_sessions),
            incoming: Incoming::default(),
            narrowed: None,
            dropped: Dropped::new(),
            outcomes: VecDeque::new(),
            view_is_stale: false,
            member: Member::default(),
            charged: false,
            told: Told::default(),
            software: None,
        }
    }

    /// Requests that wait for their answers.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.queue.len()
    }

    /// Whether the broker owes an answer, somebody waits for it or not.
    #[must_use]
    pub fn is_owed_answers(&self) -> bool {
        self.drops_answers() || self.queue.iter().any(|entry| matches!(entry.source, Source::Broker(_)))
    }

    /// What the oldest request waits for.
    #[must_use]
    pub fn head(&self) -> Head {
        // What nobody waits for any more is before it.
        let after = self.dropped.back().map(|dropped| dropped.until);
        self.queue.front().map_or(Head::Idle, |entry| entry.head(after))
    }

    /// Whether what the broker says now is to be heard: the oldest request waits for it, or nobody does and it still owes an
    /// answer to one that is over.
    #[must_use]
    pub fn awaits_broker_now(&self) -> bool {
        match self.queue.front() {
            Some(entry) => matches!(entry.source, Source::Broker(_)),
            None => self.drops_answers(),
        }
    }

    /// The next request that ended, if one did.
    pub fn outcome(&mut self) -> Option<Outcome> {
        let outcome = self.outcomes.pop_front();
        rest(&mut self.outcomes);
        outcome
    }

    /// Whether an answer showed, since last asked, that what is known of the cluster is out of date.
    pub fn take_view_is_stale(&mut self) -> bool {
        std::mem::take(&mut self.view_is_stale)
    }

    /// Whether a request, since last asked, was one that is charged to the principal's account as it is taken.
    pub fn take_charged(&mut self) -> bool {
        std::mem::take(&mut self.charged)
    }

    /// For how long the connection is to take no request, since last asked: a Fetch that may not wait at the broker is kept
    /// here.
    pub fn take_pause(&mut self) -> Option<Duration> {
        self.fetches.share.take_pause()
    }

    /// Where the client went on, since last asked, after the broker had told it that its offset is out of range.
    pub fn take_went_on(&mut self) -> Vec<WentOn> {
        self.fetches.out_of_range.take_went_on()
    }

    /// The longest that requests may wait here without harm to a group; nothing where no member of one speaks.
    #[must_use]
    pub fn member_bears(&self) -> Option<Duration> {
        self.member.bears()
    }

    /// Ends the connection: every request that waits has its outcome.
    pub fn end(&mut self, now: Instant) {
        for entry in &mut self.queue {
            if let Source::Broker(AtBroker { withheld: Withheld::Fetch(asked), .. }) = &entry.source {
                self.fetches.share.give_back(asked.held);
            }
            self.outcomes.push_back(entry.outcome(Ending::Unanswered, now, self.told));
        }
        self.queue.clear();
    }

    /// The client is gone. Its fetch sessions are not, nor those that it has asked for: brokers keep them until others need
    /// the room.
    pub fn leave(&mut self, now: Instant) {
        for entry in &mut self.queue {
            if let Source::Broker(AtBroker { withheld: Withheld::Fetch(asked), .. }) = &mut entry.source {
                asked.take_place().into_iter().for_each(|place| place.leave_behind(now));
            }
        }
        self.dropped.drain(..).filter_map(|dropped| dropped.place).for_each(|place| place.leave_behind(now));
        self.fetches.sessions.leave_behind(now);
    }
}

/// Gives back what a burst has left behind: a connection that rests holds next to nothing.
fn rest<T>(queue: &mut VecDeque<T>) {
    if queue.is_empty() && queue.capacity() > FEW {
        queue.shrink_to(1);
    }
}

/// Requests that a client has under way at once in its everyday life.
const FEW: usize = 4;
