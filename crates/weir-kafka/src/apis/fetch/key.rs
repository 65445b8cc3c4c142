//! How a Fetch names a topic.
//!
//! Must never: take a name for an id's, or an id for a name's: in no version do the two mix (trap C22).

use uuid::Uuid;

use super::{BY_ID, FLEXIBLE};
use crate::wire::{self, Malformed, Reader};

/// How a client names a topic in Fetch: by name up to version 12, by id from version 13 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TopicKey<'a> {
    Name(&'a str),
    Id(Uuid),
}

impl<'a> TopicKey<'a> {
    /// Reads a topic's name, or its id.
    pub(super) fn read(reader: &mut Reader<'a>, version: i16) -> Result<Self, Malformed> {
        match version {
            BY_ID.. => reader.uuid().map(Self::Id),
            FLEXIBLE.. => reader.compact_string().map(Self::Name),
            _ => reader.string().map(Self::Name),
        }
    }

    /// Writes it as it was read.
    pub(super) fn write(self, out: &mut Vec<u8>, version: i16) {
        match self {
            Self::Id(id) => out.extend_from_slice(id.as_bytes()),
            Self::Name(name) if version < FLEXIBLE => wire::put_nullable_string(out, Some(name)),
            Self::Name(name) => {
                wire::put_length(out, true, name.len());
                out.extend_from_slice(name.as_bytes());
            }
        }
    }

    /// Bytes that the client gave for it.
    pub(crate) fn name_len(self) -> usize {
        match self {
            Self::Name(name) => name.len(),
            Self::Id(_) => 0,
        }
    }
}

/// The same, kept.
#[derive(Debug)]
pub(super) enum OwnKey {
    Name(Box<str>),
    Id(Uuid),
}

impl OwnKey {
    pub(super) fn of(key: TopicKey<'_>) -> Self {
        match key {
            TopicKey::Name(name) => Self::Name(name.into()),
            TopicKey::Id(id) => Self::Id(id),
        }
    }

    pub(super) fn borrowed(&self) -> TopicKey<'_> {
        match self {
            Self::Name(name) => TopicKey::Name(name),
            Self::Id(id) => TopicKey::Id(*id),
        }
    }
}
