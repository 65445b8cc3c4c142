//! `weir diff`: what a change of the policy means, in words, and an exit status for a review.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use weir_policy::Diff;
use weir_server::snapshot::OfflinePolicy;

use crate::WRONG;

/// The exit status where somebody should look twice.
const CONFIRM: u8 = 3;

/// From which policy to which.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// A policy directory, or a configuration file that names one.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The same as it will be.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Exit with 3 where something widens, or groups or certificates become somebody else's.
    #[arg(long)]
    confirm_widening: bool,
}

pub(crate) fn run(change: &Change) -> ExitCode {
    let (old, new) = (OfflinePolicy::read(&change.old), OfflinePolicy::read(&change.new));
    for errors in [old.as_ref().err(), new.as_ref().err()].into_iter().flatten() {
        eprintln!("{errors}");
    }
    let (Ok(old), Ok(new)) = (old, new) else { return WRONG.into() };
    let diff = Diff::between(&old.policy, &new.policy);
    for change in &diff.0 {
        println!("{change}");
    }
    if change.confirm_widening && diff.needs_confirmation() {
        return CONFIRM.into();
    }
    if diff.0.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
