//! A Kafka-protocol edge proxy for people outside: what a person types.
//!
//! Must never: hold a rule of its own. Each command hands its arguments to `weir-server` and prints what comes back.

mod check;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// A Kafka-protocol edge proxy for people outside.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve clients until SIGTERM.
    Serve(ConfigFile),
    /// Look at the configuration, the policy and the certificates, and print every problem. Changes nothing.
    Check(ConfigFile),
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file; relative paths in it begin at its directory.
    #[arg(short, long, value_name = "FILE", default_value = "weir.yaml")]
    config: PathBuf,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(file) => serve::run(&file.config),
        Command::Check(file) => check::run(&file.config),
    }
}
