//! A consumer's side, from a bundle to a server that lets it in: what `weir doctor` and `weir offsets` both do.
//!
//! It speaks with whoever answers at the address in the bundle: that may be anybody. Each step has a deadline, each
//! answer a longest length, and nothing is decoded that the gate has not walked.
//! Must never: show the private key, or print what a server sent as anything but plain text.

pub(crate) mod bundle;
pub(crate) mod connection;
mod dates;
pub(crate) mod deadline;
pub(crate) mod fault;
pub(crate) mod finding;
mod greeting;
pub(crate) mod group;
pub(crate) mod lookup;
pub(crate) mod offsets;
pub(crate) mod place;
mod principal;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod step;
pub(crate) mod text;
mod tls;
pub(crate) mod topics;
pub(crate) mod visit;
pub(crate) mod way;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::place::Place;
use self::step::Step;
use crate::WRONG;

/// Who holds which bundle, and where to go with it.
#[derive(Debug, Args)]
pub(crate) struct Holder {
    /// The directory of the bundle, with `bundle.json` in it.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) bundle: PathBuf,
    /// Connect here, and not to what the bundle names: to Weir in another data centre, which takes the same certificate.
    /// May be given again.
    #[arg(long, value_name = "HOST:PORT", value_parser = place)]
    pub(crate) bootstrap: Vec<Place>,
    /// The private key, where the bundle has none: after a certificate signing request.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The longest that a step may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// Take this time (RFC 3339) for this machine's clock: what would be wrong then?
    #[arg(long, value_name = "TIME", value_parser = moment)]
    now: Option<OffsetDateTime>,
}

impl Holder {
    /// The longest that a step may take.
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// What time this machine has.
    pub(crate) fn clock(&self) -> OffsetDateTime {
        self.now.unwrap_or_else(OffsetDateTime::now_utc)
    }

    /// The same in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.clock().unix_timestamp()
    }
}

/// 0 where all steps were gone, 1 where one was not, 2 where the bundle cannot be used.
pub(crate) fn exit(failed_at: Option<Step>) -> ExitCode {
    match failed_at {
        None => ExitCode::SUCCESS,
        Some(Step::Bundle) => WRONG.into(),
        Some(_) => ExitCode::FAILURE,
    }
}

/// Reads a time as it is written on the command line.
pub(crate) fn moment(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| "write a time as 2027-05-03T12:00:00Z".to_owned())
}

fn place(text: &str) -> Result<Place, String> {
    Place::read(text).ok_or_else(|| "write host:port, such as kafka.example.org:9093".to_owned())
}
