//! What a request is judged against, and the limits of one connection's protocol state.
//!
//! Must never: hold anything that a request could change.

use std::time::{Duration, Instant};

use weir_policy::{Account, CatchUp, Compacted, Operation, Policy, Principal, Reason, Resource};

use crate::advertise::AdvertisedNodes;
use crate::cluster::{ClusterView, ShownClusterId};
use crate::gate::Budget;
use crate::subscriptions::Subscriptions;

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
    /// The cluster id that clients see.
    pub cluster_id: &'a ShownClusterId,
    /// What members of the consumer protocol subscribe to, of all connections to the cluster.
    pub subscriptions: &'a Subscriptions,
    /// What the principal has used, over all its connections. Its limits are the principal's.
    pub account: &'a Account,
    /// What it owes, as its connection knows it.
    pub owed: Owed,
    /// The limits of one connection.
    pub limits: &'a SessionLimits,
    /// Whether the broker's connection is open: if not, a request may still fail to be sent.
    pub broker_connected: bool,
    /// Now.
    pub now: Instant,
}

impl Env<'_> {
    /// Whether the client may do this, at the cluster as it is known now.
    ///
    /// # Errors
    /// Why it may not.
    pub fn judge(&self, operation: Operation, resource: Resource<'_>) -> Result<(), Reason> {
        self.policy.judge(self.principal, operation, resource, self.compacted())
    }

    /// Whether the client's own groups may speak of a topic. Their subscriptions, assignments and offsets are its own: they
    /// outlast a time in which the topic may not leave, and hold none of its records.
    pub(crate) fn judge_in_group(&self, operation: Operation, topic: &str) -> Result<(), Reason> {
        self.policy.judge(self.principal, operation, Resource::Topic(topic), Compacted::assumed())
    }

    /// Takes as long as `judge` takes to refuse a hidden topic, and says nothing.
    pub(crate) fn refuse_absent(&self, operation: Operation, stand_in: &str) {
        self.policy.refuse_absent(self.principal, operation, stand_in, self.compacted());
    }

    /// What the verdicts on topics depend on: while neither number changes, no verdict does.
    pub(crate) fn generations(&self) -> Generations {
        Generations { policy: self.policy_generation, topics: self.view.map_or(0, |view| view.topics_generation) }
    }

    fn compacted(&self) -> &Compacted {
        self.view.map_or(Compacted::none(), |view| &view.compacted)
    }
}

/// Of the policy, and of the topics of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Generations {
    pub policy: u64,
    pub topics: u64,
}

/// What a principal owes, as one of its connections knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// For so long no request is taken: answers tell it as their throttle time.
    pub told: Duration,
    /// Bytes of answers are owed: the next Fetch asks for less.
    pub bytes_out: bool,
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
    /// What is far behind, and how much of it all principals may read together.
    pub catch_up: CatchUp,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            request: Budget::REQUEST,
            response: Budget::RESPONSE,
            whole_answer: 16 * 1024 * 1024,
            fetch_max_wait: Duration::from_secs(30),
            fetch_max_bytes: 55 * 1024 * 1024,
            answer_slack: Duration::from_secs(10),
            answer: Duration::from_secs(25),
            fetch_sessions: 8,
            catch_up: CatchUp::default(),
        }
    }
}
