//! What the kit asks of a cluster and tells it: topics, leaders, coordinators, groups, committed offsets.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreateTopicsRequest, DeleteRecordsRequest, DeleteTopicsRequest,
    DescribeConfigsRequest, FetchRequest, FindCoordinatorRequest, GroupId, IncrementalAlterConfigsRequest,
    ListGroupsRequest, MetadataRequest, MetadataResponse, OffsetFetchRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::{Kafka, wire};
use crate::wait;

/// Kafka's number for topics among the things that have settings.
const TOPIC: i8 = 2;
const SETTLE: Duration = Duration::from_secs(60);

/// A topic to create.
#[derive(Debug, Clone)]
pub struct TopicSpec<'a> {
    /// Its name.
    pub name: &'a str,
    /// How many partitions.
    pub partitions: i32,
    /// Replicas of each.
    pub replication: i16,
    /// Topic configs, such as `("cleanup.policy", "compact")`.
    pub configs: &'a [(&'a str, &'a str)],
}

/// A group as a broker lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupListing {
    /// The id that the broker knows.
    pub id: String,
    /// `consumer` or what the members said.
    pub protocol: String,
    /// `Stable`, `Empty`...
    pub state: String,
}

impl Kafka {
    /// Creates a topic and waits until every running broker knows a leader for each of its partitions.
    pub fn create_topic(&self, name: &str, partitions: i32, replication: i16, configs: &[(&str, &str)]) {
        self.create_topics(&[TopicSpec { name, partitions, replication, configs }]);
    }

    /// Creates several topics with one request, and waits for all.
    pub fn create_topics(&self, specs: &[TopicSpec<'_>]) {
        self.create(specs.iter().map(creatable).collect());
        for spec in specs {
            self.wait_topic(spec.name, spec.partitions);
        }
    }

    /// Creates a topic whose replicas of each partition are on the brokers that are named for it, the leader first, and
    /// waits until every running broker knows the leaders.
    pub fn create_placed(&self, name: &str, replicas: &[Vec<i32>], configs: &[(&str, &str)]) {
        let assignments = (0..).zip(replicas).map(|(partition, brokers)| {
            CreatableReplicaAssignment::default()
                .with_partition_index(partition)
                .with_broker_ids(brokers.iter().copied().map(BrokerId).collect())
        });
        let spec = TopicSpec { name, partitions: -1, replication: -1, configs };
        self.create(vec![creatable(&spec).with_assignments(assignments.collect())]);
        self.wait_topic(name, i32::try_from(replicas.len()).expect("few partitions"));
    }

    fn create(&self, topics: Vec<CreatableTopic>) {
        let request = CreateTopicsRequest::default().with_timeout_ms(10_000).with_topics(topics);
        let answer = wait::until("topics to be created", SETTLE, || {
            let answer = wire::call(&self.any(), 5, &request)?;
            // 41: the controller moved. 7: time-out. 36: an earlier attempt that timed out did it.
            match answer.topics.iter().find(|topic| matches!(topic.error_code, 7 | 41)) {
                Some(topic) => Err(format!("{}: error {}", &*topic.name.0, topic.error_code)),
                None => Ok(answer),
            }
        });
        for topic in &answer.topics {
            let why = topic.error_message.as_deref().unwrap_or("");
            assert!(topic.error_code == 0, "creating {}: error {} {why}", &*topic.name.0, topic.error_code);
        }
    }

    /// Grows a topic, and waits until every running broker knows.
    pub fn create_partitions(&self, topic: &str, count: i32) {
        let wanted =
            CreatePartitionsTopic::default().with_name(topic_name(topic)).with_count(count).with_assignments(None);
        let request = CreatePartitionsRequest::default().with_timeout_ms(10_000).with_topics(vec![wanted]);
        let answer = wire::call(&self.any(), 2, &request).expect("the broker answers");
        for result in &answer.results {
            assert!(result.error_code == 0, "growing {topic}: error {}", result.error_code);
        }
        self.wait_topic(topic, count);
    }

    /// Changes one setting of a topic, and waits until every running broker says so.
    pub fn configure_topic(&self, topic: &str, key: &str, value: &str) {
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        let config = AlterableConfig::default().with_name(text(key)).with_value(Some(text(value)));
        let resource = AlterConfigsResource::default().with_resource_type(TOPIC).with_resource_name(text(topic));
        let request =
            IncrementalAlterConfigsRequest::default().with_resources(vec![resource.with_configs(vec![config])]);
        let answer = wire::call(&self.any(), 1, &request).expect("the broker answers");
        for result in &answer.responses {
            assert!(result.error_code == 0, "{key} of {topic}: error {}", result.error_code);
        }
        wait::until("a topic's setting", SETTLE, || {
            let resource = DescribeConfigsResource::default()
                .with_resource_type(TOPIC)
                .with_resource_name(text(topic))
                .with_configuration_keys(Some(vec![text(key)]));
            let asked = DescribeConfigsRequest::default().with_resources(vec![resource]);
            for id in self.running() {
                let told = wire::call(&self.plaintext(id), 4, &asked)?;
                let now = told.results.iter().flat_map(|result| &result.configs).find_map(|one| one.value.clone());
                if now.as_deref() != Some(value) {
                    return Err(format!("broker {id} says {now:?}"));
                }
            }
            Ok(())
        });
    }

    /// Deletes a topic, and waits until no running broker knows it.
    pub fn delete_topic(&self, topic: &str) {
        let request = DeleteTopicsRequest::default().with_timeout_ms(10_000);
        let request = request.with_topics(vec![DeleteTopicState::default().with_name(Some(topic_name(topic)))]);
        let answer = wire::call(&self.any(), 6, &request).expect("the broker answers");
        for result in &answer.responses {
            assert!(result.error_code == 0, "deleting {topic}: error {}", result.error_code);
        }
        wait::until("a topic to be gone", SETTLE, || {
            let known =
                self.running().into_iter().find(|id| self.topic_seen_by(*id, topic).is_ok_and(|t| t.error_code == 0));
            known.map_or(Ok(()), |id| Err(format!("broker {id} still knows {topic}")))
        });
    }

    /// Deletes the records of a partition before an offset, as retention does.
    pub fn delete_records_before(&self, topic: &str, partition: i32, offset: i64) {
        let before = DeleteRecordsPartition::default().with_partition_index(partition).with_offset(offset);
        let wanted = DeleteRecordsTopic::default().with_name(topic_name(topic)).with_partitions(vec![before]);
        let request = DeleteRecordsRequest::default().with_timeout_ms(10_000).with_topics(vec![wanted]);
        wait::until("records to be deleted", SETTLE, || {
            let answer = wire::call(&self.plaintext(self.leader_of(topic, partition)), 2, &request)?;
            let deleted = &answer.topics.first().ok_or("no topic in the answer")?.partitions[0];
            (deleted.error_code == 0).then_some(()).ok_or_else(|| format!("error {}", deleted.error_code))
        });
    }

    /// The id of the broker that leads a partition now.
    pub fn leader_of(&self, topic: &str, partition: i32) -> i32 {
        self.partition(topic, partition, "a leader", |seen, running| {
            running.contains(&seen.leader_id.0).then_some(seen.leader_id.0)
        })
    }

    /// Waits until all replicas of a topic are in sync, after a broker came back.
    pub fn wait_in_sync(&self, topic: &str, partitions: i32) {
        for partition in 0..partitions {
            self.partition(topic, partition, "all replicas in sync", |seen, _| {
                (seen.isr_nodes.len() == seen.replica_nodes.len()).then_some(())
            });
        }
    }

    /// The id of the broker that coordinates a group, by the name that the *broker* knows.
    pub fn coordinator_of(&self, group: &str) -> i32 {
        let request = FindCoordinatorRequest::default().with_key(StrBytes::from_string(group.into()));
        wait::until("a coordinator", SETTLE, || {
            let answer = wire::call(&self.any(), 2, &request)?;
            let id = answer.node_id.0;
            match answer.error_code {
                0 if self.running().contains(&id) => Ok(id),
                code => Err(format!("group {group}: error {code}, broker {id}")),
            }
        })
    }

    /// Every group of every running broker, sorted, by the names that the brokers know.
    pub fn groups(&self) -> Vec<GroupListing> {
        let mut groups = Vec::new();
        for id in self.running() {
            let answer = wait::until("a list of groups", SETTLE, || {
                let answer = wire::call(&self.plaintext(id), 4, &ListGroupsRequest::default())?;
                (answer.error_code == 0).then_some(answer.groups).ok_or_else(|| format!("error {}", answer.error_code))
            });
            groups.extend(answer.into_iter().map(|group| GroupListing {
                id: group.group_id.0.to_string(),
                protocol: group.protocol_type.to_string(),
                state: group.group_state.to_string(),
            }));
        }
        groups.sort();
        groups
    }

    /// The offsets that a group has committed, by topic and partition. The name is the one that the *broker* knows.
    pub fn committed(&self, group: &str) -> BTreeMap<(String, i32), i64> {
        let wanted = OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(StrBytes::from_string(group.into())))
            .with_topics(None);
        let request = OffsetFetchRequest::default().with_groups(vec![wanted]);
        wait::until("committed offsets", SETTLE, || {
            let at = self.plaintext(self.coordinator_of(group));
            let answer = wire::call(&at, 8, &request)?;
            let found = answer.groups.first().ok_or("no group in the answer")?;
            if found.error_code != 0 {
                return Err(format!("error {}", found.error_code));
            }
            let offsets = found.topics.iter().flat_map(|topic| {
                topic.partitions.iter().map(|p| ((topic.name.0.to_string(), p.partition_index), p.committed_offset))
            });
            Ok(offsets.filter(|(_, offset)| *offset >= 0).collect())
        })
    }

    /// Reads the first MiB of every partition straight from its leader, so that the direct side of the transcripts
    /// holds it; gives how many bytes of records came.
    pub fn show_directly(&self, topic: &str, partitions: i32) -> usize {
        (0..partitions).map(|partition| self.first_bytes(topic, partition)).sum()
    }

    fn first_bytes(&self, topic: &str, partition: i32) -> usize {
        let wanted = FetchPartition::default().with_partition(partition).with_partition_max_bytes(1 << 20);
        let wanted = FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![wanted]);
        let request = FetchRequest::default().with_max_wait_ms(500).with_max_bytes(1 << 20).with_topics(vec![wanted]);
        wait::until("records", SETTLE, || {
            let at = self.plaintext(self.leader_of(topic, partition));
            let answer = wire::call(&at, 11, &request)?;
            let found = answer.responses.first().and_then(|topic| topic.partitions.first());
            let found = found.ok_or("no partition in the answer")?;
            match found.error_code {
                0 => Ok(found.records.as_ref().map_or(0, bytes::Bytes::len)),
                code => Err(format!("{topic}-{partition}: error {code}")),
            }
        })
    }

    /// Ids of the brokers that broker `id` names, sorted.
    pub(super) fn brokers_seen_by(&self, id: i32) -> Result<Vec<i32>, String> {
        let mut seen: Vec<i32> = self.metadata(id, Some(Vec::new()))?.brokers.iter().map(|b| b.node_id.0).collect();
        seen.sort_unstable();
        Ok(seen)
    }

    fn metadata(&self, id: i32, topics: Option<Vec<MetadataRequestTopic>>) -> Result<MetadataResponse, String> {
        let request = MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(false);
        wire::call(&self.plaintext(id), 9, &request)
    }

    fn topic_seen_by(&self, id: i32, topic: &str) -> Result<MetadataResponseTopic, String> {
        let wanted = MetadataRequestTopic::default().with_name(Some(topic_name(topic)));
        let answer = self.metadata(id, Some(vec![wanted]))?;
        answer.topics.into_iter().next().ok_or_else(|| format!("broker {id} says nothing about {topic}"))
    }

    fn wait_topic(&self, topic: &str, partitions: i32) {
        wait::until("a topic to have leaders", SETTLE, || {
            for id in self.running() {
                let seen = self.topic_seen_by(id, topic)?;
                let led = seen.partitions.iter().filter(|p| p.error_code == 0 && p.leader_id.0 >= 0).count();
                if seen.error_code != 0 || i32::try_from(led) != Ok(partitions) {
                    return Err(format!("broker {id}: {topic} has {led} of {partitions}, error {}", seen.error_code));
                }
            }
            Ok(())
        });
    }

    fn partition<T>(&self, topic: &str, partition: i32, what: &str, judge: impl Fn(&Seen, &[i32]) -> Option<T>) -> T {
        wait::until(&format!("{what} of {topic}-{partition}"), SETTLE, || {
            let running = self.running();
            let first = *running.first().ok_or("no broker runs")?;
            let seen = self.topic_seen_by(first, topic)?;
            let found = seen.partitions.iter().find(|p| p.partition_index == partition);
            let found = found.ok_or_else(|| format!("not there; error {}", seen.error_code))?;
            judge(found, &running).ok_or_else(|| format!("broker {first} says {found:?}"))
        })
    }
}

type Seen = kafka_protocol::messages::metadata_response::MetadataResponsePartition;

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.into()))
}

fn creatable(spec: &TopicSpec<'_>) -> CreatableTopic {
    let config = |(key, value): &(&str, &str)| {
        CreatableTopicConfig::default()
            .with_name(StrBytes::from_string((*key).into()))
            .with_value(Some(StrBytes::from_string((*value).into())))
    };
    CreatableTopic::default()
        .with_name(topic_name(spec.name))
        .with_num_partitions(spec.partitions)
        .with_replication_factor(spec.replication)
        .with_configs(spec.configs.iter().map(config).collect())
}
