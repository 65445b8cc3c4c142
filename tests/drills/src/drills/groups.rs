//! A thousand group ids in every way that makes a group: the brokers have as many as were agreed.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::time::Duration;

use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest,
    OffsetCommitRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use weir_testkit::{RawClient, wait};

use crate::Form;
use crate::cluster::{Stage, real_group};
use crate::figure::{Figure, Report};
use crate::offsets_log::OffsetsLog;

const INVENTOR: &str = "drill-inventor";
const IDS: usize = 1_000;
const ALLOWED: u64 = 20;
/// Ten records for each group: one with one member that joins and is never heard of again has no more.
const BUDGET: u64 = ALLOWED * 10;
const SOON: Duration = Duration::from_secs(30);
/// `UNKNOWN_MEMBER_ID`, and the same of a group that is not there.
const NO_MEMBER: [i16; 2] = [25, 69];
const GROUP_AUTHORIZATION_FAILED: i16 = 30;

/// The drill.
#[must_use]
pub fn run(form: Form) -> Vec<Report> {
    vec![Report {
        name: "1,000 random group ids",
        figures: invent("groups", &format!("groups: {{most: {ALLOWED}}}")),
        control: form.control(|| invent("unlimited-groups", "")),
    }]
}

fn invent(name: &str, limits: &str) -> Vec<Figure> {
    let stage = Stage::open_for(name, [(INVENTOR, limits)]);
    // The brokers make the log of offsets for the first who asks for a coordinator.
    stage.kafka.coordinator_of(&real_group(INVENTOR, name));
    let log = OffsetsLog::open(&stage.kafka);
    let has = || {
        let all = stage.kafka.groups();
        all.iter().filter(|group| group.id.starts_with(&real_group(INVENTOR, name))).count() as u64
    };
    let random = RandomState::new();
    let ids: Vec<String> = (0..IDS).map(|number| format!("{name}-{:016x}", random.hash_one(number))).collect();
    let mut asker = Asker::new(&stage);
    let places = asker.coordinators(&ids);
    let strange = ids.iter().zip(&places).filter(|(id, at)| !NO_MEMBER.contains(&asker.beat(id, **at))).count();
    let looked_for = has();
    let mut told = BTreeMap::<i16, u64>::new();
    for ((number, id), at) in ids.iter().enumerate().zip(&places) {
        let code = wait::until("a coordinator that is ready", SOON, || {
            match [Asker::commit, Asker::join, Asker::member][number % 3](&mut asker, id, *at) {
                code @ 14..=16 => Err(format!("error {code}")),
                code => Ok(code),
            }
        });
        *told.entry(code).or_default() += 1;
    }
    let refused = told.get(&GROUP_AUTHORIZATION_FAILED).copied().unwrap_or_default();
    let made = has();
    vec![
        Figure::at_most("groups after FindCoordinator and Heartbeat of each", looked_for, 0),
        Figure::at_most("answers to these that were not expected", strange as u64, 0),
        Figure::exactly("groups at the brokers after JoinGroup, OffsetCommit or ConsumerGroupHeartbeat", made, ALLOWED),
        Figure::exactly("refused", refused, IDS as u64 - ALLOWED),
        Figure::at_most("records of them in the log", log.records_under(&real_group(INVENTOR, name)), BUDGET),
    ]
}

/// One principal's connections, one to each broker.
struct Asker {
    clients: BTreeMap<i32, RawClient>,
    topic: String,
}

impl Asker {
    fn new(stage: &Stage) -> Self {
        let identity = stage.identity(INVENTOR);
        let connect = |broker: &i32| {
            let target = stage.weir.target(&stage.weir.broker(*broker), &identity);
            (*broker, RawClient::connect(&target).expect("a connection"))
        };
        Self { clients: stage.kafka.running().iter().map(connect).collect(), topic: stage.topic.clone() }
    }

    fn at(&mut self, broker: i32) -> &mut RawClient {
        self.clients.get_mut(&broker).expect("a connection to each broker")
    }

    /// Which broker coordinates each group, as the client is told.
    fn coordinators(&mut self, ids: &[String]) -> Vec<i32> {
        let first = *self.clients.keys().next().expect("a broker");
        let ask = |ids: &[String]| {
            let keys = ids.iter().map(|id| text(id)).collect();
            FindCoordinatorRequest::default().with_coordinator_keys(keys)
        };
        let found = ids.chunks(250).flat_map(|ids| {
            let answer = wait::until("coordinators", SOON, || {
                let answer = self.at(first).call(4, &ask(ids))?;
                let codes: BTreeSet<i16> = answer.coordinators.iter().map(|found| found.error_code).collect();
                if codes == BTreeSet::from([0]) { Ok(answer) } else { Err(format!("errors {codes:?}")) }
            });
            let places: BTreeMap<_, _> =
                answer.coordinators.iter().map(|found| (found.key.to_string(), found.node_id.0)).collect();
            ids.iter().map(|id| places[id]).collect::<Vec<_>>()
        });
        found.collect()
    }

    /// A heartbeat of a member that the group never had.
    fn beat(&mut self, id: &str, at: i32) -> i16 {
        let asked = HeartbeatRequest::default().with_group_id(group(id)).with_generation_id(1);
        let asked = asked.with_member_id(text("nobody"));
        self.at(at).call(3, &asked).expect("an answer").error_code
    }

    /// A commit of one partition by nobody's member.
    fn commit(&mut self, id: &str, at: i32) -> i16 {
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(1);
        let topic = OffsetCommitRequestTopic::default()
            .with_name(TopicName(text(&self.topic)))
            .with_partitions(vec![partition]);
        let asked = OffsetCommitRequest::default()
            .with_group_id(group(id))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic]);
        self.at(at).call(8, &asked).expect("an answer").topics[0].partitions[0].error_code
    }

    /// A member as of old; in this version it is one with its first request.
    fn join(&mut self, id: &str, at: i32) -> i16 {
        let name = i16::try_from(self.topic.len()).expect("a short name");
        // A version, one topic, and no data of its own.
        let mut subscription = vec![0, 0, 0, 0, 0, 1];
        subscription.extend(name.to_be_bytes());
        subscription.extend(self.topic.as_bytes());
        subscription.extend((-1_i32).to_be_bytes());
        let protocol = JoinGroupRequestProtocol::default().with_name(text("range")).with_metadata(subscription.into());
        let asked = JoinGroupRequest::default()
            .with_group_id(group(id))
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(10_000)
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol]);
        self.at(at).call(3, &asked).expect("an answer").error_code
    }

    /// A member as of KIP-848.
    fn member(&mut self, id: &str, at: i32) -> i16 {
        let asked = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(group(id))
            .with_rebalance_timeout_ms(60_000)
            .with_topic_partitions(Some(Vec::new()))
            .with_subscribed_topic_names(Some(vec![TopicName(text(&self.topic))]));
        self.at(at).call(0, &asked).expect("an answer").error_code
    }
}

fn group(id: &str) -> GroupId {
    GroupId(text(id))
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
