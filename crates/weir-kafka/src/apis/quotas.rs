//! What requests ask of their principal's account before anything is forwarded: groups, joins, commits, look-ups by
//! time.
//!
//! Must never: charge what a grant refuses, or refuse what exists because something new was too much. What would make a
//! group too many is charged all the same: asking again and again is not free.

use std::time::Duration;

use kafka_protocol::messages::GroupId;
use weir_policy::{Joiner, Limited, Meter, Mode, Reason, Taken};

use super::Request;

/// A time as requests name it.
pub(super) fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

/// What a commit may write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    All,
    /// All but those at these places, in order.
    AllBut(Vec<(usize, Reason)>),
    Nothing(Reason),
}

impl Request<'_> {
    /// Whether a member may have a place in a group, by the brokers' name of it: it makes the group where it is not.
    pub(super) fn admit_join(&self, group: &GroupId, joiner: Joiner<'_>) -> Result<(), Reason> {
        let env = self.env;
        let limits = &env.principal.limits;
        if env.account.take(Meter::Joins, 1, limits, env.now) == Taken::Refused {
            return Err(Reason::QuotaJoins);
        }
        env.account.admit_member(group, joiner, limits, env.now)?;
        env.account.group_was_used(group, env.now);
        Ok(())
    }

    /// Whether these partitions may be committed for a group, by the brokers' name of it. Who is no member makes the
    /// group where it is not.
    pub(super) fn admit_commit(&self, group: &str, is_member: bool, partitions: &[(&str, i32)]) -> Admitted {
        // Kafka does nothing for it either.
        if partitions.is_empty() {
            return Admitted::All;
        }
        let env = self.env;
        let limits = &env.principal.limits;
        let many = u64::try_from(partitions.len()).unwrap_or(u64::MAX);
        if env.account.take(Meter::CommitPartitions, many, limits, env.now) == Taken::Refused {
            return Admitted::Nothing(Reason::QuotaCommitRate);
        }
        let mut refused = Vec::new();
        let refuse = |place, reason| refused.push((place, reason));
        let partitions = partitions.iter().copied();
        if is_member {
            env.account.admit_commit_of_member(group, partitions, limits, env.now, refuse);
        } else if let Err(reason) = env.account.admit_commit(group, partitions, limits, env.now, refuse) {
            return Admitted::Nothing(reason);
        }
        env.account.group_was_used(group, env.now);
        if refused.is_empty() { Admitted::All } else { Admitted::AllBut(refused) }
    }

    /// Whether the metadata of a committed partition is longer than it may be.
    pub(super) fn is_long_metadata(&self, bytes: usize) -> bool {
        self.env.principal.limits.commit_metadata_bytes.mode == Mode::Deny && self.exceeds_metadata(bytes)
    }

    /// The same, whatever the limit's mode.
    pub(super) fn exceeds_metadata(&self, bytes: usize) -> bool {
        let most = self.env.principal.limits.commit_metadata_bytes.most;
        u32::try_from(bytes).is_ok_and(|bytes| bytes > most)
    }

    /// Partitions of a commit had longer metadata than they may have.
    pub(super) fn note_long_metadata(&self, many: usize) {
        let many = u64::try_from(many).unwrap_or(u64::MAX);
        let mode = self.env.principal.limits.commit_metadata_bytes.mode;
        self.env.account.was_beyond(Limited::CommitMetadata, mode, many);
    }

    /// Whether so many offsets may be looked up by time.
    pub(super) fn admit_lookups(&self, many: usize) -> Result<(), Reason> {
        let env = self.env;
        let many = u64::try_from(many).unwrap_or(u64::MAX);
        if many > 0 && env.account.take(Meter::TimestampLookups, many, &env.principal.limits, env.now) == Taken::Refused
        {
            return Err(Reason::QuotaTimestampLookups);
        }
        Ok(())
    }
}
