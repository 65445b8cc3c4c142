//! `weir ready`: for what starts and stops Weir, where nothing else can ask it.
//!
//! Must never: say yes where nobody answered, or judge anything itself.

use std::process::ExitCode;

use clap::Args;

use crate::WRONG;
use crate::asking::{self, Running};

/// What is asked.
#[derive(Debug, Args)]
pub(crate) struct Question {
    #[command(flatten)]
    running: Running,
    /// Ask only whether its threads still turn: whoever ends a process that does not live must not end one that waits for
    /// its brokers.
    #[arg(long)]
    alive: bool,
}

pub(crate) fn run(question: &Question) -> ExitCode {
    let path = if question.alive { "/livez" } else { "/readyz" };
    match question.running.admin().and_then(|admin| asking::get(admin, path)) {
        Ok(answer) => {
            print!("{}", String::from_utf8_lossy(&answer.page));
            if answer.is_yes { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(WRONG)
        }
    }
}
