//! OffsetCommit: the group is renamed and each topic judged; the answer names every partition that was asked.
//!
//! Must never: leave an offset for a group or a topic that was refused, let a client pin it for longer (trap S15), or
//! count as one what is many: what the brokers write is a record for each partition (trap A15).

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse, TopicName};
use weir_policy::{Offsets, Operation, Reason};

use super::quotas::Admitted;
use super::topics::{Answered, AskedTopic, merge};
use super::{Answer, ForwardBody, Judged, NAMES_NO_TIME, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code_of;
use crate::skim;
use crate::wire::{Malformed, Reader};

/// The last version in which a client says for how long an offset is kept.
const LAST_WITH_RETENTION: i16 = 4;
/// The first version with a leader epoch in each partition.
const LEADER_EPOCH: i16 = 6;

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    match as_it_is(request)? {
        AsItIs::Judged(judged) => Ok(judged),
        AsItIs::Admitted(admitted) => judge_each(request, Some(admitted), refusals),
        AsItIs::Unusual => judge_each(request, None, refusals),
    }
}

/// The usual commit: nothing of it is refused, and nothing but the group's name changes on its way.
enum AsItIs {
    Judged(Judged),
    /// All of it would be right, but not all may be written.
    Admitted(Admitted),
    Unusual,
}

fn as_it_is(request: &Request<'_>) -> Result<AsItIs, Fault> {
    let names_a_time = request.version <= LAST_WITH_RETENTION;
    if names_a_time || !request.env.broker_connected || denies(request) {
        return Ok(AsItIs::Unusual);
    }
    let body = request.known_body()?;
    let Ok(shown) = request.own_group(&body)? else { return Ok(AsItIs::Unusual) };
    let Some((partitions, beyond)) = right_partitions(request, &body).map_err(Fault::Malformed)? else {
        return Ok(AsItIs::Unusual);
    };
    let group = body.get(shown.clone()).and_then(|group| std::str::from_utf8(group).ok()).unwrap_or_default();
    let Ok(group) = request.env.principal.real_group(group) else { return Ok(AsItIs::Unusual) };
    let is_member =
        is_member(body.get(shown.end..).and_then(|rest| rest.first_chunk().copied()).map(i32::from_be_bytes));
    match request.admit_commit(group.as_str(), is_member, &partitions) {
        Admitted::All => request.note_long_metadata(beyond),
        admitted => return Ok(AsItIs::Admitted(admitted)),
    }
    let body = ForwardBody::Renamed { body, shown };
    let withheld = Withheld::OffsetCommit(Vec::new());
    Ok(AsItIs::Judged(request.forward_body(body, withheld, request.patience(NAMES_NO_TIME), None)))
}

/// Partitions, and how many of them have more metadata than a limit that is only observed lets them.
type Partitions<'a> = (Vec<(&'a str, i32)>, usize);

/// The partitions of a walked body, where all of them may be read and none has more metadata than it may.
fn right_partitions<'a>(request: &Request<'_>, body: &'a [u8]) -> Result<Option<Partitions<'a>>, Malformed> {
    let (shape, version) = (request.row.request, request.version);
    let mut partitions = Vec::new();
    let mut beyond = 0_usize;
    let mut bad = None;
    let may_read = |topic: &'a str| request.env.judge_in_group(Operation::Read, topic).is_ok();
    let all = skim::all(shape, version, body, may_read, |topic, bytes| {
        match partition(bytes, version, shape.is_flexible(version)) {
            Ok((index, metadata)) if !request.is_long_metadata(metadata) => {
                beyond = beyond.saturating_add(usize::from(request.exceeds_metadata(metadata)));
                partitions.push((topic, index));
            }
            Ok(_) => return false,
            Err(malformed) => bad = Some(malformed),
        }
        bad.is_none()
    })?;
    match bad {
        Some(malformed) => Err(malformed),
        None => Ok(all.then_some((partitions, beyond))),
    }
}

/// A partition's index, and the length of its metadata.
fn partition(bytes: &[u8], version: i16, flexible: bool) -> Result<(i32, usize), Malformed> {
    let mut reader = Reader::new(bytes);
    let index = reader.i32()?;
    reader.skip(if version >= LEADER_EPOCH { 12 } else { 8 })?;
    let metadata = if flexible { reader.compact_nullable_string()? } else { reader.nullable_string()? };
    Ok((index, metadata.map_or(0, str::len)))
}

/// Whoever names no generation commits for nobody, and makes the group where it is not.
fn is_member(generation: Option<i32>) -> bool {
    generation.is_some_and(|generation| generation >= 0)
}

/// Whether nothing that this principal commits goes to the brokers.
fn denies(request: &Request<'_>) -> bool {
    request.env.principal.limits.offsets == Offsets::Deny
}

fn judge_each(request: &Request<'_>, admitted: Option<Admitted>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<OffsetCommitRequest>()?;
    let group = request.real_group(&message.group_id);
    match group.and_then(|group| if denies(request) { Err(Reason::QuotaOffsets) } else { Ok(group) }) {
        Ok(group) => message.group_id = group,
        Err(reason) => return refuse_all(request, &message.topics, Vec::new(), reason, refusals),
    }
    message.retention_time_ms = -1;
    let asked_for_nothing = message.topics.is_empty();
    let mut refused = request.cut_from_group(Operation::Read, &mut message.topics, refusals);
    cut_metadata(request, &mut message.topics, &mut refused, refusals);
    if message.topics.is_empty() && !asked_for_nothing {
        return request.answer(&response(refused));
    }
    match admitted.unwrap_or_else(|| admit(request, &message)) {
        Admitted::All => {}
        Admitted::Nothing(reason) => return refuse_all(request, &message.topics, refused, reason, refusals),
        Admitted::AllBut(places) => {
            cut_places(&mut message.topics, &places, &mut refused, refusals);
            if message.topics.is_empty() {
                return request.answer(&response(refused));
            }
        }
    }
    request.forward_topics(&message, &message.topics, refused, response, Withheld::OffsetCommit)
}

fn admit(request: &Request<'_>, message: &OffsetCommitRequest) -> Admitted {
    let of_one = |topic: &'_ OffsetCommitRequestTopic| topic.partitions.len();
    let mut partitions = Vec::with_capacity(message.topics.iter().map(of_one).sum());
    for topic in &message.topics {
        let named = topic.partitions.iter().map(|partition| (&**topic.name, partition.partition_index));
        partitions.extend(named);
    }
    let is_member = is_member(Some(message.generation_id_or_member_epoch));
    request.admit_commit(&message.group_id, is_member, &partitions)
}

/// Every partition with the code of one reason, behind what was refused already.
fn refuse_all(
    request: &Request<'_>,
    topics: &[OffsetCommitRequestTopic],
    mut refused: Vec<OffsetCommitResponseTopic>,
    reason: Reason,
    refusals: &mut Refusals,
) -> Result<Judged, Fault> {
    refusals.add(reason, topics.iter().map(|topic| topic.partitions.len()).sum::<usize>().max(1));
    refused.extend(topics.iter().map(|topic| topic.failed(code_of(reason))));
    request.answer(&response(refused))
}

fn cut_metadata(
    request: &Request<'_>,
    topics: &mut Vec<OffsetCommitRequestTopic>,
    refused: &mut Vec<OffsetCommitResponseTopic>,
    refusals: &mut Refusals,
) {
    let mut beyond = 0_usize;
    let why = |partition: &OffsetCommitRequestPartition| {
        let length = partition.committed_metadata.as_ref().map_or(0, |metadata| metadata.len());
        beyond = beyond.saturating_add(usize::from(request.exceeds_metadata(length)));
        request.is_long_metadata(length).then_some(Reason::QuotaCommitMetadata)
    };
    cut(topics, refused, refusals, why);
    request.note_long_metadata(beyond);
}

/// Cuts the partitions at these places, counted over all topics.
fn cut_places(
    topics: &mut Vec<OffsetCommitRequestTopic>,
    places: &[(usize, Reason)],
    refused: &mut Vec<OffsetCommitResponseTopic>,
    refusals: &mut Refusals,
) {
    let (mut place, mut places) = (0_usize, places.iter().peekable());
    cut(topics, refused, refusals, |_| {
        let why = places.next_if(|(cut, _)| *cut == place).map(|(_, reason)| *reason);
        place = place.saturating_add(1);
        why
    });
}

/// Cuts each partition for which there is a reason.
fn cut(
    topics: &mut Vec<OffsetCommitRequestTopic>,
    refused: &mut Vec<OffsetCommitResponseTopic>,
    refusals: &mut Refusals,
    mut why: impl FnMut(&OffsetCommitRequestPartition) -> Option<Reason>,
) {
    topics.retain_mut(|topic| {
        let mut cut = Vec::new();
        topic.partitions.retain(|partition| {
            let reason = why(partition);
            cut.extend(reason.map(|reason| (partition.partition_index, reason)));
            reason.is_none()
        });
        if cut.is_empty() {
            return true;
        }
        cut.iter().for_each(|(_, reason)| refusals.add(*reason, 1));
        let failed = |(index, reason): &(i32, Reason)| {
            OffsetCommitResponsePartition::default().with_partition_index(*index).with_error_code(code_of(*reason))
        };
        let failed = cut.iter().map(failed).collect();
        refused.push(OffsetCommitResponseTopic::default().with_name(topic.name.clone()).with_partitions(failed));
        !topic.partitions.is_empty()
    });
}

pub(super) fn restore(answer: &Answer<'_>, refused: &[OffsetCommitResponseTopic]) -> Result<Restored, Fault> {
    if refused.is_empty() {
        return answer.passed();
    }
    let mut message = answer.decode::<OffsetCommitResponse>()?;
    merge(&mut message.topics, refused.iter().cloned());
    answer.encoded(&message, false)
}

fn response(topics: Vec<OffsetCommitResponseTopic>) -> OffsetCommitResponse {
    let mut merged = Vec::with_capacity(topics.len());
    merge(&mut merged, topics.into_iter());
    OffsetCommitResponse::default().with_topics(merged)
}

impl Answered for OffsetCommitResponseTopic {
    fn name(&self) -> &TopicName {
        &self.name
    }

    fn add(&mut self, more: Self) {
        self.partitions.extend(more.partitions);
    }
}

impl AskedTopic for OffsetCommitRequestTopic {
    type Answered = OffsetCommitResponseTopic;

    fn name(&self) -> &str {
        &self.name
    }

    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn failed(&self, error_code: i16) -> OffsetCommitResponseTopic {
        let failed =
            |index| OffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(error_code);
        OffsetCommitResponseTopic::default()
            .with_name(self.name.clone())
            .with_partitions(self.partitions.iter().map(|partition| failed(partition.partition_index)).collect())
    }
}
