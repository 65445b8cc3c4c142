//! The way through the steps.
//!
//! Must never: go on behind a step that failed, or end without leaving the group.

use super::{Patient, commit, group};
use crate::consumer::finding::Finding;
use crate::consumer::report::Report;
use crate::consumer::step::Step;
use crate::consumer::visit::Visit;
use crate::consumer::{record, topics, way};

/// Goes the steps until one is not gone.
pub(super) fn examine(patient: &Patient, report: &mut Report) -> Result<(), Finding> {
    let bundle = way::unpack(&patient.holder, patient.topic.as_ref(), report)?;
    let named = match &patient.topic {
        Some(topic) => vec![topic.clone()],
        // All that there are, where it names prefixes alone.
        None => bundle.manifest.topics.clone(),
    };
    let (visit, connection) = way::arrive(&patient.holder, &bundle, named, report)?;
    report.at(Step::Topics);
    let (topics, passed) = topics::find(&visit, connection)?;
    report.passed(passed);
    member(&visit, patient.group.as_deref(), topics, report)
}

/// The steps of a consumer that is let in.
fn member(visit: &Visit<'_>, group: Option<&str>, topics: topics::Topics, report: &mut Report) -> Result<(), Finding> {
    report.at(Step::Group);
    let topic = topics.all.first().map(|topic| topic.name.clone()).unwrap_or_default();
    let (member, passed) = group::join(visit, group, &topic)?;
    report.passed(passed);
    let ended = read_and_commit(visit, &member, topics, report);
    member.leave(visit);
    ended
}

fn read_and_commit(
    visit: &Visit<'_>,
    member: &group::Member,
    topics: topics::Topics,
    report: &mut Report,
) -> Result<(), Finding> {
    report.at(Step::Record);
    let (record, passed) = record::read(visit, topics)?;
    report.passed(passed);
    report.at(Step::Commit);
    report.passed(commit::commit(visit, member, &record)?);
    Ok(())
}
