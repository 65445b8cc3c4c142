//! The protocol state of one client connection, split by direction.
//!
//! `request` takes frames in and leaves, for each, one entry in the queue and perhaps one `Cleared` for the broker;
//! `response` gives answers out, in the order of the queue, whoever makes them. The methods are of two kinds:
//! `take_*` and `feed_*` bring bytes in, `head`, `answer_head` and `outcome` are asked for what is to be done.
//! Must never: read a clock or a socket, answer out of order, or let a byte of a broker's answer pass unchecked.

mod fetch_sessions;
mod in_flight;
mod request;
mod response;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use weir_policy::{Policy, Principal};

use crate::advertise::{AdvertisedNodes, Target};
use crate::cleared::Cleared;
use crate::cluster::{ClusterView, ShownClusterId};
use crate::gate::Budget;
use crate::outcome::Outcome;
use crate::wire::Malformed;

pub(crate) use fetch_sessions::{FetchSession, FetchSessions, FetchTopics, SessionTopic, TopicKey};
pub(crate) use in_flight::{Deferred, InFlight, LocalAnswer, Source};
use response::Incoming;

/// What requests of one connection are judged against.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// Grows whenever the policy is replaced.
    pub policy_generation: u64,
    /// Who the client is.
    pub principal: &'a Principal,
    /// What is known of the upstream cluster, or nothing while it was never reached.
    pub view: Option<&'a ClusterView>,
    /// How brokers are shown on this listener.
    pub nodes: &'a AdvertisedNodes,
    /// The broker that this connection stands for.
    pub target: Target,
    /// The cluster id that clients see.
    pub cluster_id: &'a ShownClusterId,
    /// The limits of one connection.
    pub limits: &'a SessionLimits,
    /// Whether the broker's connection is open: if not, a request may still fail to be sent.
    pub broker_connected: bool,
    /// Now.
    pub now: Instant,
}

/// Limits of one connection's protocol state.
#[derive(Clone, Debug)]
pub struct SessionLimits {
    /// Budget of the gate for requests.
    pub request: Budget,
    /// Budget of the gate for a broker's answers.
    pub response: Budget,
    /// The longest answer that is held whole, in bytes (every answer but Fetch).
    pub whole_answer: usize,
    /// Requests of one connection that wait for their answers.
    pub in_flight: usize,
    /// The longest time that a Fetch may wait at the broker.
    pub fetch_max_wait: Duration,
    /// The most bytes that one Fetch may ask for.
    pub fetch_max_bytes: i32,
    /// How long a broker may take beyond what the request itself allows.
    pub answer_slack: Duration,
    /// How long a broker may take for a request that names no time.
    pub answer: Duration,
    /// Fetch sessions that one connection may hold.
    pub fetch_sessions: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            request: Budget::REQUEST,
            response: Budget::RESPONSE,
            whole_answer: 16 * 1024 * 1024,
            in_flight: 16,
            fetch_max_wait: Duration::from_secs(30),
            fetch_max_bytes: 55 * 1024 * 1024,
            answer_slack: Duration::from_secs(10),
            answer: Duration::from_secs(25),
            fetch_sessions: 8,
        }
    }
}

/// Why the protocol ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client's request is not one: which rule it broke.
    Malformed(Malformed),
    /// A key that is not served, or not on this listener.
    UnknownApi,
    /// A version that is not served.
    UnsupportedVersion,
    /// A Produce that wants no answer: Kafka says no to it by closing.
    ProduceWithoutAnswer,
    /// The broker's answer is not one: which rule it broke.
    BrokerMalformed(Malformed),
    /// The broker's answer holds what was not asked for.
    BrokerUnasked,
    /// The broker answered another request, or none that was asked.
    BrokerDesync,
    /// The broker's answer is longer than what is held whole.
    BrokerAnswerTooLong,
    /// An answer could not be encoded: a fault of Weir's own.
    NotEncodable,
}

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
    },
}

/// What a local answer must know of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewNeed {
    /// Nothing.
    None,
    /// Any view will do.
    Any,
    /// The brokers must have answered at this instant or later.
    NotOlderThan(Instant),
}

/// Takes bytes for the client, in order.
pub trait Sink {
    /// Appends bytes to what goes to the client.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// One client connection's protocol state.
#[derive(Debug)]
pub struct Session {
    queue: VecDeque<InFlight>,
    next_correlation_id: i32,
    upstream_client_id: String,
    fetch_sessions: FetchSessions,
    incoming: Incoming,
    outcomes: VecDeque<Outcome>,
    view_is_stale: bool,
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
            fetch_sessions: FetchSessions::new(limits.fetch_sessions),
            incoming: Incoming::default(),
            outcomes: VecDeque::new(),
            view_is_stale: false,
        }
    }

    /// Requests that wait for their answers.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.queue.len()
    }

    /// What the oldest request waits for.
    #[must_use]
    pub fn head(&self) -> Head {
        self.queue.front().map_or(Head::Idle, InFlight::head)
    }

    /// Whether the oldest request waits for the broker.
    #[must_use]
    pub fn awaits_broker_now(&self) -> bool {
        self.queue.front().is_some_and(|entry| matches!(entry.source, Source::Broker(_)))
    }

    /// The next request that ended, if one did.
    pub fn outcome(&mut self) -> Option<Outcome> {
        self.outcomes.pop_front()
    }

    /// Whether an answer showed, since last asked, that what is known of the cluster is out of date.
    pub fn take_view_is_stale(&mut self) -> bool {
        std::mem::take(&mut self.view_is_stale)
    }

    /// Ends the connection: every request that waits has its outcome.
    pub fn end(&mut self, now: Instant) {
        while let Some(entry) = self.queue.pop_front() {
            self.outcomes.push_back(entry.unanswered(now));
        }
    }
}
