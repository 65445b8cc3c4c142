//! Passing over a value by its kind, without a look at what it says.
//!
//! Must never: be given bytes that the gate has not walked.

use super::Kind;
use crate::wire::{Malformed, Reader};

impl Kind {
    /// Passes over a value that holds no others. Lists and structures are for who knows what they hold.
    pub(crate) fn skip_plain(self, reader: &mut Reader<'_>, flexible: bool) -> Result<(), Malformed> {
        let bytes = match self {
            Self::Bool | Self::Int8 => 1,
            Self::Int16 => 2,
            Self::Int32 => 4,
            Self::Int64 | Self::Float64 => 8,
            Self::Uuid => 16,
            // A plain string's length has two bytes, not four.
            Self::Str if !flexible => usize::try_from(reader.i16()?).unwrap_or(0),
            Self::Str | Self::Bytes | Self::Records => reader.length(flexible)?.unwrap_or(0),
            Self::Array(_) | Self::Struct(_) => 0,
        };
        reader.skip(bytes)
    }
}
