//! The walk over a broker's Fetch answer as it streams: every partition's header is checked and judged before its bytes
//! go, records are skipped by their length, and every edit that changes the answer's length is decided before its first
//! byte leaves, for the length leaves first.
//!
//! An answer that fits the buffer is edited exactly. In a longer one all edits keep their length: leaders and endpoints
//! that came with an error are blanked, and the client refreshes its metadata (KIP-951).
//! Must never: let a partition pass that was not asked for or is refused, or an address of a broker's own.

use super::answer::put_refused;
use super::request::put_length;
use super::sessions::TopicKey;
use super::topics::{FetchTopics, SessionTopic};
use super::{FLEXIBLE, LOG_START, PREFERRED_REPLICA, SESSIONS, endpoints};
use crate::advertise::AdvertisedNodes;
use crate::cluster::RealBrokerId;
use crate::fault::Fault;
use crate::racks::Racks;
use crate::refusal::shows_stale_view;
use crate::wire::{Malformed, Reader};

/// Leaders' endpoints stand at the end from this version on.
const NODE_ENDPOINTS: i16 = 16;
/// The longest piece that must be seen whole: a topic's or a partition's header, or its tags.
const LONGEST_PIECE: usize = 4096;
/// A tag number that no version uses: clients skip it.
const UNKNOWN_TAG: u8 = 0x7f;
const DIVERGING_EPOCH: u32 = 0;
const CURRENT_LEADER: u32 = 1;
const SNAPSHOT: u32 = 2;
/// Bytes of an epoch and an offset.
const OFFSET_AND_EPOCH: usize = 12;
/// Bytes of a leader and its epoch.
const LEADER_AND_EPOCH: usize = 8;

/// What an answer is judged against.
pub(crate) struct Scope<'a> {
    /// The partitions that it may hold.
    pub topics: &'a FetchTopics,
    /// How brokers are shown.
    pub nodes: &'a AdvertisedNodes,
    /// How their racks are.
    pub racks: Option<&'a Racks>,
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
    /// The refused topics, until they are given.
    pub refused: Vec<u8>,
    topics_left: u32,
    partitions_left: u32,
    /// The place of the topic that is walked, among those that were asked for.
    topic: usize,
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
            refused: Vec::new(),
            topics_left: 0,
            partitions_left: 0,
            topic: 0,
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
    /// Gives how many bytes it has and what the client gets for them; nothing where more bytes are needed.
    pub(crate) fn head(&mut self, body: &[u8], scope: &Scope<'_>) -> Result<Option<Head>, Fault> {
        let mut reader = Reader::new(body);
        let parsed = self.read_head(&mut reader);
        let Ok((throttle, count)) = parsed else { return self.incomplete(body.len()).map(|()| None) };
        let consumed = reader.position();
        self.topics_left = count;
        self.walked(consumed)?;
        let mut head = Head { consumed, instead: Vec::new(), grows: 0 };
        // A broker that throttles answers nothing, and that is how clients know it (trap Q6).
        if self.error_code == 0 && !(throttle > 0 && count == 0) {
            let refused = put_refused(&mut self.refused, self.version, scope.topics);
            if refused > 0 {
                let fixed = if self.version >= SESSIONS { 10 } else { 4 };
                head.instead.extend_from_slice(body.get(..fixed).unwrap_or_default());
                let shown = usize::try_from(count).unwrap_or(usize::MAX).saturating_add(refused);
                put_length(&mut head.instead, self.version, shown);
                head.grows = head.instead.len().saturating_add(self.refused.len()).saturating_sub(consumed);
            }
        }
        self.state = self.next_topic();
        Ok(Some(head))
    }

    /// Walks as far as the buffer goes and edits it in place. What was walked may go to the client; the rest is the start
    /// of a piece that is not whole yet.
    pub(crate) fn body(&mut self, buffer: &mut [u8], scope: &Scope<'_>) -> Result<Walked, Fault> {
        let mut walked = Walked { taken: 0, refused_at: None, end: None };
        while self.state != State::Done {
            let rest = buffer.get_mut(walked.taken..).unwrap_or_default();
            if self.state == State::End {
                // Refused topics stand last.
                walked.refused_at = (!self.refused.is_empty()).then_some(walked.taken);
                // An empty section, as nearly always, is walked like any other.
                if self.whole && self.version >= NODE_ENDPOINTS && rest.first() != Some(&0) {
                    let (bytes, end) = endpoints::rewrite(rest, scope).map_err(Fault::BrokerMalformed)?;
                    self.walked(bytes)?;
                    walked.end = Some((walked.taken, end));
                    walked.taken = walked.taken.saturating_add(bytes);
                    self.state = State::Done;
                    break;
                }
            }
            match self.step(rest, scope)? {
                Step::NeedMore => break,
                Step::Walked(bytes) => {
                    self.walked(bytes)?;
                    walked.taken = walked.taken.saturating_add(bytes);
                }
            }
        }
        if self.state == State::Done && self.left > 0 {
            return Err(Fault::BrokerMalformed(Malformed::TrailingBytes));
        }
        Ok(walked)
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
            State::Topic => self.topic(piece, scope),
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

    fn topic(&mut self, piece: &[u8], scope: &Scope<'_>) -> Result<usize, Piece> {
        let mut reader = Reader::new(piece);
        let key = TopicKey::read(&mut reader, self.version)?;
        let partitions = self.count(&mut reader)?;
        self.topic = scope.topics.place(key).ok_or(Piece::Refused(Fault::BrokerUnasked))?;
        self.partitions_left = partitions;
        self.topics_left = self.topics_left.saturating_sub(1);
        self.state = self.next_partition();
        if self.asked(scope).is_none() { Err(Piece::Refused(Fault::BrokerUnasked)) } else { Ok(reader.position()) }
    }

    /// The topic that is walked, if it may be answered.
    fn asked<'a>(&self, scope: &Scope<'a>) -> Option<SessionTopic<'a>> {
        scope.topics.at(self.topic).filter(|topic| topic.refused.is_none())
    }

    fn partition(&mut self, piece: &[u8], scope: &Scope<'_>) -> Result<usize, Piece> {
        let mut reader = Reader::new(piece);
        let index = reader.i32()?;
        let error_code = reader.i16()?;
        // High watermark and last stable offset, then the log's start.
        reader.skip(if self.version >= LOG_START { 24 } else { 16 })?;
        let aborted = self.nullable_count(&mut reader)?;
        if !self.asked(scope).is_some_and(|topic| topic.holds(index)) {
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
        let section = piece.get_mut(at..).unwrap_or_default();
        let mut reader = Reader::new(section);
        let count = usize::try_from(reader.unsigned_varint()?).unwrap_or(usize::MAX);
        if count > MOST_TAGS {
            return Err(Piece::Refused(Fault::BrokerMalformed(Malformed::TooManyTags)));
        }
        let first = reader.position();
        for _ in 0..count {
            tag(&mut reader)?;
        }
        let length = reader.position();
        // All of it is there: nothing is edited of what is looked at again.
        let mut tag_at = first;
        for _ in 0..count {
            let mut reader = Reader::new(section.get(tag_at..).unwrap_or_default());
            let (tag, content) = tag(&mut reader)?;
            let size = content.len();
            let edit = edit(tag, size, content);
            let next = tag_at.saturating_add(reader.position());
            apply(section, tag_at, next.saturating_sub(size), size, edit);
            tag_at = next;
        }
        Ok(length)
    }
}

/// A tagged field: its number and its content.
fn tag<'a>(reader: &mut Reader<'a>) -> Result<(u32, &'a [u8]), Malformed> {
    let tag = reader.unsigned_varint()?;
    let size = usize::try_from(reader.unsigned_varint()?).unwrap_or(usize::MAX);
    Ok((tag, reader.take(size)?))
}

/// What was walked of a buffer.
pub(crate) struct Walked {
    /// Bytes of the broker's.
    pub taken: usize,
    /// Where among them the refused topics stand.
    pub refused_at: Option<usize>,
    /// From where to the last of them the client gets something else, and what.
    pub end: Option<(usize, Vec<u8>)>,
}

impl Walked {
    /// Whether the client gets the bytes as they are.
    pub(crate) fn is_plain(&self) -> bool {
        self.refused_at.is_none() && self.end.is_none()
    }

    /// Bytes of the broker's for which the client gets others at the end.
    pub(crate) fn end_taken(&self) -> usize {
        self.end.as_ref().map_or(0, |(from, _)| self.taken.saturating_sub(*from))
    }

    /// Bytes that the client gets for them.
    pub(crate) fn end_len(&self) -> usize {
        self.end.as_ref().map_or(0, |(_, end)| end.len())
    }
}

/// The head of an answer.
pub(crate) struct Head {
    /// Bytes of the broker's.
    pub consumed: usize,
    /// What the client gets for them; nothing where it gets them as they are.
    pub instead: Vec<u8>,
    /// How much longer the client's frame is than the broker's, refused topics included.
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

/// Whether a tagged field is a structure of so many bytes and no tagged fields of its own. Clients read it by its fields
/// and go on behind them, whatever size it declares: more bytes would be the next partition to them (trap S6).
fn is_plain(content: &[u8], fields: usize) -> bool {
    content.len() == fields.saturating_add(1) && content.last() == Some(&0)
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
