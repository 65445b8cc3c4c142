//! Why a stranger's bytes were not read.
//!
//! Must never: hold anything of those bytes.

/// Which rule a stranger's bytes broke. A closed list: each has one name in logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// The bytes end inside a field.
    Truncated,
    /// Bytes are left behind the last field.
    TrailingBytes,
    /// A length is negative and is not -1, which is null.
    NegativeLength,
    /// A length or a count says more than the bytes that are left.
    LengthPastEnd,
    /// Null, where the version has no null.
    NullNotAllowed,
    /// A string is longer than Kafka takes.
    StringTooLong,
    /// A string is not UTF-8.
    NotUtf8,
    /// A boolean is neither 0 nor 1.
    NotBoolean,
    /// The byte before a nullable structure is neither -1 (null) nor 1.
    PresenceByte,
    /// A variable-length number is longer than five bytes or greater than 32 bits.
    VarintTooLong,
    /// A variable-length number is written with more bytes than it needs.
    VarintOverlong,
    /// Tagged fields do not ascend, or one comes twice.
    TagsUnordered,
    /// A tag is greater than 2^31 - 1.
    TagNumber,
    /// A tag that exists, but not in this version.
    TagNotInVersion,
    /// A tagged field does not fill the size that it declares.
    TagSize,
    /// More topics than the budget has.
    TooManyTopics,
    /// More partitions than the budget has.
    TooManyPartitions,
    /// More elements of other lists than the budget has.
    TooManyElements,
    /// More tagged fields than the budget has.
    TooManyTags,
    /// A code that says unknown, where no request may have it.
    UnknownCode,
    /// The version has no shape.
    NoSuchVersion,
    /// The gate passed it and the decoder did not: the two disagree.
    NotDecodable,
}

impl Malformed {
    /// The rule's name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::TrailingBytes => "trailing-bytes",
            Self::NegativeLength => "negative-length",
            Self::LengthPastEnd => "length-past-end",
            Self::NullNotAllowed => "null-not-allowed",
            Self::StringTooLong => "string-too-long",
            Self::NotUtf8 => "not-utf8",
            Self::NotBoolean => "not-boolean",
            Self::PresenceByte => "presence-byte",
            Self::VarintTooLong => "varint-too-long",
            Self::VarintOverlong => "varint-overlong",
            Self::TagsUnordered => "tags-unordered",
            Self::TagNumber => "tag-number",
            Self::TagNotInVersion => "tag-not-in-version",
            Self::TagSize => "tag-size",
            Self::TooManyTopics => "too-many-topics",
            Self::TooManyPartitions => "too-many-partitions",
            Self::TooManyElements => "too-many-elements",
            Self::TooManyTags => "too-many-tags",
            Self::NoSuchVersion => "no-such-version",
            Self::UnknownCode => "unknown-code",
            Self::NotDecodable => "not-decodable",
        }
    }
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

impl std::error::Error for Malformed {}
