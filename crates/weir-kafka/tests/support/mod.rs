//! A connection of one principal to one small cluster, without a network: requests in, frames out.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod filler;
pub mod probe;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use uuid::Uuid;
use weir_kafka::advertise::AdvertisedNodes;
use weir_kafka::cluster::{
    ClusterView, PartitionView, RealAddress, RealBrokerId, RealClusterId, RealTopic, ShownClusterId, TopicView,
    VersionRange,
};
use weir_kafka::env::{Env, Owed, SessionLimits};
use weir_kafka::fault::Fault;
use weir_kafka::racks::Racks;
use weir_kafka::session::{Head, Session, Turn};
use weir_kafka::subscriptions::Subscriptions;
use weir_policy::{Account, GroupMode, Policy, PolicyFiles, PolicyOptions, SourceFile};

pub const GRANTED: &str = "public.granted";
pub const ALSO_GRANTED: &str = "public.also-granted";
/// In the catalogue and on the brokers, but not granted.
pub const HIDDEN: &str = "public.hidden";
/// Nowhere.
pub const ABSENT: &str = "public.absent";
pub const GRANTED_ID: Uuid = Uuid::from_u128(0xaaaa_0001);
pub const HIDDEN_ID: Uuid = Uuid::from_u128(0xbbbb_0002);
pub const ABSENT_ID: Uuid = Uuid::from_u128(0xcccc_0003);
/// What must never be in an answer.
pub const INTERNAL_HOST: &str = "kafka1001.internal";

/// Borrows all of a desk but its session.
macro_rules! env {
    ($desk:ident, $principal:ident) => {
        Env {
            policy: &$desk.policy,
            policy_generation: $desk.policy_generation,
            principal: &$principal,
            view: Some(&$desk.view),
            nodes: &$desk.nodes,
            cluster_id: &$desk.shown_cluster,
            subscriptions: &$desk.subscriptions,
            account: &$desk.account,
            owed: $desk.owed,
            limits: &$desk.limits,
            broker_connected: $desk.connected,
            now: $desk.now,
        }
    };
}

/// One client connection.
pub struct Desk {
    pub policy: Policy,
    pub policy_generation: u64,
    pub view: ClusterView,
    pub nodes: AdvertisedNodes,
    pub subscriptions: Subscriptions,
    pub account: Account,
    pub owed: Owed,
    pub limits: SessionLimits,
    pub session: Session,
    pub connected: bool,
    pub now: Instant,
    principal: String,
    shown_cluster: ShownClusterId,
}

/// What a request led to.
#[derive(Debug)]
pub enum Led {
    /// These bytes go to the broker, without their length prefix.
    Upstream(Vec<u8>),
    /// Weir answers.
    Local,
}

impl Desk {
    pub fn new() -> Self {
        let limits = SessionLimits::default();
        Self {
            policy: policy(&[GRANTED, ALSO_GRANTED]),
            policy_generation: 1,
            view: view(),
            nodes: AdvertisedNodes::Sni { host: "kafka.example.org".into(), port: 9093 },
            session: Session::new("reader".into(), &limits),
            limits,
            subscriptions: Subscriptions::default(),
            account: account(),
            owed: Owed::default(),
            connected: true,
            now: Instant::now(),
            principal: "reader".into(),
            shown_cluster: ShownClusterId("shown-cluster".into()),
        }
    }

    /// The same for another principal: `other` is one.
    pub fn of(principal: &str) -> Self {
        let mut desk = Self::new();
        desk.session = Session::new(principal.into(), &desk.limits);
        desk.principal = principal.into();
        desk
    }

    pub fn raw(&mut self, frame: Vec<u8>) -> Result<Led, Fault> {
        let principal = self.policy.principal(&self.principal).unwrap();
        let env = env!(self, principal);
        match self.session.take_request(&Bytes::from(frame), &env)? {
            Turn::Local => Ok(Led::Local),
            Turn::Forward(cleared) => Ok(Led::Upstream(cleared.into_frame()[4..].to_vec())),
        }
    }

    pub fn ask<M: Encodable + HeaderVersion>(&mut self, key: ApiKey, version: i16, message: &M) -> Led {
        self.raw(frame(key, version, 77, message)).unwrap()
    }

    /// Another policy is in force.
    pub fn put_in_force(&mut self, policy: Policy) {
        (self.policy, self.policy_generation) = (policy, self.policy_generation + 1);
        let principal = self.policy.principal(&self.principal).unwrap();
        let env = env!(self, principal);
        self.session.follow(&env);
    }

    /// The brokers say that these topics are compacted, and no others.
    pub fn confirm(&mut self, topics: &[&str]) {
        self.view.compacted = weir_policy::Compacted::these(topics.iter().copied());
        self.view.topics_generation += 1;
        let principal = self.policy.principal(&self.principal).unwrap();
        let env = env!(self, principal);
        self.session.follow(&env);
    }

    /// The next local answer, as a whole frame.
    pub fn local_answer(&mut self) -> Vec<u8> {
        assert!(matches!(self.session.head(), Head::Local { .. }), "{:?}", self.session.head());
        let principal = self.policy.principal(&self.principal).unwrap();
        let env = env!(self, principal);
        let mut out = Vec::new();
        self.session.answer_head(&env, &mut out).unwrap();
        out
    }

    /// Gives the session a broker's bytes in pieces of `size`, as a socket would, and returns what the client gets.
    pub fn broker_answers(&mut self, frame: &[u8], size: usize) -> Result<Vec<u8>, Fault> {
        let (mut out, mut held) = (Vec::new(), Vec::new());
        for piece in frame.chunks(size) {
            held.extend_from_slice(piece);
            out.extend(self.feed(&mut held)?);
        }
        Ok(out)
    }

    /// Gives the session what came of the broker, keeps what it does not take, and returns what the client gets.
    pub fn feed(&mut self, held: &mut Vec<u8>) -> Result<Vec<u8>, Fault> {
        let principal = self.policy.principal(&self.principal).unwrap();
        let env = env!(self, principal);
        let mut out = Vec::new();
        while !held.is_empty() && self.session.awaits_broker_now() {
            let took = self.session.feed_broker(held, &env, &mut out)?;
            held.drain(..took);
            if took == 0 {
                break;
            }
        }
        Ok(out)
    }
}

/// What a principal without a group has used.
fn account() -> Account {
    let account = Account::default();
    account.know_groups(std::iter::empty(), Instant::now());
    account
}

/// A text, as messages hold it.
pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Brokers 1 and 2 have a port to be shown at, and no other has.
pub fn two_ports() -> AdvertisedNodes {
    AdvertisedNodes::Ports { host: "h".into(), bootstrap_port: 9000, base_port: 9100, ids: 1..=2 }
}

/// A request frame, without its length prefix.
pub fn frame<M: Encodable + HeaderVersion>(key: ApiKey, version: i16, correlation: i32, message: &M) -> Vec<u8> {
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str("a client")));
    let mut out = BytesMut::new();
    header.encode(&mut out, M::header_version(version)).unwrap();
    message.encode(&mut out, version).unwrap();
    out.to_vec()
}

/// A broker's answer frame, with its length prefix. `flexible` says whether the header has tagged fields.
pub fn answer<M: Encodable>(correlation: i32, flexible: bool, version: i16, message: &M) -> Vec<u8> {
    let mut body = BytesMut::new();
    message.encode(&mut body, version).unwrap();
    let mut out = correlation.to_be_bytes().to_vec();
    out.extend(std::iter::repeat_n(0, usize::from(flexible)));
    out.extend_from_slice(&body);
    let mut framed = u32::try_from(out.len()).unwrap().to_be_bytes().to_vec();
    framed.extend(out);
    framed
}

/// The message of a whole answer frame, and the correlation id.
pub fn read<M: Decodable>(frame: &[u8], flexible: bool, version: i16) -> (i32, M) {
    let length = u32::from_be_bytes(frame[..4].try_into().unwrap());
    assert_eq!(usize::try_from(length).unwrap(), frame.len() - 4, "the length prefix is true");
    let correlation = i32::from_be_bytes(frame[4..8].try_into().unwrap());
    let mut body = Bytes::copy_from_slice(&frame[8 + usize::from(flexible)..]);
    let message = M::decode(&mut body, version).unwrap();
    assert!(body.is_empty(), "{} bytes behind the answer", body.len());
    (correlation, message)
}

/// The message of a request that goes to the broker.
pub fn upstream<M: Decodable + HeaderVersion>(led: Led, version: i16) -> (RequestHeader, M) {
    let Led::Upstream(frame) = led else { panic!("answered locally") };
    let mut bytes = Bytes::from(frame);
    let header = RequestHeader::decode(&mut bytes, M::header_version(version)).unwrap();
    let message = M::decode(&mut bytes, version).unwrap();
    assert!(bytes.is_empty());
    (header, message)
}

pub fn policy(granted: &[&str]) -> Policy {
    policy_in(GroupMode::Namespaced, granted)
}

/// Limits that nobody comes near.
const WIDE: &str = "group_members: {most: 1000000}, commit_partitions: {per_second: 1000000, burst: 1000000}, \
    commit_metadata_bytes: {most: 32767}, \
                    committed_partitions: {most: 100000}, groups: {most: 10000}, joins: {per_minute: 1000000, burst: 1000000}, \
                    session_timeout_max: {seconds: 1800}, rebalance_timeout_max: {seconds: 2147483}, \
                    timestamp_lookups: {per_second: 1000000, burst: 1000000}";

pub fn policy_in(groups: GroupMode, granted: &[&str]) -> Policy {
    policy_within(groups, granted, WIDE)
}

/// A policy whose principals have these limits, as a file writes them on one line.
pub fn policy_within(groups: GroupMode, granted: &[&str], limits: &str) -> Policy {
    compiled(groups, &files(granted, limits))
}

/// The policy of `granted`, with this suspended: a kind and a name.
pub fn policy_without(granted: &[&str], suspended: &[(&str, &str)]) -> Policy {
    let file = |(kind, name): &(&str, &str)| SourceFile {
        path: format!("suspended/{kind}-{name}.yaml"),
        text: format!("suspend: {kind}\nname: {name}\nreason: test\nticket: T1\n").into(),
    };
    let suspended = suspended.iter().map(file).collect();
    compiled(GroupMode::Namespaced, &PolicyFiles { suspended, ..files(granted, WIDE) })
}

/// The policy of `granted`, of which this one topic may leave only while it is compacted.
pub fn policy_while_compacted(granted: &[&str], topic: &str) -> Policy {
    let mut files = files(granted, WIDE);
    let entry = format!("topics: [{topic}]\n    only_while_compacted: true\n");
    let text = files.catalogue.text.replace(&format!("topics: [{topic}]\n"), &entry);
    files.catalogue.text = text.replace("cleanup_policy: delete", "cleanup_policy: compact").into();
    compiled(GroupMode::Namespaced, &files)
}

fn compiled(groups: GroupMode, files: &PolicyFiles) -> Policy {
    Policy::compile(files, &PolicyOptions { groups, ..PolicyOptions::default() })
        .unwrap_or_else(|errors| panic!("{errors}"))
}

fn files(granted: &[&str], limits: &str) -> PolicyFiles {
    let file = |path: &str, text: String| SourceFile { path: path.into(), text: text.into() };
    let pii = "{verdict: none, by: test, on: 2026-11-01, ticket: T1}";
    let stream = |topic: &str| {
        format!(
            "  - stream: {topic}\n    topics: [{topic}]\n    description: x\n    schema: /x\n    schema_version: 1.0.0\n    \
             cleanup_policy: delete\n    pii: {pii}\n"
        )
    };
    let streams: String = [GRANTED, ALSO_GRANTED, HIDDEN].into_iter().map(stream).collect();
    let read: String = granted.iter().map(|topic| format!("  - topic: {topic}\n")).collect();
    let principal = |name: &str| {
        format!(
            "principal: {name}\ncertificate:\n  - cn: {name}\nnamespace: {name}\ntier: tool\nread:\n{read}\
             contact: a@example.org\nreview_by: 2027-01-01\n"
        )
    };
    PolicyFiles {
        catalogue: file("catalogue.yaml", format!("streams:\n{streams}")),
        never: file("never.yaml", "never:\n  - prefix: __\n    why: internal\n".into()),
        tiers: file("tiers.yaml", format!("tiers: [{{tier: tool, connections: 20, {limits}}}]\n")),
        principals: vec![
            file("principals/reader.yaml", principal("reader")),
            file("principals/other.yaml", principal("other")),
        ],
        suspended: Vec::new(),
    }
}

fn view() -> ClusterView {
    let brokers: BTreeMap<_, _> = (1..=3)
        .map(|id| (RealBrokerId(id), RealAddress { host: format!("{INTERNAL_HOST}.{id}"), port: 9092 }))
        .collect();
    let topics = [(GRANTED, GRANTED_ID), (HIDDEN, HIDDEN_ID), (ALSO_GRANTED, Uuid::from_u128(0xdddd))];
    let partition = |index: i32| PartitionView {
        index,
        error_code: 0,
        leader: RealBrokerId(index + 1),
        leader_epoch: 5,
        replicas: (1..=3).map(RealBrokerId).collect(),
        isr: vec![RealBrokerId(1)].into(),
        offline: vec![].into(),
    };
    let all = |range: VersionRange| range;
    ClusterView {
        cluster_id: RealClusterId("internal-cluster".into()),
        brokers,
        racks: Racks::default(),
        topics: topics
            .iter()
            .map(|(name, id)| {
                let view = TopicView { id: *id, partitions: (0..3).map(partition).collect() };
                (RealTopic((*name).into()), view)
            })
            .collect(),
        compacted: weir_policy::Compacted::default(),
        topics_by_id: topics.iter().map(|(name, id)| (*id, RealTopic((*name).into()))).collect(),
        versions: (0..=80).map(|key| (key, all(VersionRange { min: 0, max: 99 }))).collect::<HashMap<_, _>>(),
        topics_generation: 1,
        fetched_at: Instant::now() + Duration::from_secs(0),
    }
}
