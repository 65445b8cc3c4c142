//! The pieces of a Fetch answer, one function each: how long it is, what comes next, and what is edited in it.
//!
//! Must never: change a length, or go on behind a topic or a partition that was not asked for.

use super::super::far::{FoundFar, Known, is_far};
use super::super::key::TopicKey;
use super::super::out_of_range::MOST;
use super::super::topics::SessionTopic;
use super::super::{LOG_START, PREFERRED_REPLICA};
use super::tags::{self, Edit};
use super::{FetchWalk, NODE_ENDPOINTS, Piece, Scope, State, Step};
use crate::cluster::RealBrokerId;
use crate::fault::Fault;
use crate::refusal::{code, shows_stale_view};
use crate::wire::Reader;

const DIVERGING_EPOCH: u32 = 0;
const CURRENT_LEADER: u32 = 1;
const SNAPSHOT: u32 = 2;
/// Bytes of an epoch and an offset.
const OFFSET_AND_EPOCH: usize = 12;
/// Bytes of an offset.
const OFFSET: u64 = 8;
/// Bytes of a leader and its epoch.
const LEADER_AND_EPOCH: usize = 8;

impl FetchWalk {
    pub(super) fn topic(&mut self, piece: &[u8], scope: &Scope<'_>) -> Result<usize, Piece> {
        let mut reader = Reader::new(piece);
        let key = TopicKey::read(&mut reader, self.version)?;
        let partitions = reader.count(self.is_flexible())?;
        self.topic = scope.topics.place(key).ok_or(Piece::Refused(Fault::BrokerUnasked))?;
        self.partitions_left = partitions;
        self.topics_left = self.topics_left.saturating_sub(1);
        self.state = self.next_partition();
        if self.asked(scope).is_none() { Err(not_asked(scope)) } else { Ok(reader.position()) }
    }

    /// The topic that is walked, if it may be answered.
    fn asked<'a>(&self, scope: &Scope<'a>) -> Option<SessionTopic<'a>> {
        scope.topics.at(self.topic).filter(|topic| topic.refused.is_none())
    }

    pub(super) fn partition(&mut self, piece: &[u8], scope: &Scope<'_>) -> Result<usize, Piece> {
        let mut reader = Reader::new(piece);
        let index = reader.i32()?;
        let error_code = reader.i16()?;
        let high_watermark = reader.i64()?;
        // The last stable offset.
        reader.skip(8)?;
        let log_start = if self.version >= LOG_START { reader.i64()? } else { -1 };
        let aborted = reader.length(self.is_flexible())?;
        if !self.asked(scope).is_some_and(|topic| topic.holds(index)) {
            return Err(not_asked(scope));
        }
        (self.partition, self.known) = (index, Known { high_watermark, log_start });
        if error_code == code::OFFSET_OUT_OF_RANGE && self.out_of_range.len() < MOST {
            self.out_of_range.push((self.topic, index));
        }
        self.view_is_stale |= shows_stale_view(error_code);
        self.partitions_left = self.partitions_left.saturating_sub(1);
        self.state = State::Aborted { left: aborted.unwrap_or(0) };
        Ok(reader.position())
    }

    pub(super) fn aborted(&mut self, piece: &mut [u8], left: usize) -> Result<usize, Piece> {
        if left == 0 {
            self.state = State::BeforeRecords;
            return Ok(0);
        }
        let mut reader = Reader::new(piece);
        reader.skip(16)?;
        let at = reader.position();
        let tags = if self.is_flexible() { tags::edit(piece, at, |_, _| Edit::Zero)? } else { 0 };
        self.state = State::Aborted { left: left.saturating_sub(1) };
        Ok(at.saturating_add(tags))
    }

    pub(super) fn before_records(&mut self, piece: &mut [u8], scope: &Scope<'_>) -> Result<usize, Piece> {
        let mut reader = Reader::new(piece);
        let preferred = if self.version >= PREFERRED_REPLICA { reader.i32()? } else { -1 };
        let records = u64::try_from(reader.length(self.is_flexible())?.unwrap_or(0)).unwrap_or(u64::MAX);
        let end = reader.position();
        if records >= OFFSET {
            self.note_distance(reader.i64()?, records, scope.behind);
        }
        if preferred >= 0 && !scope.nodes.shows(RealBrokerId(preferred)) {
            tags::put(piece, 0, &(-1_i32).to_be_bytes());
        }
        self.state = State::Records { left: records };
        Ok(end)
    }

    /// Records begin with the offset of the first of them, in every format that Kafka ever had.
    fn note_distance(&mut self, first: i64, bytes: u64, behind: u64) {
        if is_far(self.known.high_watermark, first, behind) {
            self.far.push(FoundFar { topic: self.topic, partition: self.partition, known: self.known });
            self.far_bytes = self.far_bytes.saturating_add(bytes);
        }
    }

    pub(super) fn skip_records(&mut self, left: u64, available: usize) -> Step {
        let here = u64::try_from(available).unwrap_or(u64::MAX).min(left);
        let left = left.saturating_sub(here);
        self.state = match (left, self.is_flexible()) {
            (0, true) => State::PartitionTags,
            (0, false) => self.next_partition(),
            _ => State::Records { left },
        };
        if here == 0 && left > 0 { Step::NeedMore } else { Step::Walked(usize::try_from(here).unwrap_or(0)) }
    }

    pub(super) fn partition_tags(&mut self, piece: &mut [u8], scope: &Scope<'_>) -> Result<usize, Piece> {
        let whole = self.whole;
        let walked = tags::edit(piece, 0, |tag, content| match tag {
            DIVERGING_EPOCH | SNAPSHOT if !is_plain(content, OFFSET_AND_EPOCH) => Edit::Hide,
            // The diverging epoch and the snapshot are numbers of the partition itself.
            DIVERGING_EPOCH | SNAPSHOT => Edit::Keep,
            CURRENT_LEADER if !is_plain(content, LEADER_AND_EPOCH) => Edit::Hide,
            CURRENT_LEADER if whole && leader_is_shown(content, scope) => Edit::Keep,
            CURRENT_LEADER => Edit::NoLeader,
            _ => Edit::Zero,
        })?;
        self.state = self.next_partition();
        Ok(walked)
    }

    pub(super) fn topic_tags(&mut self, piece: &mut [u8]) -> Result<usize, Piece> {
        let walked = tags::edit(piece, 0, |_, _| Edit::Zero)?;
        self.state = self.next_topic();
        Ok(walked)
    }

    /// Brokers' endpoints become a tag that nobody knows, zeroed: the client asks for metadata.
    pub(super) fn end(&mut self, piece: &mut [u8]) -> Result<usize, Piece> {
        let walked = if self.is_flexible() {
            let has_endpoints = self.version >= NODE_ENDPOINTS;
            tags::edit(piece, 0, |tag, _| if tag == 0 && has_endpoints { Edit::Hide } else { Edit::Zero })?
        } else {
            0
        };
        self.state = State::Done;
        Ok(walked)
    }
}

/// A piece of an answer that may not be given: the broker's doing, or the policy's since.
fn not_asked(scope: &Scope<'_>) -> Piece {
    Piece::Refused(if scope.narrowed { Fault::Revoked } else { Fault::BrokerUnasked })
}

/// Whether a tagged field is a structure of so many bytes and no tagged fields of its own. Clients read it by its fields
/// and go on behind them, whatever size it declares: more bytes would be the next partition to them (trap S6).
fn is_plain(content: &[u8], fields: usize) -> bool {
    content.len() == fields.saturating_add(1) && content.last() == Some(&0)
}

fn leader_is_shown(content: &[u8], scope: &Scope<'_>) -> bool {
    let leader = Reader::new(content).i32();
    leader.is_ok_and(|id| id < 0 || scope.nodes.shows(RealBrokerId(id)))
}
