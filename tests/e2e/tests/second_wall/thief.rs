//! Who has Weir's key and speaks to the brokers without Weir: what the wall is worth when all of Weir is somebody else's.

use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    AlterClientQuotasRequest, AlterConfigsRequest, CreateAclsRequest, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteRecordsRequest, DeleteTopicsRequest, DescribeAclsRequest, DescribeClientQuotasRequest,
    DescribeLogDirsRequest, InitProducerIdRequest, ProduceRequest,
};
use weir_testkit::kafka::wire;
use weir_testkit::transcript::Side;
use weir_testkit::{RawClient, RawTarget, wait};

use super::asked::{Asked, NO_SUCH_ID, NOT_THERE, REFUSED, text, topic_name, unique};
use super::{Cluster, LIMIT};

/// Kafka's codes.
const TOPIC_DENIED: i16 = 29;
const CLUSTER_DENIED: i16 = 31;

/// With Weir's certificate, to a broker itself.
fn thief(cluster: &Cluster) -> Asked {
    let address = cluster.kafka.bootstrap_ssl().remove(0);
    let target = RawTarget { side: Side::Direct, ..RawTarget::new(&address, &cluster.weir) };
    Asked::new(RawClient::connect(&target).expect("a connection"))
}

/// It may read what may leave, and that is all.
pub fn gets_what_may_leave_and_changes_nothing(cluster: &Cluster) {
    wait::until("the public topic", LIMIT, || {
        match thief(cluster).fetch(cluster.names.public, cluster.names.public_id) {
            [0, 0] => Ok(()),
            codes => Err(format!("{codes:?}")),
        }
    });
    let mut asked = thief(cluster);
    let codes = asked.everything(&cluster.names);
    // What is there and hidden brokers refuse; Weir does not see it, and says that it is not there.
    let absent = [NOT_THERE, NO_SUCH_ID];
    let said = |(what, code)| (what, vec![if absent.contains(&code) { TOPIC_DENIED } else { code }]);
    assert_eq!(codes, REFUSED.map(said));
    assert_eq!(
        changes(&mut asked, cluster),
        [
            ("Produce", vec![TOPIC_DENIED]),
            ("CreateTopics", vec![TOPIC_DENIED]),
            ("DeleteTopics", vec![TOPIC_DENIED]),
            ("CreatePartitions", vec![TOPIC_DENIED]),
            ("DeleteRecords", vec![TOPIC_DENIED]),
            ("AlterConfigs", vec![TOPIC_DENIED]),
            ("InitProducerId", vec![CLUSTER_DENIED]),
            ("CreateAcls", vec![CLUSTER_DENIED]),
            ("DescribeAcls", vec![CLUSTER_DENIED]),
            ("AlterClientQuotas", vec![CLUSTER_DENIED]),
            ("DescribeClientQuotas", vec![CLUSTER_DENIED]),
            ("DescribeLogDirs", vec![CLUSTER_DENIED]),
        ]
    );
    assert_eq!(asked.holding(&cluster.names), Vec::<&str>::new());
    assert_eq!(bounds(cluster), ["consumer_byte_rate", "request_percentage"]);
}

/// One try of each kind, on the topic that it may read.
fn changes(asked: &mut Asked, cluster: &Cluster) -> [(&'static str, Vec<i16>); 12] {
    [
        ("Produce", produce(asked, cluster)),
        ("CreateTopics", create(asked)),
        ("DeleteTopics", delete(asked, cluster)),
        ("CreatePartitions", grow(asked, cluster)),
        ("DeleteRecords", empty(asked, cluster)),
        ("AlterConfigs", alter(asked, cluster)),
        (
            "InitProducerId",
            vec![asked.ask(2, &InitProducerIdRequest::default().with_transactional_id(None)).error_code],
        ),
        ("CreateAcls", allow(asked, cluster)),
        ("DescribeAcls", vec![asked.ask(2, &every_acl()).error_code]),
        ("AlterClientQuotas", free(asked, cluster)),
        ("DescribeClientQuotas", vec![asked.ask(1, &DescribeClientQuotasRequest::default()).error_code]),
        ("DescribeLogDirs", vec![asked.ask(4, &DescribeLogDirsRequest::default().with_topics(None)).error_code]),
    ]
}

fn produce(asked: &mut Asked, cluster: &Cluster) -> Vec<i16> {
    // Whether it may is looked at before what is in it.
    let data = PartitionProduceData::default().with_records(Some(bytes::Bytes::new()));
    let topic = TopicProduceData::default().with_name(topic_name(cluster.names.public)).with_partition_data(vec![data]);
    let request = ProduceRequest::default().with_acks(1).with_timeout_ms(5_000).with_topic_data(vec![topic]);
    let answer = asked.ask(7, &request);
    unique(answer.responses.iter().flat_map(|topic| &topic.partition_responses).map(|partition| partition.error_code))
}

fn create(asked: &mut Asked) -> Vec<i16> {
    let topic =
        CreatableTopic::default().with_name(topic_name("wall.new")).with_num_partitions(1).with_replication_factor(1);
    let request = CreateTopicsRequest::default().with_timeout_ms(5_000).with_topics(vec![topic]);
    unique(asked.ask(5, &request).topics.iter().map(|topic| topic.error_code))
}

fn delete(asked: &mut Asked, cluster: &Cluster) -> Vec<i16> {
    let topic = DeleteTopicState::default().with_name(Some(topic_name(cluster.names.public)));
    let request = DeleteTopicsRequest::default().with_timeout_ms(5_000).with_topics(vec![topic]);
    unique(asked.ask(6, &request).responses.iter().map(|topic| topic.error_code))
}

fn grow(asked: &mut Asked, cluster: &Cluster) -> Vec<i16> {
    let topic = CreatePartitionsTopic::default().with_name(topic_name(cluster.names.public)).with_count(2);
    let request =
        CreatePartitionsRequest::default().with_timeout_ms(5_000).with_topics(vec![topic.with_assignments(None)]);
    unique(asked.ask(2, &request).results.iter().map(|topic| topic.error_code))
}

fn empty(asked: &mut Asked, cluster: &Cluster) -> Vec<i16> {
    let topic = DeleteRecordsTopic::default()
        .with_name(topic_name(cluster.names.public))
        .with_partitions(vec![DeleteRecordsPartition::default().with_offset(1)]);
    let answer = asked.ask(2, &DeleteRecordsRequest::default().with_timeout_ms(5_000).with_topics(vec![topic]));
    unique(answer.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code))
}

fn alter(asked: &mut Asked, cluster: &Cluster) -> Vec<i16> {
    let topic = AlterConfigsResource::default().with_resource_type(2).with_resource_name(text(cluster.names.public));
    let request = AlterConfigsRequest::default().with_resources(vec![topic]);
    unique(asked.ask(1, &request).responses.iter().map(|resource| resource.error_code))
}

fn allow(asked: &mut Asked, cluster: &Cluster) -> Vec<i16> {
    let acl = AclCreation::default()
        .with_resource_type(2)
        .with_resource_name(text("*"))
        .with_resource_pattern_type(3)
        .with_principal(text(&format!("User:{}", cluster.user)))
        .with_host(text("*"))
        .with_operation(3)
        .with_permission_type(3);
    let answer = asked.ask(2, &CreateAclsRequest::default().with_creations(vec![acl]));
    unique(answer.results.iter().map(|result| result.error_code))
}

fn every_acl() -> DescribeAclsRequest {
    DescribeAclsRequest::default()
        .with_resource_type_filter(1)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(1)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(1)
        .with_permission_type(1)
}

/// Takes its own bounds away.
fn free(asked: &mut Asked, cluster: &Cluster) -> Vec<i16> {
    let user = EntityData::default().with_entity_type(text("user")).with_entity_name(Some(text(cluster.user)));
    let op = OpData::default().with_key(text("consumer_byte_rate")).with_remove(true);
    let entry = EntryData::default().with_entity(vec![user]).with_ops(vec![op]);
    let answer = asked.ask(1, &AlterClientQuotasRequest::default().with_entries(vec![entry]));
    unique(answer.entries.iter().map(|entry| entry.error_code))
}

/// The bounds that the brokers have for Weir's user: nothing was lost of its name on the way through shell and Java.
fn bounds(cluster: &Cluster) -> Vec<String> {
    let user = ComponentData::default().with_entity_type(text("user")).with_match_type(0);
    let user = user.with_match(Some(text(cluster.user)));
    let request = DescribeClientQuotasRequest::default().with_components(vec![user]).with_strict(true);
    let answer = wire::call(&cluster.kafka.any(), 1, &request).expect("the broker answers");
    let entries = answer.entries.unwrap_or_default();
    let mut keys: Vec<String> =
        entries.iter().flat_map(|entry| &entry.values).map(|value| value.key.to_string()).collect();
    keys.sort_unstable();
    keys
}
