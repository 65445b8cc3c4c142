//! `weir doctor`: goes the way of a consumer's first record step by step, and names the step at which it ends, what is
//! wrong there, and who has to do what.
//!
//! It speaks with whoever answers at the address in the bundle: that may be anybody. Each step has a deadline, each
//! answer a longest length, and nothing is decoded that the gate has not walked.
//! Must never: show the private key, print what a server sent as anything but plain text, change the offsets of a group
//! that is in use, or leave a member behind.

mod bundle;
mod commit;
mod connection;
mod dates;
mod deadline;
mod examination;
mod fault;
mod finding;
mod greeting;
mod group;
mod place;
mod principal;
mod record;
mod report;
mod step;
mod text;
mod tls;
mod topics;
mod visit;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::report::Report;
use self::step::Step;
use crate::WRONG;

/// What to look at.
#[derive(Debug, Args)]
pub(crate) struct Patient {
    /// The directory of the bundle, with `bundle.json` in it.
    #[arg(long, value_name = "DIR", default_value = ".")]
    bundle: PathBuf,
    /// The private key, where the bundle has none: after a certificate signing request.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
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
    /// The longest that a step may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// Take this time (RFC 3339) for this machine's clock: what would be wrong then?
    #[arg(long, value_name = "TIME", value_parser = moment)]
    now: Option<OffsetDateTime>,
}

impl Patient {
    /// The longest that a step may take.
    fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// What time this machine has, in seconds since 1970.
    fn now(&self) -> i64 {
        self.now.unwrap_or_else(OffsetDateTime::now_utc).unix_timestamp()
    }
}

/// Exits with 0 where all steps were gone, 1 where one was not, 2 where the bundle cannot be used.
pub(crate) fn run(patient: &Patient) -> ExitCode {
    let mut report = Report::new(patient.json);
    let ended = examination::examine(patient, &mut report);
    report.end(ended);
    match report.failed_at() {
        None => ExitCode::SUCCESS,
        Some(Step::Bundle) => WRONG.into(),
        Some(_) => ExitCode::FAILURE,
    }
}

fn moment(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| "write a time as 2027-05-03T12:00:00Z".to_owned())
}
