//! The client's side: frames are cut from what came, answers wait until the client reads them.
//!
//! Must never: buffer more than has arrived of a frame and a little of what follows it, or read on while a frame waits to
//! be taken.

use std::io;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use weir_kafka::answer::Sink;
use weir_kafka::frame::{self, Cut, FrameError, FrameLimits};

use super::deadlines::Deadlines;
use crate::close_reason::CloseReason;
use crate::link::Link;

/// Bytes read at once from a client, or as many as its frame lacks: requests are small, and mostly come whole.
const READ: usize = 4 * 1024;
/// Reads for one frame before the worker's other connections have their turn.
const READS: usize = 4;

pub(super) struct Client {
    pub link: Link,
    inbound: BytesMut,
    /// The client has closed its side.
    pub at_end: bool,
    /// The last read found nothing.
    pub drained: bool,
    /// The last read found nothing, and nobody has told since that something came: there is no use in trying.
    pub quiet: bool,
    /// The last turn ended before there was a whole frame, and perhaps before nothing was left to read.
    pub has_more: bool,
}

impl Client {
    pub(super) fn new(link: Link) -> Self {
        Self { link, inbound: BytesMut::new(), at_end: false, drained: false, quiet: false, has_more: false }
    }

    /// Whether a frame has begun and is not whole.
    pub(super) fn amid_frame(&self) -> bool {
        !self.inbound.is_empty()
    }

    pub(super) fn buffered(&self) -> usize {
        self.inbound.len()
    }

    /// Sends what waits, and keeps account of how fast the client reads: how many bytes went.
    pub(super) fn flush(&mut self, now: Instant, deadlines: &mut Deadlines) -> Result<usize, CloseReason> {
        if !self.link.has_pending() {
            return Ok(0);
        }
        let (sent, all) = self.link.try_flush_counting().map_err(|_| CloseReason::ClientReset)?;
        deadlines.sent(sent, all, now);
        Ok(sent)
    }

    /// The next whole frame, without its length prefix; nothing where it is not there yet.
    pub(super) fn next_frame(
        &mut self,
        limits: &FrameLimits,
        scratch: &mut [u8],
        now: Instant,
        deadlines: &mut Deadlines,
    ) -> Result<Option<Bytes>, CloseReason> {
        self.has_more = false;
        if self.quiet {
            return Ok(None);
        }
        for _ in 0..READS {
            let needed = match frame::cut(&self.inbound, limits).map_err(frame_error)? {
                Cut::Frame { len } => return Ok(Some(self.take_buffered(len, now, deadlines))),
                Cut::Need(needed) => needed,
            };
            let most = scratch.len();
            let Some(arrived) = self.read(scratch.get_mut(..needed.max(READ).min(most)).unwrap_or_default())? else {
                return Ok(None);
            };
            if let Some(frame) = self.take_arrived(arrived, limits, now, deadlines)? {
                return Ok(Some(frame));
            }
        }
        self.has_more = true;
        Ok(None)
    }

    /// The frame at the start of what is buffered.
    fn take_buffered(&mut self, len: usize, now: Instant, deadlines: &mut Deadlines) -> Bytes {
        self.inbound.advance(frame::PREFIX);
        let frame = self.inbound.split_to(len).freeze();
        if self.inbound.is_empty() {
            // An idle connection holds no buffer.
            self.inbound = BytesMut::new();
        }
        deadlines.frame_taken(now, self.amid_frame());
        frame
    }

    /// The frame that came in one piece, as most do; what did not is buffered.
    fn take_arrived(
        &mut self,
        arrived: &[u8],
        limits: &FrameLimits,
        now: Instant,
        deadlines: &mut Deadlines,
    ) -> Result<Option<Bytes>, CloseReason> {
        if self.inbound.is_empty() {
            if let Cut::Frame { len } = frame::cut(arrived, limits).map_err(frame_error)? {
                let (frame, rest) =
                    arrived.get(frame::PREFIX..).unwrap_or_default().split_at_checked(len).unwrap_or_default();
                self.inbound.extend_from_slice(rest);
                deadlines.frame_taken(now, self.amid_frame());
                return Ok(Some(Bytes::copy_from_slice(frame)));
            }
            deadlines.frame_began(now);
        }
        self.inbound.extend_from_slice(arrived);
        Ok(None)
    }

    /// Reads what the client sent; nothing where nothing came.
    fn read<'a>(&mut self, room: &'a mut [u8]) -> Result<Option<&'a [u8]>, CloseReason> {
        if self.at_end {
            return self.ended();
        }
        match self.link.try_read(room) {
            Ok(0) => {
                self.at_end = true;
                self.ended()
            }
            Ok(bytes) => {
                self.drained = false;
                Ok(room.get(..bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.drained = true;
                self.quiet = true;
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(CloseReason::TlsMisbehaved),
            Err(_) => Err(CloseReason::ClientReset),
        }
    }

    /// The client has closed its side: half a frame is never taken, whole requests are still answered.
    fn ended(&self) -> Result<Option<&'static [u8]>, CloseReason> {
        if self.inbound.is_empty() { Ok(None) } else { Err(CloseReason::EofMidFrame) }
    }
}

impl Sink for Client {
    fn put(&mut self, bytes: &[u8]) {
        self.link.put(bytes);
    }

    fn put_all(&mut self, parts: &[&[u8]]) {
        self.link.put_all(parts);
    }
}

fn frame_error(error: FrameError) -> CloseReason {
    match error {
        FrameError::Negative | FrameError::TooSmall => CloseReason::BadFrameLength,
        FrameError::TooLarge { hint } => {
            tracing::debug!(looks_like = hint.name(), "a request is longer than its limit");
            CloseReason::FrameTooLarge
        }
    }
}
