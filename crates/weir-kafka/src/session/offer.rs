//! What this client was told that the brokers serve: it goes on with that while brokers come and go (trap C44).
//!
//! Must never: hold a version that Weir does not decode.

use crate::apis::api_versions;
use crate::cluster::VersionRange;
use crate::env::Env;
use crate::table::{Row, TABLE};

/// The versions of each row of the table when ApiVersions was asked last; none, where it never was.
#[derive(Debug, Default)]
pub(super) struct Offer(Box<[Option<VersionRange>]>);

impl Offer {
    /// What is offered now.
    pub(super) fn now(env: &Env<'_>) -> Self {
        Self(TABLE.iter().map(|row| api_versions::served(row, env)).collect())
    }

    /// Whether a version was offered.
    pub(super) fn holds(&self, row: &Row, version: i16) -> bool {
        self.0.get(row.index()).copied().flatten().is_some_and(|range| range.holds(version))
    }
}
