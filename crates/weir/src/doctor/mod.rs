//! `weir doctor`: goes the way of a consumer's first record step by step, and names the step at which it ends, what is
//! wrong there, and who has to do what.
//!
//! Must never: change the offsets of a group that is in use, or leave a member behind.

mod commit;
mod examination;
mod group;

use std::process::ExitCode;

use clap::Args;

use crate::consumer::report::{Form, Report};
use crate::consumer::{Holder, exit};

/// What to look at.
#[derive(Debug, Args)]
pub(crate) struct Patient {
    #[command(flatten)]
    holder: Holder,
    /// This topic alone, in the place of all that the bundle names.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Join this group. Without it `weir-doctor`, behind the principal's prefix where it has one; that one is deleted
    /// again.
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// Exits with 0 where all steps were gone, 1 where one was not, 2 where the bundle cannot be used.
pub(crate) fn run(patient: &Patient) -> ExitCode {
    let mut report = Report::new(if patient.json { Form::Object } else { Form::Lines });
    let ended = examination::examine(patient, &mut report);
    report.end(ended);
    exit(report.failed_at())
}
