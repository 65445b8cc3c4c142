//! The steps, in the order in which they are gone.
//!
//! Must never: rename one. Programs go by the names.

use std::fmt;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// The files.
    Bundle,
    /// The server's name has an address.
    Dns,
    /// Somebody listens there.
    Tcp,
    /// Version, names, and trust in both directions.
    Tls,
    /// Both certificates are valid now, by both clocks.
    Dates,
    /// Who the certificate is there.
    Principal,
    /// The topics are there, and so are those who lead them.
    Topics,
    /// A group can be joined.
    Group,
    /// Offsets are found by time. `weir doctor` does not go this step.
    Lookup,
    /// A record comes.
    Record,
    /// An offset can be committed.
    Commit,
}

impl Step {
    /// Those of `weir doctor`, in order.
    pub(crate) const EXAMINED: [Self; 10] = [
        Self::Bundle,
        Self::Dns,
        Self::Tcp,
        Self::Tls,
        Self::Dates,
        Self::Principal,
        Self::Topics,
        Self::Group,
        Self::Record,
        Self::Commit,
    ];

    /// The stable name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Dates => "dates",
            Self::Principal => "principal",
            Self::Topics => "topics",
            Self::Group => "group",
            Self::Lookup => "lookup",
            Self::Record => "record",
            Self::Commit => "commit",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
