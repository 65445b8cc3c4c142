//! A Kafka-protocol edge proxy for people outside: what a person types.
//!
//! A library only so that man pages and completions are written from the very commands that the binary has.
//! Must never: hold a rule of its own. Each command hands its arguments to `weir-server` and prints what comes back.

mod asking;
mod audit;
mod catalogue;
mod cert;
mod check;
mod consumer;
mod diff;
mod doctor;
mod explain;
mod groups;
mod import;
mod init;
mod offsets;
mod reader;
mod ready;
mod render;
mod serve;
mod shipped;
mod suspend;
mod systemd_socket;
mod top;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

/// The exit status where the question or a file is wrong, as where an argument is.
const WRONG: u8 = 2;

/// A Kafka-protocol edge proxy for people outside.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a first configuration and policy, with comments, from a few answers or flags.
    Init(init::Init),
    /// Make a catalogue of what another service lets out. Every decision on personal data stays open.
    #[command(subcommand)]
    Import(import::From),
    /// Serve clients until SIGTERM.
    Serve(ConfigFile),
    /// Stop a principal, a certificate, a topic, an API or everybody, within a second, on open connections too.
    Suspend(suspend::Order),
    /// End a suspension.
    Resume(suspend::Order),
    /// Look at the configuration, the policy and the certificates, and with `--live` at the brokers, and print every problem.
    /// Changes nothing. Exits with 1 where there is one.
    Check(check::What),
    /// Write what other systems must be told, from this configuration and its policy. Changes nothing there.
    #[command(subcommand)]
    Render(render::Render),
    /// Print the systemd socket unit for a configuration. With it a restart refuses nobody.
    SystemdSocket(ConfigFile),
    /// Say whether the Weir that runs here can serve, and what is against it: `/readyz` of its admin address. Exits with 0 where
    /// it can, 1 where it cannot, 2 where nobody answers.
    Ready(ready::Question),
    /// Show who does what now, by bytes, commits, groups or refusals. It asks the Weir that runs here.
    Top(top::Watch),
    /// Say whether a principal may do something, by which rule and line, and what to write to change it. Exits with 0 where
    /// it may, 1 where it may not, 2 where the question or a file is wrong.
    Explain(explain::Question),
    /// Say what a change of the policy means: `+` widens, `-` narrows, `!` loses groups or certificates, `~` neither. Exits
    /// with 0 where nothing changes, 1 where something does, 2 where a file is wrong.
    Diff(diff::Change),
    /// For consumers: go from a bundle to the first record and the first commit, step by step, and say at which step it ends,
    /// what is wrong there and who has to do what. Exits with 0 where all is well, 1 where a step fails, 2 where the
    /// bundle cannot be used.
    Doctor(doctor::Patient),
    /// For consumers: set the offsets of a group that has no members to a time, and show them. So a group begins where another
    /// one was, in another data centre too. Exits with 0 where all is well, 1 where a step fails, 2 where the bundle cannot be
    /// used.
    Offsets(offsets::Order),
    /// Run a CA in a directory: issue, renew and revoke certificates that fit the policy and the configuration. `weir serve`
    /// needs none of its keys.
    #[command(subcommand)]
    Cert(cert::Act),
    /// Look at what an audit holds.
    #[command(subcommand)]
    Audit(audit::Order),
    /// Look at the groups of one principal at the brokers, and delete those that have no members.
    #[command(subcommand)]
    Groups(groups::Act),
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file; relative paths in it begin at its directory.
    #[arg(short, long, value_name = "FILE", default_value = "weir.yaml")]
    config: PathBuf,
}

/// Does what the process's arguments say, and gives its exit status.
#[must_use]
pub fn main() -> ExitCode {
    reader::may_go_away();
    match Cli::parse().command {
        Command::Init(order) => init::run(&order),
        Command::Import(from) => import::run(&from),
        Command::Serve(file) => serve::run(&file.config),
        Command::Suspend(order) => suspend::run_suspend(&order),
        Command::Resume(order) => suspend::run_resume(&order),
        Command::Check(what) => check::run(&what),
        Command::Render(render) => render::run(&render),
        Command::SystemdSocket(file) => systemd_socket::run(&file.config),
        Command::Ready(question) => ready::run(&question),
        Command::Top(watch) => top::run(&watch),
        Command::Explain(question) => explain::run(&question),
        Command::Diff(change) => diff::run(&change),
        Command::Doctor(patient) => doctor::run(&patient),
        Command::Offsets(order) => offsets::run(&order),
        Command::Cert(act) => cert::run(&act),
        Command::Audit(order) => audit::run(&order),
        Command::Groups(act) => groups::run(&act),
    }
}

/// Every command with its arguments and their help.
#[must_use]
pub fn commands() -> clap::Command {
    Cli::command()
}
