//! `make bench`: what Weir costs beside other ways, as ratios of one run.
//!
//! One process is measured at a time, alone on core 0; the canned broker and the load client are threads of this process
//! on core 1. Must never: leave a process behind, or give an absolute time a meaning of its own.

mod bar;
mod broker;
mod canned;
mod copy_relay;
mod crowd;
// The kit's, which would bring librdkafka along.
#[path = "../../kit/src/delay.rs"]
mod delay;
mod failure;
mod fetch;
mod in_process;
mod line;
mod load;
mod pair;
mod peers;
mod plot;
mod policies;
mod proxy;
mod quantiles;
mod records;
mod relay;
mod report;
mod rows;
mod slow;
mod small;
mod stage;
mod stats;
mod tls;
mod weir;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

use failure::{Context, Failure};

/// What Weir costs beside other ways, as ratios of one run.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Role,
}

/// What this process is.
#[derive(Subcommand)]
enum Role {
    /// Measures, and prints a table.
    Run(Options),
    /// The bare relay: TLS in, plaintext out, and no idea of what it carries.
    Relay(RelayOptions),
    /// The same as a user of tokio-rustls would write it.
    CopyRelay(RelayOptions),
    /// Becomes another program on some cores, which ends when its parent does.
    Pinned {
        /// The cores.
        #[arg(value_delimiter = ',', num_args = 1)]
        cores: Vec<usize>,
        /// The program and its arguments.
        #[arg(last = true, required = true)]
        program: Vec<OsString>,
    },
}

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// The `weir` program.
    #[arg(long)]
    weir: PathBuf,
    /// Where figures, plots and logs go.
    #[arg(long)]
    out: PathBuf,
    /// One row of the bar.
    #[arg(long)]
    only: Option<String>,
    /// How often each figure is taken.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(4..))]
    rounds: u32,
}

/// A relay, and what is behind it.
#[derive(Args)]
pub struct RelayOptions {
    /// The broker.
    #[arg(long)]
    upstream: SocketAddr,
    /// The directory with `server.pem`, `server.key` and `ca.pem`.
    #[arg(long)]
    certificates: PathBuf,
}

/// The core of the process that is measured.
const MEASURED: usize = 0;
/// The core of everything else.
const OTHERS: usize = 1;

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Role::Run(options) => start(&options),
        Role::Relay(options) => relay::run(&options),
        Role::CopyRelay(options) => copy_relay::run(&options),
        Role::Pinned { cores, program } => pinned(&cores, &program),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn start(options: &Options) -> Result<(), Failure> {
    // The broker and the clients are of this process: two descriptors for each connection, and what it starts inherits it.
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).context("no more descriptors")?;
    pin(&[OTHERS])?;
    report::run(options)
}

fn pinned(cores: &[usize], program: &[OsString]) -> Result<(), Failure> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).context("the parent cannot be watched")?;
    pin(cores)?;
    let [program, arguments @ ..] = program else { return Err(Failure::new("no program was given")) };
    let failed = Command::new(program).args(arguments).exec();
    Err(Failure::new(format!("{} cannot be started: {failed}", program.display())))
}

fn pin(cores: &[usize]) -> Result<(), Failure> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set).map_err(|error| {
        Failure::new(format!("cores {cores:?} cannot be used: {error}; the bench needs cores 0 and 1"))
    })
}
