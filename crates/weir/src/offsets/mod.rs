//! `weir offsets`: sets the offsets of a consumer's group to a time, by what the brokers find there.
//!
//! Offsets of one cluster mean nothing in another; times do. So this is how a consumer goes on in another data centre.
//! Must never: commit to a group that has members, or anything that it did not show before.

mod clock;
mod find;
mod told;
mod when;

use std::process::ExitCode;

use clap::Args;
use kafka_protocol::messages::GroupId;

use self::find::Start;
use self::told::Told;
use self::when::When;
use crate::WRONG;
use crate::consumer::fault::Fault;
use crate::consumer::finding::Finding;
use crate::consumer::group::{coordinator, is_free};
use crate::consumer::offsets::{Committer, Offsets, commit, committed};
use crate::consumer::place::Place;
use crate::consumer::report::{Form, Report};
use crate::consumer::step::Step;
use crate::consumer::text::plain;
use crate::consumer::visit::{Line, Visit, text_of};
use crate::consumer::{Holder, exit, way};

/// As many partitions are committed in one request: fewer than what a tier lets through at once.
const AT_ONCE: usize = 100;

/// What to set.
#[derive(Debug, Args)]
pub(crate) struct Order {
    #[command(flatten)]
    holder: Holder,
    /// The group. It must have no members: stop its consumers first.
    #[arg(long, value_name = "GROUP")]
    group: String,
    /// Begin with the first record of this time or a later one: RFC 3339 (2027-05-03T12:00:00Z), or so long before now (-90s,
    /// -15m, -6h, -2d), or `earliest` or `latest`.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = when::read)]
    at: When,
    /// This topic. May be given again. Without it all topics that the principal may read.
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// Show what would be committed, and commit nothing. The group may have members.
    #[arg(long)]
    dry_run: bool,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// Exits with 0 where all was done, 1 where a step failed, 2 where the bundle or the time cannot be used.
pub(crate) fn run(order: &Order) -> ExitCode {
    if order.at.is_to_come(order.holder.clock()) {
        let at = order.at.shown(order.holder.clock());
        eprintln!("--at {at} is to come, by this machine's clock: correct it, or write `latest` for what comes next");
        return WRONG.into();
    }
    let mut report = Report::new(if order.json { Form::Nothing } else { Form::Failure });
    let mut told = Told::new(order);
    let ended = set(order, &mut report, &mut told);
    let is_done = ended.is_ok();
    report.end(ended);
    if order.json {
        println!("{}", told.object(&report));
    } else if is_done {
        println!("{}", told.summary());
    }
    exit(report.failed_at())
}

fn set(order: &Order, report: &mut Report, told: &mut Told) -> Result<(), Finding> {
    let bundle = way::unpack(&order.holder, order.topic.first(), report)?;
    let wanted = find::wanted(&order.topic, &bundle.manifest);
    let (visit, mut connection) = way::arrive(&order.holder, &bundle, wanted, report)?;
    report.at(Step::Topics);
    let topics = find::topics(&visit, &mut connection, &order.topic)?;
    let clocks = clock::of_topics(&visit, &mut connection, &topics);
    drop(connection);
    report.at(Step::Lookup);
    let starts = find::starts(&visit, topics, order.at.timestamp(order.holder.clock()))?;

    report.at(Step::Group);
    let group = GroupId(text_of(&order.group));
    let coordinator = coordinator(&visit, &group, visit.deadline())?;
    if !order.dry_run {
        is_free(&mut Line::new(&visit, &coordinator, visit.deadline()), &group, false)?;
    }
    let before = there(&visit, &coordinator, &group, &starts)?;
    told.found(&starts, &clocks, &before, report.names.server.as_deref());
    if order.dry_run {
        return Ok(());
    }
    report.at(Step::Commit);
    write(&visit, &coordinator, &group, &starts)?;
    told.committed = true;
    Ok(())
}

/// Commits, and looks whether it is there.
fn write(visit: &Visit<'_>, coordinator: &Place, group: &GroupId, starts: &[Start]) -> Result<(), Finding> {
    for some in starts.chunks(AT_ONCE) {
        let offsets = some.iter().map(|start| (start.partition.clone(), start.offset)).collect();
        // Each has a step's time: a quota may hold the next one back.
        commit(&mut Line::new(visit, coordinator, visit.deadline()), group, Committer::Nobody, &offsets)?;
    }
    let after = there(visit, coordinator, group, starts)?;
    let lost = starts.iter().find(|start| after.get(&start.partition) != Some(&start.offset));
    lost.map_or(Ok(()), |start| {
        let (topic, partition) = &start.partition;
        let found = after.get(&start.partition);
        let seen = format!("{}-{partition}: committed {}, and found {found:?}", plain(topic), start.offset);
        Err(Finding::new(Fault::CommitLost, seen))
    })
}

/// What the group has of these partitions.
fn there(visit: &Visit<'_>, coordinator: &Place, group: &GroupId, starts: &[Start]) -> Result<Offsets, Finding> {
    let mut line = Line::new(visit, coordinator, visit.deadline());
    committed(&mut line, group, starts.iter().map(|start| &start.partition))
}
