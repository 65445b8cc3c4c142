//! What the configuration says of the audit.
//!
//! Must never: touch the directory: the audit does, when it starts.

use std::path::PathBuf;
use std::time::Duration;

use super::raw::{RawAddresses, RawAudit, RawWhenFull};
use super::units::TimeText;
use super::validate::Check;

/// A file holds a day: for less there is nothing to keep it by.
const SHORTEST: Duration = Duration::from_secs(86_400);

/// Where and how the audit is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// The directory.
    pub directory: PathBuf,
    /// How long a day's file is kept, from the beginning of that day.
    pub keep: Duration,
    /// What is written of a client's address.
    pub addresses: RawAddresses,
    /// What becomes of new connections while lines cannot be written.
    pub when_full: RawWhenFull,
}

pub(super) fn settings(check: &mut Check<'_>, raw: &RawAudit) -> AuditSettings {
    let keep = check.unit("keep", &raw.keep, TimeText::parse);
    if !keep.is_zero() && keep < SHORTEST {
        check.problems.add(raw.keep.place, "`keep` is less than a day", "write at least 1d");
    }
    AuditSettings {
        directory: check.path(&raw.directory).value,
        keep,
        addresses: raw.addresses,
        when_full: raw.when_full,
    }
}
