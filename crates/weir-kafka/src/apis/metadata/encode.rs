//! A Metadata answer, written in one pass in the form of its version.
//!
//! Must never: write a broker that has no shown address, as a node, a leader or a replica.

use uuid::Uuid;

use super::{FLEXIBLE, NOT_ASKED};
use crate::advertise::ShownAddress;
use crate::cluster::{PartitionView, RealBrokerId, TopicView};
use crate::env::Env;
use crate::refusal::code;
use crate::wire::{put_i16, put_i32, put_length, put_nullable_string};

/// Bytes of a partition with three replicas, in round numbers.
const PARTITION: usize = 48;

/// An answer that is being written, field by field in Kafka's order.
pub(super) struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    version: i16,
    env: &'a Env<'a>,
    /// The brokers that are up and shown, sorted.
    leaders: Vec<RealBrokerId>,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(version: i16, env: &'a Env<'a>, out: &'a mut Vec<u8>) -> Self {
        let up = env.view.into_iter().flat_map(|view| view.brokers.keys().copied());
        let leaders = up.filter(|broker| env.nodes.shows(*broker)).collect();
        Self { out, version, env, leaders }
    }

    /// All that stands before the list of topics.
    pub(super) fn cluster(&mut self, brokers: &[ShownAddress], cluster_id: Option<&str>) {
        if self.version >= 3 {
            // No throttle time.
            put_i32(self.out, 0);
        }
        self.count(brokers.len());
        for broker in brokers {
            put_i32(self.out, broker.id.0);
            self.string(Some(&broker.host));
            put_i32(self.out, i32::from(broker.port));
            if self.version >= 1 {
                let env = self.env;
                self.string(env.view.and_then(|view| view.racks.shown(broker.id.real())));
            }
            self.no_tags();
        }
        if self.version >= 2 {
            self.string(cluster_id);
        }
        if self.version >= 1 {
            // Any broker takes what a client has for the controller.
            put_i32(self.out, brokers.first().map_or(-1, |broker| broker.id.0));
        }
    }

    /// The length of the list that follows.
    pub(super) fn count(&mut self, count: usize) {
        put_length(self.out, self.version >= FLEXIBLE, count);
    }

    pub(super) fn topic(&mut self, name: &str, topic: &TopicView, operations: i32) {
        self.topic_head(code::NONE, Some(name), topic.id);
        self.out.reserve(topic.partitions.len().saturating_mul(PARTITION));
        self.count(topic.partitions.len());
        for partition in &topic.partitions {
            self.partition(partition);
        }
        self.topic_tail(operations);
    }

    /// A topic that may be described and does not exist.
    pub(super) fn absent(&mut self, name: &str, operations: i32) {
        self.topic_head(code::UNKNOWN_TOPIC_OR_PARTITION, Some(name), Uuid::nil());
        self.count(0);
        self.topic_tail(operations);
    }

    /// A topic that is refused.
    pub(super) fn failed(&mut self, error_code: i16, name: Option<&str>, id: Uuid) {
        self.topic_head(error_code, name, id);
        self.count(0);
        self.topic_tail(NOT_ASKED);
    }

    /// The end of the answer.
    pub(super) fn finish(mut self, cluster_operations: i32) {
        if (8..=10).contains(&self.version) {
            put_i32(self.out, cluster_operations);
        }
        self.no_tags();
    }

    fn topic_head(&mut self, error_code: i16, name: Option<&str>, id: Uuid) {
        put_i16(self.out, error_code);
        self.string(name);
        if self.version >= 10 {
            self.out.extend_from_slice(id.as_bytes());
        }
        if self.version >= 1 {
            // Internal topics are never shown.
            self.out.push(0);
        }
    }

    fn topic_tail(&mut self, operations: i32) {
        if self.version >= 8 {
            put_i32(self.out, operations);
        }
        self.no_tags();
    }

    /// A broker without a shown address does not exist for a client: it neither leads nor replicates.
    fn partition(&mut self, partition: &PartitionView) {
        let leads = self.leaders.binary_search(&partition.leader).is_ok();
        let error_code = match partition.error_code {
            code::NONE if !leads => code::LEADER_NOT_AVAILABLE,
            error_code => error_code,
        };
        let leader = if leads { partition.leader.shown().0 } else { -1 };
        let fields = fields(error_code, partition.index, leader, partition.leader_epoch);
        if self.version >= 7 {
            self.out.extend_from_slice(&fields);
        } else {
            let [without_epoch @ .., _, _, _, _] = fields;
            self.out.extend_from_slice(&without_epoch);
        }
        self.brokers(&partition.replicas);
        self.brokers(&partition.isr);
        if self.version >= 5 {
            self.brokers(&partition.offline);
        }
        self.no_tags();
    }

    fn brokers(&mut self, ids: &[RealBrokerId]) {
        let nodes = self.env.nodes;
        match ids {
            // As most lists are: three copies, and none of them offline.
            [one, two, three] if self.version >= FLEXIBLE && ids.iter().all(|id| nodes.shows(*id)) => {
                self.out.extend_from_slice(&three_brokers(*one, *two, *three));
            }
            [] => self.count(0),
            _ => {
                self.count(ids.iter().filter(|id| nodes.shows(**id)).count());
                for id in ids.iter().filter(|id| nodes.shows(**id)) {
                    put_i32(self.out, id.shown().0);
                }
            }
        }
    }

    fn string(&mut self, text: Option<&str>) {
        if self.version < FLEXIBLE {
            return put_nullable_string(self.out, text);
        }
        let Some(text) = text else { return self.out.push(0) };
        self.count(text.len());
        self.out.extend_from_slice(text.as_bytes());
    }

    fn no_tags(&mut self) {
        if self.version >= FLEXIBLE {
            self.out.push(0);
        }
    }
}

/// A partition's first fields, in one piece: its error, its index, its leader and the leader's epoch.
fn fields(error_code: i16, index: i32, leader: i32, epoch: i32) -> [u8; 14] {
    let all = u128::from(error_code.cast_unsigned()) << 96 | word(index) << 64 | word(leader) << 32 | word(epoch);
    let [_, _, fields @ ..] = all.to_be_bytes();
    fields
}

/// A compact list of three brokers, in one piece.
fn three_brokers(one: RealBrokerId, two: RealBrokerId, three: RealBrokerId) -> [u8; 13] {
    const LENGTH: u128 = 3 + 1;
    let all = LENGTH << 96 | word(one.shown().0) << 64 | word(two.shown().0) << 32 | word(three.shown().0);
    let [_, _, _, list @ ..] = all.to_be_bytes();
    list
}

/// Four bytes of a longer number.
fn word(value: i32) -> u128 {
    u128::from(value.cast_unsigned())
}
