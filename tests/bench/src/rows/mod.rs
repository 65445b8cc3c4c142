//! The rows of the bench, one file each: a row starts what it needs, measures in turns, and ends what it started.

mod bulk_fetch;
mod cold_load;
mod delay;
mod end_to_end;
mod fairness;
mod growth;
mod handshakes;
mod hidden_against_absent;
mod idle_memory;
mod judgement;
mod latency;
mod metadata;
mod one_topic;
mod peers;
mod reload;
mod slow_readers;
mod small_requests;
mod start;

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::Options;
use crate::failure::{Context, Failure};
use crate::line::Found;

/// Something that can be measured alone: what `ONLY` names.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Measures it.
    pub measure: fn(&Run) -> Result<Found, Failure>,
}

/// All rows, in the order in which they are taken.
pub const ROWS: &[Row] = &[
    Row { name: "bulk-fetch", measure: bulk_fetch::measure },
    Row { name: "metadata", measure: metadata::measure },
    Row { name: "judgement", measure: judgement::measure },
    Row { name: "cold-load", measure: cold_load::measure },
    Row { name: "reload", measure: reload::measure },
    Row { name: "peers", measure: peers::measure },
    Row { name: "small-requests", measure: small_requests::measure },
    Row { name: "idle-memory", measure: idle_memory::measure },
    Row { name: "slow-readers", measure: slow_readers::measure },
    Row { name: "latency", measure: latency::measure },
    Row { name: "hidden-against-absent", measure: hidden_against_absent::measure },
    Row { name: "fairness", measure: fairness::measure },
    Row { name: "one-topic", measure: one_topic::measure },
    Row { name: "growth", measure: growth::measure },
    Row { name: "handshakes", measure: handshakes::measure },
    Row { name: "start", measure: start::measure },
    Row { name: "end-to-end", measure: end_to_end::measure },
    Row { name: "delay", measure: delay::measure },
];

/// What a row is given.
pub struct Run<'a> {
    /// What was asked for on the command line.
    pub options: &'a Options,
    /// The row's own directory, which is gone when the row ends.
    pub dir: TempDir,
    name: &'static str,
}

impl<'a> Run<'a> {
    /// Of one row.
    pub fn new(options: &'a Options, row: &Row) -> Result<Self, Failure> {
        let dir = tempfile::tempdir_in(scratch(options)).context("no directory for the row")?;
        Ok(Self { options, dir, name: row.name })
    }

    /// The rounds of the row, each announced on standard error.
    pub fn rounds(&self) -> impl Iterator<Item = u32> + '_ {
        let rounds = self.options.rounds;
        (1..=rounds).inspect(move |round| eprintln!("{}: round {round} of {rounds}", self.name))
    }

    /// Where a process of this row writes its log.
    pub fn log(&self, process: &str) -> PathBuf {
        self.options.out.join(format!("{}-{process}.log", self.name))
    }
}

/// Makes an empty place for the rows' directories: a run that was killed has left its own.
pub fn clear_scratch(options: &Options) -> Result<(), Failure> {
    match fs::remove_dir_all(scratch(options)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("what a run left cannot be removed"),
        _ => fs::create_dir_all(scratch(options)).context("the output directory cannot be made"),
    }
}

fn scratch(options: &Options) -> PathBuf {
    options.out.join("scratch")
}
