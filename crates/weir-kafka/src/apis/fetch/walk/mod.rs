//! The walk over a broker's Fetch answer as it streams: every partition's header is checked and judged before its bytes
//! go, records are skipped by their length, and every edit that changes the answer's length is decided before its first
//! byte leaves, for the length leaves first.
//!
//! An answer that fits the buffer is edited exactly. In a longer one all edits keep their length: leaders and endpoints
//! that came with an error are blanked, and the client refreshes its metadata (KIP-951).
//! Must never: let a partition pass that was not asked for or is refused, or an address of a broker's own.

mod pieces;
mod tags;

use super::answer::put_refused;
use super::far::{FoundFar, Known, LeftOut};
use super::topics::FetchTopics;
use super::{FLEXIBLE, SESSIONS, endpoints};
use crate::advertise::AdvertisedNodes;
use crate::fault::Fault;
use crate::racks::Racks;
use crate::wire::{Malformed, Reader, put_length};

/// Leaders' endpoints stand at the end from this version on.
const NODE_ENDPOINTS: i16 = 16;
/// The longest piece that must be seen whole: a topic's or a partition's header, or its tags.
const LONGEST_PIECE: usize = 4096;

/// What an answer is judged against.
pub(crate) struct Scope<'a> {
    /// The partitions that it may hold.
    pub topics: &'a FetchTopics,
    /// Some of them were lost after they were asked for, while the answer was on its way.
    pub narrowed: bool,
    /// How brokers are shown.
    pub nodes: &'a AdvertisedNodes,
    /// How their racks are.
    pub racks: Option<&'a Racks>,
    /// What was not asked for and stands in the answer all the same.
    pub left_out: Option<&'a LeftOut>,
    /// Records between what is read and the high watermark: more is far behind.
    pub behind: u64,
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
    topics_left: usize,
    partitions_left: usize,
    /// The place of the topic that is walked, among those that were asked for.
    topic: usize,
    pub session_id: i32,
    pub error_code: i16,
    pub view_is_stale: bool,
    /// What was told of the partition that is walked.
    known: Known,
    partition: i32,
    /// Partitions of which records came from far behind.
    pub far: Vec<FoundFar>,
    /// Places of topics and partitions of which the client's offset is out of range.
    pub out_of_range: Vec<(usize, i32)>,
    /// Bytes of those records.
    pub far_bytes: u64,
}

/// Which piece comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Topic,
    Partition,
    Aborted { left: usize },
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
            known: Known { high_watermark: -1, log_start: -1 },
            partition: 0,
            far: Vec::new(),
            out_of_range: Vec::new(),
            far_bytes: 0,
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
            let left_out = scope.left_out.map_or(0, |left_out| left_out.topics);
            let more = refused.saturating_add(left_out);
            if more > 0 {
                let fixed = if self.version >= SESSIONS { 10 } else { 4 };
                head.instead.extend_from_slice(body.get(..fixed).unwrap_or_default());
                put_length(&mut head.instead, self.is_flexible(), count.saturating_add(more));
                // First: of a topic that stands twice, some clients (sarama) keep what comes last, which brings records.
                head.instead.extend_from_slice(scope.left_out.map_or(&[], |left_out| &left_out.answer));
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
    fn read_head(&mut self, reader: &mut Reader<'_>) -> Result<(i32, usize), Malformed> {
        let throttle = reader.i32()?;
        if self.version >= SESSIONS {
            self.error_code = reader.i16()?;
            self.session_id = reader.i32()?;
        }
        Ok((throttle, reader.count(self.is_flexible())?))
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
