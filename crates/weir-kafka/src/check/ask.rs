//! The requests of `weir check --live`, in the only forms that they have.
//!
//! Each is harmless twice: Kafka authorises it before anything else, and where it is allowed, what it names does not
//! exist, or it says that it is only to be validated. Must never: take a name, a record or a setting from a caller.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::describe_user_scram_credentials_request::UserName;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    AlterClientQuotasRequest, ApiKey, BrokerId, CreatePartitionsRequest, CreateTopicsRequest, DeleteGroupsRequest,
    DeleteRecordsRequest, DeleteTopicsRequest, DescribeAclsRequest, DescribeClientQuotasRequest,
    DescribeConfigsRequest, DescribeDelegationTokenRequest, DescribeGroupsRequest, DescribeLogDirsRequest,
    DescribeTransactionsRequest, DescribeUserScramCredentialsRequest, FetchRequest, GroupId,
    IncrementalAlterConfigsRequest, InitProducerIdRequest, ListPartitionReassignmentsRequest, ListTransactionsRequest,
    MetadataRequest, OffsetFetchRequest, ProduceRequest, ProducerId, TopicName, TransactionalId,
};
use kafka_protocol::protocol::{Encodable, StrBytes};

use super::question::{BROKER_SETTINGS, QUOTA_OF};
use super::{Nonce, Question, Trial};
use crate::cleared::{Cleared, NotExpressible};
use crate::header::RequestHeader;

/// A name that Kafka lets no topic have: it has a space and a colon.
pub(super) const NO_TOPIC: &str = "weir check --live: no topic";
/// A setting that no broker has.
const NO_SETTING: &str = "weir.check.live.no.setting";
/// The acknowledgements that a producer asks for are 0, 1 or -1. Kafka appends nothing for another number.
const NO_ACKS: i16 = 7;
/// A partition that no topic has: Kafka counts them from 0, and there is no room for so many.
const NO_PARTITION: i32 = i32::MAX;
/// A broker that there is not. Any number from 0 on means a replica.
const NO_BROKER: BrokerId = BrokerId(i32::MAX);
/// Kafka's numbers: kinds of resources, an operation on a setting, filters of rules that take any, an exact match.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const FORGET: i8 = 1;
const ANY: i8 = 1;
const LITERAL: i8 = 3;
const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const ANY_NAMED: i8 = 2;
/// How Weir calls itself, as in its other requests.
const CLIENT_ID: &str = "weir";
/// How long a broker may take, in milliseconds.
const SOON: i32 = 3_000;

impl Trial {
    /// The request, in a version of `versions`.
    ///
    /// # Errors
    /// The version is another one; Weir's fault.
    pub fn request(self, version: i16, nonce: &Nonce, correlation_id: i32) -> Result<Cleared, NotExpressible> {
        let mut body = BytesMut::new();
        let into = &mut body;
        let encoded = match self {
            Self::CreateTopic => create_topic().encode(into, version),
            Self::AddPartitions => add_partitions().encode(into, version),
            Self::DeleteTopic => {
                let names = vec![no_topic()];
                DeleteTopicsRequest::default().with_timeout_ms(SOON).with_topic_names(names).encode(into, version)
            }
            Self::DeleteRecords => delete_records().encode(into, version),
            Self::Produce => produce().encode(into, version),
            Self::ProduceAnywhere => half_a_producer(None).encode(into, version),
            Self::BeginTransaction => half_a_producer(Some(TransactionalId(text(nonce)))).encode(into, version),
            Self::FetchAsReplica => fetch_as_replica().encode(into, version),
            Self::DescribeTransaction => DescribeTransactionsRequest::default()
                .with_transactional_ids(vec![TransactionalId(text(nonce))])
                .encode(into, version),
            Self::DescribeGroup => {
                DescribeGroupsRequest::default().with_groups(vec![GroupId(text(nonce))]).encode(into, version)
            }
            Self::GroupOffsets => OffsetFetchRequest::default()
                .with_group_id(GroupId(text(nonce)))
                .with_topics(Some(Vec::new()))
                .encode(into, version),
            Self::DeleteGroup => {
                DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text(nonce))]).encode(into, version)
            }
            Self::BrokerSettings => broker_settings(StrBytes::default()).encode(into, version),
            Self::AlterBrokerSettings => forget_no_setting().encode(into, version),
            Self::AccessRules => rules_on(Some(NO_TOPIC), TOPIC, LITERAL).encode(into, version),
            Self::Quotas => quotas(vec![component(EXACT, Some(text(nonce)))]).encode(into, version),
            Self::AlterQuotas => forget_no_quota(nonce).encode(into, version),
            Self::LogDirs => log_dirs().encode(into, version),
            Self::Reassignments => reassignments().encode(into, version),
            Self::Passwords => DescribeUserScramCredentialsRequest::default()
                .with_users(Some(vec![UserName::default().with_name(text(nonce))]))
                .encode(into, version),
            Self::Tokens => DescribeDelegationTokenRequest::default().with_owners(None).encode(into, version),
        };
        let expressible = encoded.is_ok() && self.versions().holds(version);
        cleared(self.api(), version, expressible, correlation_id, &body)
    }
}

impl Question {
    /// The request, in a version of `versions`.
    ///
    /// # Errors
    /// The version is another one; Weir's fault.
    pub fn request(self, version: i16, correlation_id: i32) -> Result<Cleared, NotExpressible> {
        let mut body = BytesMut::new();
        let into = &mut body;
        let encoded = match self {
            Self::Everything => everything().encode(into, version),
            Self::Transactions => ListTransactionsRequest::default().encode(into, version),
            Self::AccessRules => rules_on(None, ANY, ANY).encode(into, version),
            Self::Quotas => quotas(vec![component(ANY_NAMED, None)]).encode(into, version),
            Self::DefaultQuotas => quotas(vec![component(DEFAULT, None)]).encode(into, version),
            Self::BrokerSettings(broker) => {
                broker_settings(StrBytes::from_string(broker.0.to_string())).encode(into, version)
            }
        };
        let expressible = encoded.is_ok() && self.versions().holds(version);
        cleared(self.api(), version, expressible, correlation_id, &body)
    }
}

fn cleared(
    (api, name): (ApiKey, &'static str),
    version: i16,
    expressible: bool,
    correlation_id: i32,
    body: &[u8],
) -> Result<Cleared, NotExpressible> {
    if !expressible {
        return Err(NotExpressible { api: name, version });
    }
    let header = RequestHeader { api_key: api as i16, version, correlation_id, client_id: Some(CLIENT_ID) };
    // From this version of a request's header on it has tagged fields.
    let flexible = api.request_header_version(version) >= 2;
    Ok(Cleared::judged(&header, flexible, &[body]))
}

fn text(nonce: &Nonce) -> StrBytes {
    StrBytes::from_string(nonce.0.clone())
}

fn no_topic() -> TopicName {
    TopicName(StrBytes::from_static_str(NO_TOPIC))
}

fn create_topic() -> CreateTopicsRequest {
    let topic = CreatableTopic::default().with_name(no_topic()).with_num_partitions(1).with_replication_factor(1);
    CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(SOON).with_validate_only(true)
}

fn add_partitions() -> CreatePartitionsRequest {
    let topic = CreatePartitionsTopic::default().with_name(no_topic()).with_count(1).with_assignments(None);
    CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(SOON).with_validate_only(true)
}

fn delete_records() -> DeleteRecordsRequest {
    let partition = DeleteRecordsPartition::default().with_partition_index(NO_PARTITION).with_offset(0);
    let topic = DeleteRecordsTopic::default().with_name(no_topic()).with_partitions(vec![partition]);
    DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(SOON)
}

fn produce() -> ProduceRequest {
    let partition = PartitionProduceData::default().with_index(NO_PARTITION).with_records(Some(Bytes::new()));
    let topic = TopicProduceData::default().with_name(no_topic()).with_partition_data(vec![partition]);
    ProduceRequest::default().with_acks(NO_ACKS).with_timeout_ms(SOON).with_topic_data(vec![topic])
}

/// A producer id without the epoch that belongs to it.
fn half_a_producer(transactional_id: Option<TransactionalId>) -> InitProducerIdRequest {
    InitProducerIdRequest::default()
        .with_transactional_id(transactional_id)
        .with_transaction_timeout_ms(-1)
        .with_producer_id(ProducerId(0))
        .with_producer_epoch(-1)
}

fn fetch_as_replica() -> FetchRequest {
    let partition = FetchPartition::default().with_partition(NO_PARTITION).with_partition_max_bytes(1);
    let topic = FetchTopic::default().with_topic(no_topic()).with_partitions(vec![partition]);
    FetchRequest::default().with_replica_id(NO_BROKER).with_max_bytes(1).with_topics(vec![topic])
}

fn broker_settings(broker: StrBytes) -> DescribeConfigsRequest {
    let keys = BROKER_SETTINGS.map(StrBytes::from_static_str).to_vec();
    let resource = DescribeConfigsResource::default()
        .with_resource_type(BROKER)
        .with_resource_name(broker)
        .with_configuration_keys(Some(keys));
    DescribeConfigsRequest::default().with_resources(vec![resource])
}

fn forget_no_setting() -> IncrementalAlterConfigsRequest {
    let setting = AlterableConfig::default()
        .with_name(StrBytes::from_static_str(NO_SETTING))
        .with_config_operation(FORGET)
        .with_value(None);
    // Without a name: what holds for all brokers.
    let resource = AlterConfigsResource::default().with_resource_type(BROKER).with_configs(vec![setting]);
    IncrementalAlterConfigsRequest::default().with_resources(vec![resource]).with_validate_only(true)
}

fn rules_on(name: Option<&'static str>, resource: i8, pattern: i8) -> DescribeAclsRequest {
    DescribeAclsRequest::default()
        .with_resource_type_filter(resource)
        .with_resource_name_filter(name.map(StrBytes::from_static_str))
        .with_pattern_type_filter(pattern)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(ANY)
        .with_permission_type(ANY)
}

fn component(how: i8, name: Option<StrBytes>) -> ComponentData {
    ComponentData::default().with_entity_type(StrBytes::from_static_str(QUOTA_OF)).with_match_type(how).with_match(name)
}

fn quotas(components: Vec<ComponentData>) -> DescribeClientQuotasRequest {
    DescribeClientQuotasRequest::default().with_components(components).with_strict(false)
}

fn forget_no_quota(nonce: &Nonce) -> AlterClientQuotasRequest {
    let user =
        EntityData::default().with_entity_type(StrBytes::from_static_str(QUOTA_OF)).with_entity_name(Some(text(nonce)));
    let forget = OpData::default().with_key(StrBytes::from_static_str("consumer_byte_rate")).with_remove(true);
    let entry = EntryData::default().with_entity(vec![user]).with_ops(vec![forget]);
    AlterClientQuotasRequest::default().with_entries(vec![entry]).with_validate_only(true)
}

fn log_dirs() -> DescribeLogDirsRequest {
    let topic = DescribableLogDirTopic::default().with_topic(no_topic()).with_partitions(vec![0]);
    DescribeLogDirsRequest::default().with_topics(Some(vec![topic]))
}

fn reassignments() -> ListPartitionReassignmentsRequest {
    let topic = ListPartitionReassignmentsTopics::default().with_name(no_topic()).with_partition_indexes(vec![0]);
    ListPartitionReassignmentsRequest::default().with_timeout_ms(SOON).with_topics(Some(vec![topic]))
}

/// Every topic that the asker may see. Nothing is created where no name is given.
fn everything() -> MetadataRequest {
    MetadataRequest::default()
        .with_topics(None)
        .with_allow_auto_topic_creation(false)
        .with_include_cluster_authorized_operations(true)
        .with_include_topic_authorized_operations(true)
}
