//! The row of Metadata: a request by name, through the session of one connection, to the bytes of its answer.
//!
//! In this process and without a socket: what is measured is the session, as a connection uses it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{ApiKey, MetadataRequest, MetadataResponse, RequestHeader, TopicName};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
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

use super::Run;
use crate::bar::METADATA;
use crate::failure::{Context, Failure};
use crate::in_process::{micros, on_measured_core};
use crate::line::{Found, Line, Taken};
use crate::policies;
use crate::stats::Series;

/// Topics that are asked for; the first is the bar's.
const TOPICS: [usize; 3] = [500, 26, 1];
/// Partitions of each topic.
const PARTITIONS: i32 = 10;
/// Each partition has replicas on three of them.
const BROKERS: i32 = 6;
/// The newest version.
const VERSION: i16 = 12;
/// Figures in each round.
const TURNS: usize = 10;
/// Topics that are described in one figure.
const DESCRIBED: usize = 5_000;
/// Length, correlation id and no tagged fields.
const RESPONSE_HEADER: usize = 9;

/// Measures.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let mut desks = TOPICS.into_iter().map(Desk::new).collect::<Result<Vec<_>, _>>()?;
    on_measured_core(|| {
        for _ in run.rounds() {
            for desk in &mut desks {
                desk.take()?;
            }
        }
        Ok(())
    })?;
    let lines = desks.iter().map(Desk::line).collect();
    let told = desks.iter().map(|desk| format!("{}: {} bytes", desk.way(), desk.answer.len())).collect();
    Ok(Found { lines, told, void: None })
}

/// One connection that has asked, and all that its request is judged against.
struct Desk {
    topics: usize,
    policy: Policy,
    principal: Arc<Principal>,
    view: ClusterView,
    nodes: AdvertisedNodes,
    cluster_id: ShownClusterId,
    subscriptions: Subscriptions,
    account: Account,
    limits: SessionLimits,
    session: Session,
    request: Bytes,
    answer: Vec<u8>,
    weir: Series,
    decoded: Series,
}

impl Desk {
    fn new(topics: usize) -> Result<Self, Failure> {
        let policy = policies::compile(&policies::files(1, topics))?;
        let principal = policy.principal(&policies::principal(0));
        let limits = SessionLimits::default();
        let mut desk = Self {
            topics,
            principal: principal.ok_or_else(|| Failure::new("the principal is missing"))?,
            policy,
            view: view(topics),
            nodes: AdvertisedNodes::Sni { host: "kafka.example.org".to_owned(), port: 9093 },
            cluster_id: ShownClusterId("weir-bench".to_owned()),
            session: Session::new("bench".to_owned(), &limits),
            subscriptions: Subscriptions::default(),
            account: Account::default(),
            limits,
            request: request(topics)?,
            answer: Vec::new(),
            weir: Series::default(),
            decoded: Series::default(),
        };
        desk.ask()?;
        desk.check()?;
        Ok(desk)
    }

    /// What a connection does between a frame and its answer.
    fn ask(&mut self) -> Result<(), Failure> {
        let env = Env {
            policy: &self.policy,
            policy_generation: 1,
            principal: &self.principal,
            view: Some(&self.view),
            nodes: &self.nodes,
            cluster_id: &self.cluster_id,
            subscriptions: &self.subscriptions,
            account: &self.account,
            owed: Owed::default(),
            limits: &self.limits,
            broker_connected: true,
            now: self.view.fetched_at,
        };
        self.answer.clear();
        match self.session.take_request(&self.request, &env) {
            Ok(Turn::Local) => {}
            other => return Err(Failure::new(format!("Metadata led to {other:?}"))),
        }
        self.session.answer_head(&env, &mut self.answer).map_err(|fault| Failure::new(format!("{fault:?}")))?;
        self.session.outcome().map(drop).ok_or_else(|| Failure::new("Metadata had no outcome"))
    }

    /// What is timed answers all that was asked.
    fn check(&self) -> Result<(), Failure> {
        let answer = self.decoded()?;
        let whole = answer.topics.iter().filter(|topic| {
            let partitions = usize::try_from(PARTITIONS).unwrap_or(0);
            topic.error_code == 0 && topic.partitions.len() == partitions
        });
        if whole.count() == self.topics { Ok(()) } else { Err(Failure::new("Metadata did not describe every topic")) }
    }

    fn decoded(&self) -> Result<MetadataResponse, Failure> {
        let mut body = Bytes::copy_from_slice(self.answer.get(RESPONSE_HEADER..).unwrap_or_default());
        MetadataResponse::decode(&mut body, VERSION).context("Metadata's answer cannot be read")
    }

    fn take(&mut self) -> Result<(), Failure> {
        let calls = (DESCRIBED / self.topics).min(500);
        for _ in 0..TURNS {
            let mut failed = None;
            let took = micros(calls, || failed = self.ask().err().or(failed.take()));
            self.weir.push(took);
            failed.map_or(Ok(()), Err)?;
            let mut copy = BytesMut::with_capacity(self.answer.len());
            let mut failed = None;
            let took = micros(calls, || {
                copy.clear();
                let copied = self.decoded().and_then(|answer| answer.encode(&mut copy, VERSION).context("no answer"));
                failed = copied.err().or(failed.take());
            });
            self.decoded.push(took);
            failed.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    fn way(&self) -> String {
        format!("{} x {PARTITIONS}, by name, v{VERSION}", self.topics)
    }

    fn line(&self) -> Line {
        let taken = Taken::cost(&self.weir);
        let is_bars = self.topics == TOPICS[0];
        let line = if is_bars { Line::of(&METADATA, taken) } else { Line::told("Metadata", METADATA.unit, taken) };
        line.way(&self.way())
            .beside("kafka-protocol: the same answer, decoded and encoded", Ok(Taken::cost(&self.decoded)))
    }
}

/// A frame without its length prefix, which the connection has taken off.
fn request(topics: usize) -> Result<Bytes, Failure> {
    let topic = |index| {
        let name = TopicName(StrBytes::from_string(policies::topic(index)));
        MetadataRequestTopic::default().with_name(Some(name))
    };
    let body = MetadataRequest::default()
        .with_topics(Some((0..topics).map(topic).collect()))
        .with_allow_auto_topic_creation(false);
    let header = RequestHeader::default()
        .with_request_api_key(ApiKey::Metadata as i16)
        .with_request_api_version(VERSION)
        .with_correlation_id(7)
        .with_client_id(Some(StrBytes::from_static_str("bench")));
    let mut frame = BytesMut::new();
    header.encode(&mut frame, MetadataRequest::header_version(VERSION)).context("no request")?;
    body.encode(&mut frame, VERSION).context("no request")?;
    Ok(frame.freeze())
}

/// A cluster with the topics that are asked for.
fn view(topics: usize) -> ClusterView {
    let broker = |id: i32| {
        let host = format!("kafka{id}.internal.example");
        (RealBrokerId(id), RealAddress { host, port: 9092 })
    };
    let partition = |index: i32| {
        let replicas: BrokerIds = (0..3).map(|next| RealBrokerId((index + next) % BROKERS + 1)).collect();
        PartitionView {
            index,
            error_code: 0,
            leader: RealBrokerId(index % BROKERS + 1),
            leader_epoch: 5,
            isr: replicas.clone(),
            replicas,
            offline: BrokerIds::new(),
        }
    };
    let ids: Vec<_> = (0..topics).map(|index| (RealTopic(policies::topic(index)), Uuid::new_v4())).collect();
    let described = |(name, id): &(RealTopic, Uuid)| {
        (name.clone(), TopicView { id: *id, partitions: (0..PARTITIONS).map(partition).collect() })
    };
    ClusterView {
        cluster_id: RealClusterId("internal".to_owned()),
        brokers: (1..=BROKERS).map(broker).collect::<BTreeMap<_, _>>(),
        racks: Racks::default(),
        topics: ids.iter().map(described).collect(),
        compacted: weir_policy::Compacted::default(),
        topics_by_id: ids.iter().map(|(name, id)| (*id, name.clone())).collect(),
        versions: (0..=80).map(|key| (key, VersionRange { min: 0, max: 99 })).collect::<HashMap<_, _>>(),
        topics_generation: 1,
        fetched_at: Instant::now(),
    }
}
