//! One connection of a principal that may read 26 topics, without a network, and the requests that it sends.
//!
//! Must never: ask for something that Weir refuses: a refusal is cheaper than what it would hide.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, FetchResponse, RequestHeader};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use uuid::Uuid;
use weir_kafka::advertise::AdvertisedNodes;
use weir_kafka::cluster::{
    BrokerIds, ClusterView, PartitionView, RealAddress, RealBrokerId, RealClusterId, RealTopic, ShownClusterId,
    TopicView, VersionRange,
};
use weir_kafka::env::{Env, Owed, SessionLimits};
use weir_kafka::racks::Racks;
use weir_kafka::session::{Session, Turn};
use weir_kafka::subscriptions::Subscriptions;
use weir_policy::{Account, Policy, Principal};

use crate::files;

/// Topics of one partition each, all granted.
pub const TOPICS: usize = 26;
/// The fetch session that the broker gives out.
pub const FETCH_SESSION: i32 = 4711;

/// One client connection.
pub struct Desk {
    policy: Policy,
    principal: Arc<Principal>,
    view: ClusterView,
    nodes: AdvertisedNodes,
    subscriptions: Subscriptions,
    account: Account,
    limits: SessionLimits,
    shown_cluster: ShownClusterId,
    now: Instant,
    session: Session,
}

/// Borrows all of a desk but its session.
macro_rules! env {
    ($desk:ident) => {
        Env {
            policy: &$desk.policy,
            policy_generation: 1,
            principal: &$desk.principal,
            view: Some(&$desk.view),
            nodes: &$desk.nodes,
            cluster_id: &$desk.shown_cluster,
            subscriptions: &$desk.subscriptions,
            account: &$desk.account,
            owed: Owed::default(),
            limits: &$desk.limits,
            broker_connected: true,
            now: $desk.now,
        }
    };
}

/// What a principal whose groups are counted has used.
fn account(now: Instant) -> Account {
    let account = Account::default();
    account.know_groups(std::iter::empty(), now);
    account
}

impl Desk {
    pub fn new() -> Self {
        let policy = files::policy(10, TOPICS, TOPICS);
        let principal = policy.principal(files::READER).expect("the reader is in the policy");
        let limits = SessionLimits::default();
        let now = Instant::now();
        Self {
            policy,
            principal,
            view: view(now),
            nodes: AdvertisedNodes::Sni { host: "kafka.example.org".into(), port: 9093 },
            session: Session::new(files::READER.into(), &limits),
            subscriptions: Subscriptions::default(),
            account: account(now),
            limits,
            shown_cluster: ShownClusterId("shown-cluster".into()),
            now,
        }
    }

    /// What is counted: a request comes in, and what goes to the broker, or the answer of Weir's own, is there.
    pub fn take(&mut self, frame: &Bytes, answer: &mut Vec<u8>) {
        let env = env!(self);
        match self.session.take_request(black_box(frame), &env).expect("the request is served") {
            Turn::Forward(cleared) => drop(black_box(cleared)),
            Turn::Local => {
                answer.clear();
                self.session.answer_head(&env, black_box(answer)).expect("the answer is made");
            }
        }
        // The next request finds the connection as this one did.
        self.session.end(self.now);
        while let Some(outcome) = self.session.outcome() {
            black_box(&outcome);
        }
    }

    /// Opens a fetch session at the broker with a Fetch of all that it is about.
    pub fn open_fetch_session(&mut self, version: i16, full: &Bytes) {
        let env = env!(self);
        let turn = self.session.take_request(full, &env).expect("the request is served");
        assert!(matches!(turn, Turn::Forward(_)), "a broker gives sessions out");
        // Nothing was asked at this desk before, so this is the broker's first.
        let first = 0_i32;
        let mut body = first.to_be_bytes().to_vec();
        body.push(0);
        body.extend(encoded(version, &FetchResponse::default().with_session_id(FETCH_SESSION)));
        let mut frame = u32::try_from(body.len()).expect("it is short").to_be_bytes().to_vec();
        frame.extend(body);
        let taken = self.session.feed_broker(&mut frame, &env, &mut Vec::new()).expect("the answer is understood");
        assert_eq!((taken, self.session.in_flight()), (frame.len(), 0));
        while self.session.outcome().is_some() {}
    }

    /// What a frame leads to, for a look before anything is counted.
    pub fn length_upstream(&mut self, frame: &Bytes) -> Option<usize> {
        let env = env!(self);
        let turn = self.session.take_request(frame, &env).expect("the request is served");
        self.session.end(self.now);
        while self.session.outcome().is_some() {}
        match turn {
            Turn::Forward(cleared) => Some(cleared.into_frame().len()),
            Turn::Local => None,
        }
    }
}

/// A request frame, without its length prefix.
pub fn frame<M: Encodable + HeaderVersion>(key: ApiKey, version: i16, message: &M) -> Bytes {
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(77)
        .with_client_id(Some(StrBytes::from_static_str("consumer-some-group-1")));
    let mut out = BytesMut::new();
    header.encode(&mut out, M::header_version(version)).expect("a header can be encoded");
    message.encode(&mut out, version).expect("the message has this version");
    out.freeze()
}

pub fn topic_id(index: usize) -> Uuid {
    Uuid::from_u128(0xaaaa_0000 + index as u128)
}

fn encoded<M: Encodable>(version: i16, message: &M) -> Bytes {
    let mut out = BytesMut::new();
    message.encode(&mut out, version).expect("the message has this version");
    out.freeze()
}

fn view(now: Instant) -> ClusterView {
    let address = |id| RealAddress { host: format!("kafka100{id}.internal"), port: 9092 };
    let brokers: BTreeMap<_, _> = (1..=3).map(|id| (RealBrokerId(id), address(id))).collect();
    let partition = PartitionView {
        index: 0,
        error_code: 0,
        leader: RealBrokerId(1),
        leader_epoch: 5,
        replicas: (1..=3).map(RealBrokerId).collect(),
        isr: (1..=3).map(RealBrokerId).collect(),
        offline: BrokerIds::new(),
    };
    let topic = |index| TopicView { id: topic_id(index), partitions: vec![partition.clone()] };
    ClusterView {
        cluster_id: RealClusterId("internal-cluster".into()),
        brokers,
        racks: Racks::default(),
        topics: (0..TOPICS).map(|index| (RealTopic(files::topic(index)), topic(index))).collect(),
        compacted: weir_policy::Compacted::default(),
        topics_by_id: (0..TOPICS).map(|index| (topic_id(index), RealTopic(files::topic(index)))).collect(),
        versions: (0..=80).map(|key| (key, VersionRange { min: 0, max: 99 })).collect(),
        topics_generation: 1,
        fetched_at: now,
    }
}
