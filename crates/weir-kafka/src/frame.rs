//! Cutting frames out of a stream: how long the next one is, decided before anything is buffered for it.
//!
//! Must never: reserve memory by a declared size, or wait for bytes of a frame that is already known to be refused.

use crate::table::{self, FrameClass};
use crate::wire::Reader;

/// Bytes of the length before each frame.
pub const PREFIX: usize = 4;

/// A request's key, version and correlation id: nothing shorter is one.
const SMALLEST: usize = 8;

/// The longest request frames, in bytes, without their length prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// Any request.
    pub request: usize,
    /// JoinGroup and SyncGroup.
    pub group: usize,
    /// ApiVersions and FindCoordinator.
    pub small: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { request: 1024 * 1024, group: 256 * 1024, small: 16 * 1024 }
    }
}

impl FrameLimits {
    fn of(&self, class: FrameClass) -> usize {
        match class {
            FrameClass::Request => self.request,
            FrameClass::Group => self.group.min(self.request),
            FrameClass::Small => self.small.min(self.request),
        }
    }
}

/// What the buffered bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The start of a frame; at least this many more bytes are needed.
    Need(usize),
    /// A whole frame of `len` bytes, which stands behind the four bytes of its length.
    Frame {
        /// The frame's length without its prefix.
        len: usize,
    },
}

/// Why the bytes are no frame. All of these close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The length is negative.
    Negative,
    /// The length holds no request header.
    TooSmall,
    /// The length is over the limit.
    TooLarge {
        /// What the bytes look like instead.
        hint: Hint,
    },
}

/// What someone may have sent who did not speak Kafka here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// An HTTP request.
    Http,
    /// A TLS handshake inside TLS.
    Tls,
    /// Nothing that is known; perhaps just a long request.
    Unknown,
}

impl Hint {
    /// The hint's name in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tls => "tls",
            Self::Unknown => "unknown",
        }
    }
}

/// Looks at the bytes that came and says whether they are a frame. The length is judged as soon as its four bytes are
/// there, and against its API's own limit as soon as the key is.
///
/// # Errors
/// Where the length is that of no request.
pub fn cut(buffered: &[u8], limits: &FrameLimits) -> Result<Cut, FrameError> {
    let mut reader = Reader::new(buffered);
    let Ok(declared) = reader.i32() else { return Ok(Cut::Need(PREFIX.saturating_sub(buffered.len()))) };
    let len = usize::try_from(declared).map_err(|_| FrameError::Negative)?;
    if len > limits.request {
        return Err(FrameError::TooLarge { hint: hint(declared) });
    }
    if len < SMALLEST {
        return Err(FrameError::TooSmall);
    }
    if let Ok(key) = reader.i16() {
        let limit = table::row(key).map_or(limits.request, |row| limits.of(row.frame));
        if len > limit {
            return Err(FrameError::TooLarge { hint: Hint::Unknown });
        }
    }
    match PREFIX.saturating_add(len).saturating_sub(buffered.len()) {
        0 => Ok(Cut::Frame { len }),
        missing => Ok(Cut::Need(missing)),
    }
}

fn hint(declared: i32) -> Hint {
    match declared.to_be_bytes() {
        [b'A'..=b'Z', b'A'..=b'Z', b'A'..=b'Z', b'A'..=b'Z' | b' '] => Hint::Http,
        [0x16, 0x03, ..] => Hint::Tls,
        _ => Hint::Unknown,
    }
}

#[cfg(test)]
mod tests;
