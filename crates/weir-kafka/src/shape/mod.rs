//! The forms of Kafka's messages as data, in Kafka's own field names: what the gate walks along.
//!
//! One file per API. A message reads as its schema does: fields in the order of the wire, each with its versions.
//! Must never: say more of a message than its form. What a field means is said in `apis`.

pub mod api_versions;
pub mod check;
pub mod consumer_group_describe;
pub mod consumer_group_heartbeat;
pub mod delete_groups;
pub mod describe_acls;
pub mod describe_client_quotas;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_groups;
pub mod describe_topic_partitions;
pub mod describe_user_scram_credentials;
pub mod fetch;
pub mod find_coordinator;
pub mod heartbeat;
pub mod join_group;
pub mod leave_group;
pub mod list_groups;
pub mod list_offsets;
pub mod metadata;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod offset_for_leader_epoch;
pub mod produce;
#[cfg(test)]
pub(crate) mod random;
pub mod sasl_authenticate;
pub mod sasl_handshake;
mod skip;
pub mod sync_group;

use crate::cluster::VersionRange;

/// The form of a message that has no flexible version.
pub const NEVER_FLEXIBLE: i16 = i16::MAX;

/// The form of one message, in all versions that Weir speaks.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The versions that the fields describe.
    pub versions: VersionRange,
    /// Lengths are compact, and every structure ends with tagged fields, from this version on.
    pub flexible_from: i16,
    /// The fields in the order of the wire.
    pub fields: &'static [Field],
}

impl Shape {
    /// Whether a version has compact lengths and tagged fields.
    #[must_use]
    pub fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible_from
    }
}

/// One field of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in Kafka's schema.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The versions that have it.
    pub versions: VersionRange,
    /// It may be null from this version on.
    pub nullable_from: Option<i16>,
    /// Its tag, if it is a tagged field.
    pub tag: Option<u32>,
    /// The budget that the elements of a list draw on.
    pub counted: Counted,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One byte, 0 or 1.
    Bool,
    /// One byte.
    Int8,
    /// Two bytes.
    Int16,
    /// Four bytes.
    Int32,
    /// Eight bytes.
    Int64,
    /// Eight bytes, a number with a fraction.
    Float64,
    /// Sixteen bytes.
    Uuid,
    /// A length and UTF-8.
    Str,
    /// A length and bytes.
    Bytes,
    /// A length and record batches, which are never looked into.
    Records,
    /// A count and as many elements.
    Array(&'static Kind),
    /// Fields, one after the other.
    Struct(&'static [Field]),
}

/// Which budget the elements of a list draw on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Topics.
    Topics,
    /// Partitions.
    Partitions,
    /// All other elements.
    Others,
}

impl Field {
    /// The field exists from this version on.
    #[must_use]
    pub const fn from(mut self, version: i16) -> Self {
        self.versions.min = version;
        self
    }

    /// The field exists up to this version.
    #[must_use]
    pub const fn until(mut self, version: i16) -> Self {
        self.versions.max = version;
        self
    }

    /// The field may be null in every version that has it.
    #[must_use]
    pub const fn nullable(self) -> Self {
        self.nullable_from(0)
    }

    /// The field may be null from this version on.
    #[must_use]
    pub const fn nullable_from(mut self, version: i16) -> Self {
        self.nullable_from = Some(version);
        self
    }

    /// The field is a tagged one.
    #[must_use]
    pub const fn tagged(mut self, tag: u32) -> Self {
        self.tag = Some(tag);
        self
    }

    /// The elements of the list draw on this budget.
    #[must_use]
    pub const fn counted(mut self, counted: Counted) -> Self {
        self.counted = counted;
        self
    }

    /// Whether a version has the field among its plain ones, which are not tagged.
    pub(crate) fn is_plain_in(&self, version: i16) -> bool {
        self.tag.is_none() && self.versions.holds(version)
    }

    /// Whether the field may be null in a version.
    #[must_use]
    pub fn is_nullable(&self, version: i16) -> bool {
        self.nullable_from.is_some_and(|from| version >= from)
    }
}

/// A field in every version, never null, without a tag.
pub(crate) const fn field(name: &'static str, kind: Kind) -> Field {
    let versions = VersionRange { min: 0, max: i16::MAX };
    Field { name, kind, versions, nullable_from: None, tag: None, counted: Counted::Others }
}

/// A list.
pub(crate) const fn array(name: &'static str, element: &'static Kind) -> Field {
    field(name, Kind::Array(element))
}

const fn versions(min: i16, max: i16) -> VersionRange {
    VersionRange { min, max }
}
