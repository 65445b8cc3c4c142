//! What moves in a cluster that lives: leaders, coordinators, and brokers from one release to the next.

use kafka_protocol::messages::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ElectLeadersRequest, MetadataRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::{Kafka, SETTLE, Version, wire};
use crate::wait;

/// As many as `node` gives the topic of offsets.
const OFFSETS_PARTITIONS: i32 = 6;
/// The election that makes the first replica the leader.
const PREFERRED: i8 = 0;
const ELECTION_NOT_NEEDED: i16 = 84;

impl Kafka {
    /// Makes `to`, which has a replica of the partition, its leader, and waits until every running broker says so. Nothing
    /// is copied, and no broker stops.
    ///
    /// # Panics
    /// When it does not come to be, or `to` has no replica.
    pub fn move_leader(&self, topic: &str, partition: i32, to: i32) {
        let mut replicas =
            wait::until("replicas", SETTLE, || Ok(self.seen(topic, partition, &self.any())?.replica_nodes));
        assert!(replicas.contains(&BrokerId(to)), "broker {to} has no replica of {topic}-{partition}");
        replicas.sort_by_key(|id| id.0 != to);
        let name = TopicName(StrBytes::from_string(topic.into()));
        let wanted = ReassignablePartition::default().with_partition_index(partition).with_replicas(Some(replicas));
        let wanted = ReassignableTopic::default().with_name(name.clone()).with_partitions(vec![wanted]);
        let reassign = AlterPartitionReassignmentsRequest::default().with_timeout_ms(10_000).with_topics(vec![wanted]);
        let elect = TopicPartitions::default().with_topic(name).with_partitions(vec![partition]);
        let elect = ElectLeadersRequest::default()
            .with_election_type(PREFERRED)
            .with_topic_partitions(Some(vec![elect]))
            .with_timeout_ms(10_000);
        wait::until(&format!("broker {to} to lead {topic}-{partition}"), SETTLE, || {
            let answer = wire::call(&self.any(), 0, &reassign)?;
            if answer.error_code != 0 {
                return Err(format!("reassigning: error {}", answer.error_code));
            }
            let answer = wire::call(&self.any(), 2, &elect)?;
            let results = answer.replica_election_results.iter().flat_map(|topic| &topic.partition_result);
            let failed = results.map(|result| result.error_code).find(|code| !matches!(*code, 0 | ELECTION_NOT_NEEDED));
            match failed {
                Some(code) => Err(format!("electing: error {code}")),
                None => self.all_see_leader(topic, partition, to),
            }
        });
    }

    /// Makes `to` the coordinator of a group, by the name that the *broker* knows; no broker stops.
    ///
    /// # Panics
    /// When it does not come to be.
    pub fn move_coordinator(&self, group: &str, to: i32) {
        // As Java hashes a string.
        let hash = group.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
        self.move_leader("__consumer_offsets", hash.checked_abs().unwrap_or(0) % OFFSETS_PARTITIONS, to);
        wait::until("the coordinator to have moved", SETTLE, || match self.coordinator_of(group) {
            id if id == to => Ok(()),
            id => Err(format!("broker {id} coordinates {group}")),
        });
    }

    /// Starts one broker again as another release, with its data and its addresses, and waits until all name it.
    pub fn upgrade(&self, id: i32, version: Version) {
        self.node(id, |node| node.upgrade(version));
        self.wait_ready();
    }

    fn all_see_leader(&self, topic: &str, partition: i32, leader: i32) -> Result<(), String> {
        for id in self.running() {
            let seen = self.seen(topic, partition, &self.plaintext(id))?;
            if seen.leader_id.0 != leader {
                return Err(format!("broker {id} says that {} leads", seen.leader_id.0));
            }
        }
        Ok(())
    }

    fn seen(&self, topic: &str, partition: i32, at: &str) -> Result<MetadataResponsePartition, String> {
        let wanted = MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(topic.into()))));
        let request = MetadataRequest::default().with_topics(Some(vec![wanted])).with_allow_auto_topic_creation(false);
        let answer = wire::call(at, 9, &request)?;
        let partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
        let mut found = partitions.filter(|seen| seen.partition_index == partition);
        found.next().ok_or_else(|| format!("{at} knows no {topic}-{partition}"))
    }
}
