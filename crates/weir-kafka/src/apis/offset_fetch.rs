//! OffsetFetch: groups are renamed both ways; a refused topic returns with its code, or in silence where all were asked.
//!
//! Versions 1 to 7 ask for one group, 8 and later for many, each with its own verdict (trap C37).
//! Must never: turn "these topics, none of them allowed" into "all topics" (trap C36).

use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{GroupId, OffsetFetchRequest, OffsetFetchResponse};
use kafka_protocol::protocol::StrBytes;
use weir_policy::Operation;

use super::own_groups::Unanswered;
use super::topics::AskedTopic;
use super::{Answer, Judged, NAMES_NO_TIME, Request, Restored, Withheld};
use crate::env::Env;
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::{code, code_of};

/// The first version that asks for several groups.
const BATCHED: i16 = 8;
/// The first version whose answer has a code for the whole group.
const GROUP_CODE: i16 = 2;

/// What was asked, and what of it was refused. Single-group versions are held as one group.
#[derive(Debug)]
pub(crate) struct Refused {
    asked: Vec<AskedGroup>,
    groups: Vec<OffsetFetchResponseGroup>,
}

#[derive(Debug)]
struct AskedGroup {
    real: GroupId,
    shown: GroupId,
    all_topics: bool,
    refused: Vec<OffsetFetchResponseTopics>,
}

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<OffsetFetchRequest>()?;
    let mut refused = Refused { asked: Vec::new(), groups: Vec::new() };
    let mut forwarded = Vec::new();
    let mut unreachable = Vec::new();
    for mut group in take_groups(&mut message, request.version) {
        let shown = group.group_id.clone();
        match request.real_group(&shown) {
            Err(reason) => {
                refusals.add(reason, 1);
                refused.groups.push(failed_group(&shown, &group, request.version, code_of(reason)));
            }
            Ok(real) => {
                unreachable.push(failed_group(&shown, &group, request.version, request.row.unreachable_code()));
                let all_topics = group.topics.is_none();
                let cut = |topics| request.cut_from_group(Operation::Describe, topics, refusals);
                let cut = group.topics.as_mut().map(cut).unwrap_or_default();
                // Also where no topic is left: what is wrong with the group is for its coordinator to say.
                group.group_id = real.clone();
                forwarded.push(group);
                refused.asked.push(AskedGroup { real, shown, all_topics, refused: cut });
            }
        }
    }
    if forwarded.is_empty() {
        return request.answer(&response(request.version, refused.groups));
    }
    let if_unreachable = request.if_unreachable(|| {
        response(request.version, unreachable.into_iter().chain(refused.groups.iter().cloned()).collect())
    })?;
    put_groups(&mut message, forwarded, request.version);
    let withheld = Withheld::OffsetFetch(Box::new(refused));
    request.forward_prepared(&message, withheld, request.patience(NAMES_NO_TIME), if_unreachable)
}

pub(super) fn restore(answer: &Answer<'_>, refused: &Refused) -> Result<Restored, Fault> {
    let mut message = answer.decode::<OffsetFetchResponse>()?;
    let mut groups = Vec::with_capacity(refused.asked.len().saturating_add(refused.groups.len()));
    // One group may be asked for twice, with other topics each time (trap C35): each asking has one answer.
    let mut left = Unanswered::new(&refused.asked, |asked| &asked.real);
    for mut group in answered_groups(&mut message, refused, answer.version) {
        let asked = left.take(&group.group_id)?;
        group.group_id = asked.shown.clone();
        if asked.all_topics {
            group.topics.retain(|topic| may_describe(answer.env, &topic.name));
        }
        // What is wrong with the group stands alone, as with Kafka.
        if group.error_code == code::NONE {
            group.topics.extend(asked.refused.iter().cloned());
        }
        groups.push(group);
    }
    groups.extend(refused.groups.iter().cloned());
    let restored = response(answer.version, groups).with_throttle_time_ms(message.throttle_time_ms);
    answer.encoded(&restored, false)
}

fn may_describe(env: &Env<'_>, topic: &str) -> bool {
    env.judge_in_group(Operation::Describe, topic).is_ok()
}

/// The groups asked for, whatever the version's form.
fn take_groups(message: &mut OffsetFetchRequest, version: i16) -> Vec<OffsetFetchRequestGroup> {
    if version >= BATCHED {
        return std::mem::take(&mut message.groups);
    }
    let topic = |topic: kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic| {
        OffsetFetchRequestTopics::default().with_name(topic.name).with_partition_indexes(topic.partition_indexes)
    };
    let topics = message.topics.take().map(|topics| topics.into_iter().map(topic).collect());
    vec![OffsetFetchRequestGroup::default().with_group_id(message.group_id.clone()).with_topics(topics)]
}

fn put_groups(message: &mut OffsetFetchRequest, groups: Vec<OffsetFetchRequestGroup>, version: i16) {
    if version >= BATCHED {
        message.groups = groups;
        return;
    }
    let topic = |topic: OffsetFetchRequestTopics| {
        kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic::default()
            .with_name(topic.name)
            .with_partition_indexes(topic.partition_indexes)
    };
    for group in groups {
        message.group_id = group.group_id;
        message.topics = group.topics.map(|topics| topics.into_iter().map(topic).collect());
    }
}

/// The groups answered, whatever the version's form.
fn answered_groups(
    message: &mut OffsetFetchResponse,
    refused: &Refused,
    version: i16,
) -> Vec<OffsetFetchResponseGroup> {
    if version >= BATCHED {
        return std::mem::take(&mut message.groups);
    }
    let partition = |partition: OffsetFetchResponsePartition| {
        OffsetFetchResponsePartitions::default()
            .with_partition_index(partition.partition_index)
            .with_committed_offset(partition.committed_offset)
            .with_committed_leader_epoch(partition.committed_leader_epoch)
            .with_metadata(partition.metadata)
            .with_error_code(partition.error_code)
    };
    let topic = |topic: OffsetFetchResponseTopic| {
        OffsetFetchResponseTopics::default()
            .with_name(topic.name)
            .with_partitions(topic.partitions.into_iter().map(partition).collect())
    };
    let real = refused.asked.first().map(|asked| asked.real.clone()).unwrap_or_default();
    let topics = std::mem::take(&mut message.topics).into_iter().map(topic).collect();
    let only =
        OffsetFetchResponseGroup::default().with_group_id(real).with_topics(topics).with_error_code(message.error_code);
    vec![only]
}

fn response(version: i16, groups: Vec<OffsetFetchResponseGroup>) -> OffsetFetchResponse {
    if version >= BATCHED {
        return OffsetFetchResponse::default().with_groups(groups);
    }
    let partition = |partition: OffsetFetchResponsePartitions| {
        OffsetFetchResponsePartition::default()
            .with_partition_index(partition.partition_index)
            .with_committed_offset(partition.committed_offset)
            .with_committed_leader_epoch(partition.committed_leader_epoch)
            .with_metadata(partition.metadata)
            .with_error_code(partition.error_code)
    };
    let topic = |topic: OffsetFetchResponseTopics| {
        OffsetFetchResponseTopic::default()
            .with_name(topic.name)
            .with_partitions(topic.partitions.into_iter().map(partition).collect())
    };
    let mut only = OffsetFetchResponse::default();
    for group in groups {
        only.topics.extend(group.topics.into_iter().map(topic));
        only.error_code = group.error_code;
    }
    only
}

/// A refused group: its code stands at the group, and in version 1, which has no place there, at each partition.
fn failed_group(
    shown: &GroupId,
    group: &OffsetFetchRequestGroup,
    version: i16,
    error_code: i16,
) -> OffsetFetchResponseGroup {
    let failed = OffsetFetchResponseGroup::default().with_group_id(shown.clone());
    if version >= GROUP_CODE {
        return failed.with_error_code(error_code);
    }
    let topics = group.topics.iter().flatten().map(|topic| topic.failed(error_code)).collect();
    failed.with_topics(topics)
}

impl AskedTopic for OffsetFetchRequestTopics {
    type Answered = OffsetFetchResponseTopics;

    fn name(&self) -> &str {
        &self.name
    }

    fn partitions(&self) -> usize {
        self.partition_indexes.len()
    }

    /// With no offset.
    fn failed(&self, error_code: i16) -> OffsetFetchResponseTopics {
        let failed = |index: &i32| {
            OffsetFetchResponsePartitions::default()
                .with_partition_index(*index)
                .with_committed_offset(-1)
                .with_committed_leader_epoch(-1)
                .with_metadata(Some(StrBytes::default()))
                .with_error_code(error_code)
        };
        OffsetFetchResponseTopics::default()
            .with_name(self.name.clone())
            .with_partitions(self.partition_indexes.iter().map(failed).collect())
    }
}
