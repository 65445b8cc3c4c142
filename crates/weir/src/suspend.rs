//! `weir suspend` and `weir resume`: neither a broker nor a running Weir is needed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use weir_server::suspend::{Because, SuspendError, meant, policy_directory, remarks, resume, suspend};

/// What is suspended or resumed, and why.
#[derive(Debug, Args)]
pub(crate) struct Order {
    /// What kind of thing.
    #[arg(value_name = "KIND")]
    kind: Kind,
    /// The principal's name, the certificate's serial number in hexadecimal digits, the topic's name or Kafka's name of the
    /// API. `all` has none.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Why, in words.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Where it is written down.
    #[arg(long, value_name = "ID")]
    ticket: String,
    /// The configuration file, which names the policy directory.
    #[arg(short, long, value_name = "FILE", default_value = "weir.yaml")]
    config: PathBuf,
    /// The policy directory itself: the configuration is not read.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    policy: Option<PathBuf>,
}

/// Kinds of what can be suspended.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// A principal, with all its certificates.
    Principal,
    /// One certificate.
    Serial,
    /// A topic, for everybody.
    Topic,
    /// One of Kafka's APIs, for everybody.
    Api,
    /// Everybody.
    All,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Serial => "serial",
            Self::Topic => "topic",
            Self::Api => "api",
            Self::All => "all",
        }
    }
}

pub(crate) fn run_suspend(order: &Order) -> ExitCode {
    run(order, suspend)
}

pub(crate) fn run_resume(order: &Order) -> ExitCode {
    run(order, resume)
}

type Act = fn(&std::path::Path, &weir_server::suspend::Suspended, Because<'_>) -> Result<String, SuspendError>;

fn run(order: &Order, act: Act) -> ExitCode {
    let done = || {
        let what = meant(order.kind.name(), order.name.as_deref())?;
        let policy = order.policy.clone().map_or_else(|| policy_directory(&order.config), Ok)?;
        act(&policy, &what, Because { reason: &order.reason, ticket: &order.ticket }).map(|said| (policy, said))
    };
    match done() {
        Ok((policy, said)) => {
            println!("{said}");
            remarks(&policy).iter().for_each(|remark| eprintln!("note: {remark}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("nothing was done: {error}");
            ExitCode::FAILURE
        }
    }
}
