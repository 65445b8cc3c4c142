//! One commit, by the member, of the offset that was read.
//!
//! Must never: move the offset of a group that has one: that is committed again as it is.

use super::group::Member;
use crate::consumer::fault::Fault;
use crate::consumer::finding::{Finding, Passed};
use crate::consumer::offsets::{Committer, Offsets, commit as write, committed};
use crate::consumer::record::Record;
use crate::consumer::visit::{Line, Visit, name_of};

/// Commits, and looks whether it is there.
pub(super) fn commit(visit: &Visit<'_>, member: &Member, record: &Record) -> Result<Passed, Finding> {
    let mut line = Line::new(visit, &member.coordinator, visit.deadline());
    let partition = (record.topic.clone(), record.partition);
    let before = committed(&mut line, &member.group, [&partition].into_iter())?;
    let offset = before.get(&partition).copied().unwrap_or(record.offset);
    let wanted = Offsets::from([(partition.clone(), offset)]);
    write(&mut line, &member.group, Committer::Member(&member.id, member.generation), &wanted)?;
    let after = committed(&mut line, &member.group, [&partition].into_iter())?;
    if after != wanted {
        let seen = format!("committed {offset}, and found {:?}", after.get(&partition));
        return Err(Finding::new(Fault::CommitLost, seen));
    }
    let again = if before.is_empty() { "" } else { ", as it was before" };
    let seen = format!("offset {offset} of {}-{}{again}", name_of(&record.topic), record.partition);
    Ok(Passed::new(seen).with("offset", offset))
}
