//! The walk over a broker's Fetch answer as it streams: every partition's header is checked and judged before its bytes
//! go, records are skipped by their length, and every edit that changes the answer's length is decided before its first
//! byte leaves, for the length leaves first.
//!
//! An answer that fits the buffer is edited exactly. In a longer one all edits keep their length: leaders and endpoints
//! that came with an error are blanked, and the client refreshes its metadata (KIP-951).
//! Must never: let a partition pass that was not asked for or is refused, or an address of a broker's own.

use bytes::Bytes;
use uuid::Uuid;

use super::answer::encode_refused;
use super::sessions::{FetchTopics, TopicKey};
use super::{BY_ID, SESSIONS, endpoints};
use crate::advertise::AdvertisedNodes;
use crate::answer::Sink;
use crate::cluster::RealBrokerId;
use crate::fault::Fault;
use crate::refusal::shows_stale_view;
use crate::wire::{self, Malformed, Reader};

/// The list of topics is flexible, and tags exist, from this version on.
const FLEXIBLE: i16 = 12;
/// Preferred replicas exist from this version on.
const PREFERRED_REPLICA: i16 = 11;
/// The log's start stands in the answer from this version on.
const LOG_START: i16 = 5;
/// Leaders' endpoints stand at the end from this version on.
const NODE_ENDPOINTS: i16 = 16;
/// The longest piece that must be seen whole: a topic's or a partition's header, or its tags.
const LONGEST_PIECE: usize = 4096;
/// A tag number that no version uses: clients skip it.
const UNKNOWN_TAG: u8 = 0x7f;
const CURRENT_LEADER: u32 = 1;

/// What an answer is judged against.
pub(crate) struct Scope<'a> {
    /// The partitions that it may hold.
    pub topics: &'a FetchTopics,
    /// How brokers are shown.
    pub nodes: &'a AdvertisedNodes,
}

/// The state of one walk.
#[derive(Debug)]
pub(crate) struct FetchWalk {
    version: i16,
    state: State,
    /// Bytes of the broker's frame that were not walked yet.
    left: u64,
    /// The frame is in the buffer from its first to its last byte.
    whole: bool,
    refused: Bytes,
    topics_left: u32,
    partitions_left: u32,
    topic: TopicKey,
    pub session_id: i32,
    pub error_code: i16,
    pub view_is_stale: bool,
}

/// Which piece comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Topic,
    Partition,
    Aborted { left: u32 },
    BeforeRecords,
    Records { left: u64 },
    PartitionTags,
    TopicTags,
    End,
    Done,
}

/// What a step found: the piece was walked, or more bytes are needed to see it whole.
enum Step {
    Walked(usize),
    NeedMore,
}

impl FetchWalk {
    /// A walk over the body of a frame of `left` bytes, of which the buffer has all if `whole`.
    pub(crate) fn new(version: i16, left: u64, whole: bool) -> Self {
        Self {
            version,
            state: State::Head,
            left,
            whole,
            refused: Bytes::new(),
            topics_left: 0,
            partitions_left: 0,
            topic: TopicKey::Id(Uuid::nil()),
            session_id: 0,
            error_code: 0,
            view_is_stale: false,
        }
    }

    /// Whether the answer was walked to its end.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Reads the head: what stands before the first topic. `body` starts right behind the response header.
    ///
    /// Gives the bytes of the head as the client gets it, how many of the broker's it replaces, and by how much the frame
    /// grows; nothing where more bytes are needed.
    pub(crate) fn head(&mut self, body: &[u8], scope: &Scope<'_>) -> Result<Option<Head>, Fault> {
        let mut reader = Reader::new(body);
        let parsed = self.read_head(&mut reader);
        let Ok((throttle, count)) = parsed else { return self.incomplete(body.len()).map(|()| None) };
        let consumed = reader.position();
        // A broker that throttles answers nothing, and that is how clients know it (trap Q6).
        let (refused_topics, refused) = if self.error_code != 0 || (throttle > 0 && count == 0) {
            (0, Bytes::new())
        } else {
            encode_refused(scope.topics, self.version, self.is_flexible())?
        };
        let shown = usize::try_from(count).unwrap_or(usize::MAX).saturating_add(refused_topics);
        let fixed = if self.version >= SESSIONS { 10 } else { 4 };
        let mut bytes = body.get(..fixed).unwrap_or_default().to_vec();
        if self.is_flexible() {
            wire::put_unsigned_varint(&mut bytes, u32::try_from(shown.saturating_add(1)).unwrap_or(u32::MAX));
        } else {
            bytes.extend_from_slice(&i32::try_from(shown).unwrap_or(i32::MAX).to_be_bytes());
        }
        let grows = bytes.len().saturating_add(refused.len()).saturating_sub(consumed);
        self.refused = refused;
        self.topics_left = count;
        self.walked(consumed)?;
        self.state = self.next_topic();
        Ok(Some(Head { bytes, consumed, grows }))
    }

    /// Walks as far as the buffer goes, edits it in place, and gives what was walked to the client. Says how many bytes of
    /// the buffer were taken; the rest is the start of a piece that is not whole yet.
    pub(crate) fn body(&mut self, buffer: &mut [u8], scope: &Scope<'_>, sink: &mut impl Sink) -> Result<usize, Fault> {
        let mut taken = 0;
        let mut given = 0;
        while self.state != State::Done {
            if self.state == State::End {
                // Refused topics stand last.
                sink.put(buffer.get(given..taken).unwrap_or_default());
                given = taken;
                sink.put(&std::mem::take(&mut self.refused));
                if self.whole && self.version >= NODE_ENDPOINTS {
                    let end = buffer.get(taken..).unwrap_or_default();
                    let bytes = endpoints::rewrite(end, scope.nodes, sink).map_err(Fault::BrokerMalformed)?;
                    self.walked(bytes)?;
                    taken = taken.saturating_add(bytes);
                    given = taken;
                    self.state = State::Done;
                    break;
                }
            }
            let rest = buffer.get_mut(taken..).unwrap_or_default();
            match self.step(rest, scope)? {
                Step::NeedMore => break,
                Step::Walked(bytes) => {
                    self.walked(bytes)?;
                    taken = taken.saturating_add(bytes);
                }
            }
        }
        sink.put(buffer.get(given..taken).unwrap_or_default());
        if self.state == State::Done && self.left > 0 {
            return Err(Fault::BrokerMalformed(Malformed::TrailingBytes));
        }
        Ok(taken)
    }

    fn walked(&mut self, bytes: usize) -> Result<(), Fault> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(bytes).ok_or(Fault::BrokerMalformed(Malformed::Truncated))?;
        Ok(())
    }

    /// A piece could not be read: it is malformed if no more bytes of the frame can come, or if it is too long to be one.
    fn incomplete(&self, available: usize) -> Result<(), Fault> {
        let all_here = u64::try_from(available).unwrap_or(u64::MAX) >= self.left;
        if all_here || available > LONGEST_PIECE {
            return Err(Fault::BrokerMalformed(Malformed::Truncated));
        }
        Ok(())
    }

    fn is_flexible(&self) -> bool {
        self.version >= FLEXIBLE
    }

    fn step(&mut self, buffer: &mut [u8], scope: &Scope<'_>) -> Result<Step, Fault> {
        if let State::Records { left } = self.state {
            return Ok(self.skip_records(left, buffer.len()));
        }
        // What lies behind the frame's end belongs to the next one.
        let end = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let piece = buffer.get_mut(..end).unwrap_or_default();
        let available = piece.len();
        let before = (self.state, self.topics_left, self.partitions_left);
        let walked = match self.state {
            State::Topic => self.topic(piece),
            State::Partition => self.partition(piece, scope),
            State::Aborted { left } => self.aborted(piece, left),
            State::BeforeRecords => self.before_records(piece, scope),
            State::PartitionTags => self.partition_tags(piece, scope),
            State::TopicTags => self.topic_tags(piece),
            State::End => self.end(piece),
            State::Head | State::Records { .. } | State::Done => Ok(0),
        };
        match walked {
            Ok(bytes) => Ok(Step::Walked(bytes)),
            Err(Piece::Refused(fault)) => Err(fault),
            Err(Piece::Unreadable) => {
                (self.state, self.topics_left, self.partitions_left) = before;
                self.incomplete(available).map(|()| Step::NeedMore)
            }
        }
    }

    /// The throttle time, and how many topics follow.
    fn read_head(&mut self, reader: &mut Reader<'_>) -> Result<(i32, u32), Malformed> {
        let throttle = reader.i32()?;
        if self.version >= SESSIONS {
            self.error_code = reader.i16()?;
            self.session_id = reader.i32()?;
        }
        Ok((throttle, self.count(reader)?))
    }

    /// The length of a list that may not be null.
    fn count(&self, reader: &mut Reader<'_>) -> Result<u32, Malformed> {
        let count = self.nullable_count(reader)?;
        count.ok_or(Malformed::NullNotAllowed)
    }

    fn nullable_count(&self, reader: &mut Reader<'_>) -> Result<Option<u32>, Malformed> {
        if self.is_flexible() {
            return Ok(reader.unsigned_varint()?.checked_sub(1));
        }
        match reader.i32()? {
            -1 => Ok(None),
            count => u32::try_from(count).map(Some).map_err(|_| Malformed::NegativeLength),
        }
    }

    fn next_topic(&self) -> State {
        match (self.topics_left, self.is_flexible(), self.refused.is_empty()) {
            (0, false, true) => State::Done,
            (0, _, _) => State::End,
            _ => State::Topic,
        }
    }

    fn next_partition(&self) -> State {
        match (self.partitions_left, self.is_flexible()) {
            (0, true) => State::TopicTags,
            (0, false) => self.next_topic(),
            _ => State::Partition,
        }
    }

    fn topic(&mut self, piece: &[u8]) -> Result<usize, Piece> {
        let mut reader = Reader::new(piece);
        let topic = if self.version >= BY_ID {
            TopicKey::Id(reader.uuid()?)
        } else {
            let name = if self.is_flexible() { reader.compact_string()? } else { reader.string()? };
            TopicKey::Name(name.to_owned())
        };
        let partitions = self.count(&mut reader)?;
        self.topic = topic;
        self.partitions_left = partitions;
        self.topics_left = self.topics_left.saturating_sub(1);
        self.state = self.next_partition();
        Ok(reader.position())
    }

    fn partition(&mut self, piece: &[u8], scope: &Scope<'_>) -> Result<usize, Piece> {
        let mut reader = Reader::new(piece);
        let index = reader.i32()?;
        let error_code = reader.i16()?;
        // High watermark and last stable offset, then the log's start.
        reader.skip(if self.version >= LOG_START { 24 } else { 16 })?;
        let aborted = self.nullable_count(&mut reader)?;
        let asked = scope.topics.get(&self.topic).filter(|topic| topic.refused.is_none());
        if !asked.is_some_and(|topic| topic.holds(index)) {
            return Err(Piece::Refused(Fault::BrokerUnasked));
        }
        self.view_is_stale |= shows_stale_view(error_code);
        self.partitions_left = self.partitions_left.saturating_sub(1);
        self.state = State::Aborted { left: aborted.unwrap_or(0) };
        Ok(reader.position())
    }

    fn aborted(&mut self, piece: &mut [u8], left: u32) -> Result<usize, Piece> {
        if left == 0 {
            self.state = State::BeforeRecords;
            return Ok(0);
        }
        let mut reader = Reader::new(piece);
        reader.skip(16)?;
        let at = reader.position();
        let tags = if self.is_flexible() { self.tags(piece, at, |_, _, _| Edit::Zero)? } else { 0 };
        self.state = State::Aborted { left: left.saturating_sub(1) };
        Ok(at.saturating_add(tags))
    }

    fn before_records(&mut self, piece: &mut [u8], scope: &Scope<'_>) -> Result<usize, Piece> {
        let mut reader = Reader::new(piece);
        let preferred = if self.version >= PREFERRED_REPLICA { reader.i32()? } else { -1 };
        let records = self.nullable_count(&mut reader)?;
        let end = reader.position();
        if preferred >= 0 && !scope.nodes.shows(RealBrokerId(preferred)) {
            put(piece, 0, &(-1_i32).to_be_bytes());
        }
        self.state = State::Records { left: u64::from(records.unwrap_or(0)) };
        Ok(end)
    }

    fn skip_records(&mut self, left: u64, available: usize) -> Step {
        let here = u64::try_from(available).unwrap_or(u64::MAX).min(left);
        let left = left.saturating_sub(here);
        self.state = match (left, self.is_flexible()) {
            (0, true) => State::PartitionTags,
            (0, false) => self.next_partition(),
            _ => State::Records { left },
        };
        if here == 0 && left > 0 { Step::NeedMore } else { Step::Walked(usize::try_from(here).unwrap_or(0)) }
    }

    fn partition_tags(&mut self, piece: &mut [u8], scope: &Scope<'_>) -> Result<usize, Piece> {
        let whole = self.whole;
        let walked = self.tags(piece, 0, |tag, _, content| match tag {
            // The diverging epoch and the snapshot are numbers of the partition itself.
            0 | 2 => Edit::Keep,
            CURRENT_LEADER if whole && leader_is_shown(content, scope) => Edit::Keep,
            CURRENT_LEADER if content.len() >= 8 => Edit::NoLeader,
            _ => Edit::Zero,
        })?;
        self.state = self.next_partition();
        Ok(walked)
    }

    fn topic_tags(&mut self, piece: &mut [u8]) -> Result<usize, Piece> {
        let walked = self.tags(piece, 0, |_, _, _| Edit::Zero)?;
        self.state = self.next_topic();
        Ok(walked)
    }

    /// Brokers' endpoints become a tag that nobody knows, zeroed: the client asks for metadata.
    fn end(&mut self, piece: &mut [u8]) -> Result<usize, Piece> {
        let walked = if self.is_flexible() {
            let has_endpoints = self.version >= NODE_ENDPOINTS;
            self.tags(piece, 0, |tag, _, _| if tag == 0 && has_endpoints { Edit::Hide } else { Edit::Zero })?
        } else {
            0
        };
        self.state = State::Done;
        Ok(walked)
    }

    /// Walks a section of tagged fields that starts at `at`, edits each in place, and says how long the section is.
    fn tags(&self, piece: &mut [u8], at: usize, edit: impl Fn(u32, usize, &[u8]) -> Edit) -> Result<usize, Piece> {
        let mut edits = [(0_usize, 0_usize, 0_usize, Edit::Keep); MOST_TAGS];
        let mut reader = Reader::new(piece.get(at..).unwrap_or_default());
        let count = usize::try_from(reader.unsigned_varint()?).unwrap_or(usize::MAX);
        if count > MOST_TAGS {
            return Err(Piece::Refused(Fault::BrokerMalformed(Malformed::TooManyTags)));
        }
        for slot in edits.iter_mut().take(count) {
            let tag_at = reader.position();
            let tag = reader.unsigned_varint()?;
            let size = usize::try_from(reader.unsigned_varint()?).unwrap_or(usize::MAX);
            let content_at = reader.position();
            let content = reader.take(size)?;
            *slot = (tag_at, content_at, size, edit(tag, size, content));
        }
        let section = reader.position();
        let piece = piece.get_mut(at..).unwrap_or_default();
        for (tag_at, content_at, size, edit) in edits.into_iter().take(count) {
            apply(piece, tag_at, content_at, size, edit);
        }
        Ok(section)
    }
}

/// The head of an answer, as the client gets it.
pub(crate) struct Head {
    pub bytes: Vec<u8>,
    /// Bytes of the broker's that it stands for.
    pub consumed: usize,
    /// How much longer the client's frame is than the broker's.
    pub grows: usize,
}

/// As many tagged fields as one section of a Fetch answer may have; no version has more than three.
const MOST_TAGS: usize = 8;

/// What becomes of a tagged field. No edit changes a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    Keep,
    Zero,
    NoLeader,
    Hide,
}

/// Why a piece was not walked.
enum Piece {
    /// It could not be read; perhaps it is not whole yet.
    Unreadable,
    Refused(Fault),
}

impl From<Malformed> for Piece {
    fn from(_: Malformed) -> Self {
        Self::Unreadable
    }
}

fn leader_is_shown(content: &[u8], scope: &Scope<'_>) -> bool {
    let leader = Reader::new(content).i32();
    leader.is_ok_and(|id| id < 0 || scope.nodes.shows(RealBrokerId(id)))
}

fn apply(piece: &mut [u8], tag_at: usize, content_at: usize, size: usize, edit: Edit) {
    match edit {
        Edit::Keep => {}
        Edit::Zero => zero(piece, content_at, size),
        Edit::NoLeader => {
            zero(piece, content_at, size);
            // Leader and epoch, four bytes each, are -1; what follows of the field is its own empty tag section.
            put(piece, content_at, &(-1_i64).to_be_bytes());
        }
        Edit::Hide => {
            zero(piece, content_at, size);
            put(piece, tag_at, &[UNKNOWN_TAG]);
        }
    }
}

fn zero(piece: &mut [u8], at: usize, size: usize) {
    if let Some(bytes) = piece.get_mut(at..at.saturating_add(size)) {
        bytes.fill(0);
    }
}

fn put(piece: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = piece.get_mut(at..at.saturating_add(bytes.len())) {
        place.copy_from_slice(bytes);
    }
}
