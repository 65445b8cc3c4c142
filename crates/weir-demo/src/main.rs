//! The embedded demo: mock brokers, lifelike events and Weir, on loopback.
//!
//! Must never be reachable from outside this machine, and must never leave anything running behind it.

mod certificates;
mod check;
mod cluster;
mod events;
mod failure;
mod flow;
mod instructions;
mod outside;
mod ports;
mod run;
mod streams;
mod weir_config;
mod weir_process;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Runs Weir in front of three mock brokers with synthetic events, and says how to connect.
#[derive(Parser)]
#[command(version)]
pub struct Args {
    /// Consume through Weir as an outside client, prove a refusal, and end with `demo: ok` and status 0, or with what
    /// went wrong and status 1
    #[arg(long)]
    check: bool,
    /// The policy directory to serve with
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../acl"))]
    acl: PathBuf,
    /// The `weir` binary; without it, the one beside this program
    #[arg(long, value_name = "PATH")]
    weir: Option<PathBuf>,
    /// Where certificates, configuration and log go, and stay; without it, a new directory that is removed at the end
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            println!("demo: failed: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run::run(&args)) {
        Ok(run::End::Checked) => {
            println!("demo: ok");
            ExitCode::SUCCESS
        }
        Ok(run::End::Stopped) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("demo: failed: {failure}");
            ExitCode::FAILURE
        }
    }
}
