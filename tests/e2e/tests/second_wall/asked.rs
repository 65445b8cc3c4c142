//! All that a client of Weir can ask about what is private, and all bytes that came.

use std::time::Duration;

use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, DeleteGroupsRequest, DescribeConfigsRequest,
    DescribeGroupsRequest, FetchRequest, FindCoordinatorRequest, GroupId, JoinGroupRequest, ListGroupsRequest,
    ListOffsetsRequest, MetadataRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
    OffsetForLeaderEpochRequest, TopicName,
};
use kafka_protocol::protocol::{Request, StrBytes};
use uuid::Uuid;
use weir_testkit::RawClient;
use weir_testkit::kafka::wire;

const LIMIT: Duration = Duration::from_secs(30);
/// Kafka's codes.
const TOPIC_DENIED: i16 = 29;
const GROUP_DENIED: i16 = 30;
/// Of a name and of an id: nobody has it.
pub const NOT_THERE: i16 = 3;
pub const NO_SUCH_ID: i16 = 100;

/// What there is to be asked for.
#[derive(Debug)]
pub struct Names {
    pub private: &'static str,
    pub private_id: Uuid,
    pub public: &'static str,
    pub public_id: Uuid,
    pub group: &'static str,
    /// What no answer may hold: a topic that nobody asks for, a record's content, a group that nobody asks for.
    pub planted: Vec<String>,
}

/// Each thing that is asked, and the code that all of its items come back with.
pub const REFUSED: [(&str, i16); 18] = [
    ("Metadata, by name", NOT_THERE),
    ("Metadata, by id", NO_SUCH_ID),
    ("Metadata, all", 0),
    ("Fetch, by name", TOPIC_DENIED),
    ("Fetch, by id", NO_SUCH_ID),
    ("ListOffsets", TOPIC_DENIED),
    ("OffsetForLeaderEpoch", TOPIC_DENIED),
    ("DescribeConfigs", TOPIC_DENIED),
    ("FindCoordinator", GROUP_DENIED),
    ("OffsetFetch", GROUP_DENIED),
    ("OffsetCommit", GROUP_DENIED),
    ("OffsetDelete", GROUP_DENIED),
    ("DescribeGroups", GROUP_DENIED),
    ("ConsumerGroupDescribe", GROUP_DENIED),
    ("ListGroups", 0),
    ("JoinGroup", GROUP_DENIED),
    ("ConsumerGroupHeartbeat", GROUP_DENIED),
    ("DeleteGroups", GROUP_DENIED),
];

/// A connection, and every answer on it.
pub struct Asked {
    client: RawClient,
    answers: Vec<Vec<u8>>,
}

impl Asked {
    pub fn new(client: RawClient) -> Self {
        Self { client, answers: Vec::new() }
    }

    /// Asks, and keeps the bytes of the answer.
    pub fn ask<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.client.send(&wire::frame(7, version, request).unwrap()).unwrap();
        let answer = self.client.read_frame(LIMIT).unwrap_or_else(|ended| panic!("key {}: {ended:?}", R::KEY));
        let (_, body) = wire::open::<R>(version, &answer).unwrap();
        self.answers.push(answer);
        body
    }

    /// Those of the planted names that an answer holds.
    pub fn holding<'a>(&self, names: &'a Names) -> Vec<&'a str> {
        let holds = |name: &&str| self.answers.iter().any(|answer| contains(answer, name.as_bytes()));
        names.planted.iter().map(String::as_str).filter(holds).collect()
    }

    /// Everything that there is to ask about what is private; the codes of all items.
    pub fn everything(&mut self, names: &Names) -> [(&'static str, Vec<i16>); 18] {
        let by_name = self.metadata(Some(named(names.private)));
        let by_id =
            self.metadata(Some(MetadataRequestTopic::default().with_topic_id(names.private_id).with_name(None)));
        let all = self.metadata(None);
        let [fetch_by_name, fetch_by_id] = self.fetch(names.private, names.private_id);
        let codes = [
            by_name,
            by_id,
            all,
            vec![fetch_by_name],
            vec![fetch_by_id],
            self.list_offsets(names),
            self.epochs(names),
            self.settings(names),
            self.coordinator(names),
            self.committed(names),
            self.commit(names),
            self.forget(names),
            self.describe(names),
            self.describe_consumers(names),
            self.list_groups(),
            self.join(names),
            self.beat(names),
            self.delete(names),
        ];
        let mut codes = codes.into_iter();
        REFUSED.map(|(what, _)| (what, codes.next().expect("one for each")))
    }

    fn metadata(&mut self, topic: Option<MetadataRequestTopic>) -> Vec<i16> {
        let topics = topic.map(|topic| vec![topic]);
        let asked = MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(true);
        unique(self.ask(12, &asked).topics.iter().map(|topic| topic.error_code))
    }

    /// By name, and by id.
    pub fn fetch(&mut self, name: &str, id: Uuid) -> [i16; 2] {
        let partition = FetchPartition::default().with_partition_max_bytes(1 << 20).with_current_leader_epoch(-1);
        let topic = FetchTopic::default().with_partitions(vec![partition]);
        [(11, topic.clone().with_topic(topic_name(name))), (13, topic.with_topic_id(id))].map(|(version, topic)| {
            let asked = FetchRequest::default().with_max_bytes(1 << 20).with_session_epoch(-1).with_topics(vec![topic]);
            self.ask(version, &asked).responses[0].partitions[0].error_code
        })
    }

    fn list_offsets(&mut self, names: &Names) -> Vec<i16> {
        let partition = ListOffsetsPartition::default().with_timestamp(-2);
        let topic = ListOffsetsTopic::default().with_name(topic_name(names.private)).with_partitions(vec![partition]);
        let answer = self.ask(7, &ListOffsetsRequest::default().with_topics(vec![topic]));
        unique(answer.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code))
    }

    fn epochs(&mut self, names: &Names) -> Vec<i16> {
        let topic = OffsetForLeaderTopic::default()
            .with_topic(topic_name(names.private))
            .with_partitions(vec![OffsetForLeaderPartition::default()]);
        let answer = self.ask(4, &OffsetForLeaderEpochRequest::default().with_topics(vec![topic]));
        unique(answer.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code))
    }

    fn settings(&mut self, names: &Names) -> Vec<i16> {
        let topic = DescribeConfigsResource::default().with_resource_type(2).with_resource_name(text(names.private));
        let asked = DescribeConfigsRequest::default().with_resources(vec![topic.with_configuration_keys(None)]);
        unique(self.ask(4, &asked).results.iter().map(|result| result.error_code))
    }

    fn coordinator(&mut self, names: &Names) -> Vec<i16> {
        let asked = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(names.group)]);
        unique(self.ask(4, &asked).coordinators.iter().map(|found| found.error_code))
    }

    fn committed(&mut self, names: &Names) -> Vec<i16> {
        let group = OffsetFetchRequestGroup::default().with_group_id(group_id(names.group)).with_topics(None);
        let answer = self.ask(8, &OffsetFetchRequest::default().with_groups(vec![group]));
        unique(answer.groups.iter().map(|group| group.error_code))
    }

    fn commit(&mut self, names: &Names) -> Vec<i16> {
        let topic = OffsetCommitRequestTopic::default()
            .with_name(topic_name(names.public))
            .with_partitions(vec![OffsetCommitRequestPartition::default().with_committed_offset(1)]);
        let asked = OffsetCommitRequest::default()
            .with_group_id(group_id(names.group))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic]);
        let answer = self.ask(8, &asked);
        unique(answer.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code))
    }

    fn forget(&mut self, names: &Names) -> Vec<i16> {
        let topic = OffsetDeleteRequestTopic::default()
            .with_name(topic_name(names.public))
            .with_partitions(vec![OffsetDeleteRequestPartition::default()]);
        let asked = OffsetDeleteRequest::default().with_group_id(group_id(names.group)).with_topics(vec![topic]);
        let answer = self.ask(0, &asked);
        vec![answer.error_code]
    }

    fn describe(&mut self, names: &Names) -> Vec<i16> {
        let asked = DescribeGroupsRequest::default().with_groups(vec![group_id(names.group)]);
        unique(self.ask(5, &asked).groups.iter().map(|group| group.error_code))
    }

    fn describe_consumers(&mut self, names: &Names) -> Vec<i16> {
        let asked = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group_id(names.group)]);
        unique(self.ask(0, &asked).groups.iter().map(|group| group.error_code))
    }

    fn list_groups(&mut self) -> Vec<i16> {
        vec![self.ask(4, &ListGroupsRequest::default()).error_code]
    }

    fn join(&mut self, names: &Names) -> Vec<i16> {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(text("range"))
            .with_metadata(vec![0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff].into());
        let asked = JoinGroupRequest::default()
            .with_group_id(group_id(names.group))
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(10_000)
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol]);
        vec![self.ask(7, &asked).error_code]
    }

    fn beat(&mut self, names: &Names) -> Vec<i16> {
        let asked = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(group_id(names.group))
            .with_rebalance_timeout_ms(10_000)
            .with_subscribed_topic_names(Some(vec![topic_name(names.public)]))
            .with_topic_partitions(Some(Vec::<TopicPartitions>::new()));
        vec![self.ask(0, &asked).error_code]
    }

    fn delete(&mut self, names: &Names) -> Vec<i16> {
        let asked = DeleteGroupsRequest::default().with_groups_names(vec![group_id(names.group)]);
        unique(self.ask(2, &asked).results.iter().map(|result| result.error_code))
    }
}

/// What is equal is told once.
pub fn unique(codes: impl Iterator<Item = i16>) -> Vec<i16> {
    let mut codes: Vec<i16> = codes.collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn contains(bytes: &[u8], name: &[u8]) -> bool {
    bytes.windows(name.len()).any(|window| window == name)
}

pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

pub fn group_id(name: &str) -> GroupId {
    GroupId(text(name))
}

fn named(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic::default().with_name(Some(topic_name(name)))
}
