//! `weir import eventstreams`: a catalogue made of what EventStreams serves, with every decision on personal data left
//! open.
//!
//! Must never: decide anything, list a topic that it does not fully understand, or change an entry that is there.

mod findings;
mod gather;
mod into;
mod judge;
mod setting;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use weir_policy::{NeverList, SourceFile};

use crate::{WRONG, catalogue, shipped};
use findings::Findings;
use gather::Gathered;
use judge::Imported;

/// From where.
#[derive(Debug, Subcommand)]
pub(crate) enum From {
    /// From the files of EventStreams: its service's configuration (`allowed_streams`) and the stream configuration, as
    /// YAML or as the JSON of `action=streamconfigs&all_settings=true`. Nothing is decided: `weir check` refuses the
    /// catalogue until somebody has. Exits with 1 where a stream was left out, 2 where a file is wrong.
    Eventstreams(Eventstreams),
}

/// What is read, and where it goes.
#[derive(Debug, Args)]
pub(crate) struct Eventstreams {
    /// The files, in any order: the allow-list and the stream configuration may be one or several.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Add what is new to this catalogue. What stands in it stays as it is. Without it the catalogue is printed.
    #[arg(long, value_name = "CATALOGUE")]
    into: Option<PathBuf>,
    /// Say what would be added, and change nothing.
    #[arg(long, requires = "into")]
    dry_run: bool,
    /// The list of what must never leave. Without it: `never.yaml` beside the catalogue, or else that which Weir ships.
    #[arg(long, value_name = "FILE")]
    never: Option<PathBuf>,
    /// What stands before a stream's name in its topics, where no file says it.
    #[arg(long = "topic-prefix", value_name = "PREFIX", default_values = ["eqiad.", "codfw."])]
    topic_prefixes: Vec<String>,
    /// All streams of the configuration, where there is no allow-list.
    #[arg(long)]
    all_streams: bool,
}

pub(crate) fn run(from: &From) -> ExitCode {
    let From::Eventstreams(order) = from;
    match import(order) {
        Ok(exit) => exit,
        Err(why) => {
            eprintln!("{why}");
            WRONG.into()
        }
    }
}

fn import(order: &Eventstreams) -> Result<ExitCode, String> {
    let gathered = Gathered::read(&order.files)?;
    let never = never_list(order)?;
    let mut findings = Findings::default();
    let wanted = gathered.wanted(order.all_streams, &mut findings)?;
    let judge = judge::Judge { gathered: &gathered, never: &never, prefixes: &order.topic_prefixes };
    let entries = judge.entries(&wanted, &mut findings);
    match &order.into {
        Some(path) => add(path, &entries, order.dry_run, &mut findings)?,
        None => print!("{}", catalogue::whole(entries.iter().map(|imported| &imported.entry))),
    }
    eprint!("{findings}");
    Ok(if findings.left_out() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What must never leave: an import lists none of it.
fn never_list(order: &Eventstreams) -> Result<NeverList, String> {
    let beside = order.into.as_ref().map(|catalogue| catalogue.with_file_name("never.yaml"));
    let file = match (&order.never, beside.filter(|path| path.exists())) {
        (Some(path), _) => source(path)?,
        (None, Some(path)) => source(&path)?,
        (None, None) => SourceFile { path: "the never.yaml that Weir ships".to_owned(), text: shipped::NEVER.into() },
    };
    NeverList::read(&file).map_err(|errors| errors.to_string())
}

fn source(path: &Path) -> Result<SourceFile, String> {
    Ok(SourceFile { path: path.display().to_string(), text: tree::text(path)?.into() })
}

fn add(path: &Path, entries: &[Imported], dry_run: bool, findings: &mut Findings) -> Result<(), String> {
    let added = into::added(path, entries, findings)?;
    for entry in &added.entries {
        println!("+ {}: {}", entry.stream, entry.topics.join(", "));
    }
    let (shown, count) = (path.display(), added.entries.len());
    if added.entries.is_empty() {
        println!("{shown}: nothing is new");
    } else if dry_run {
        println!("{shown}: {count} to add; nothing was changed");
    } else {
        added.write(path)?;
        println!("{shown}: {count} added, each with an open decision; `weir check` says where");
    }
    Ok(())
}
