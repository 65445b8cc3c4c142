//! `weir render upstream`: what the brokers must be told so that Weir is not the only wall.
//!
//! Must never: ask a broker anything, or leave a file of it half written.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use weir_server::snapshot::OfflinePolicy;
use weir_server::wall::{Wall, WallOptions};

use super::files::{self, Rendered};
use crate::WRONG;

/// For which brokers, and what stands in no file.
#[derive(Debug, Args)]
pub(crate) struct Upstream {
    /// The configuration file; relative paths in it begin at its directory.
    #[arg(short, long, value_name = "FILE", default_value = "weir.yaml")]
    config: PathBuf,
    /// The cluster; needed where the configuration has several.
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// Write the files into this directory. Without it they are printed, one after the other.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A user as the brokers name it, for Weir itself or for a tier with an identity of its own; may be repeated. Without
    /// it: the subject of the certificate, as Kafka writes it where no mapping rules say otherwise.
    #[arg(long = "user", value_name = "[TIER=]NAME")]
    users: Vec<String>,
    /// The name of the brokers' listener for Weir.
    #[arg(long, value_name = "NAME", default_value = "WEIR")]
    listener: String,
    /// Networks or addresses of the machines that serve; may be repeated. Needed for `weir.nft`.
    #[arg(long, value_name = "CIDR")]
    from: Vec<String>,
    /// Allow topics under the catalogue's prefixes, too. The brokers cannot keep back what never.yaml does.
    #[arg(long)]
    prefixes: bool,
    /// Allow clients to ask how a topic is kept: DescribeConfigs on the catalogue's topics.
    #[arg(long)]
    describe_configs: bool,
}

pub(crate) fn run(order: &Upstream) -> ExitCode {
    let read = OfflinePolicy::of_config(&order.config, None);
    let (config, policy) = match &read {
        Ok(OfflinePolicy { config: Some(config), policy, .. }) => (config, policy),
        Ok(_) => return WRONG.into(),
        Err(errors) => {
            eprintln!("{errors}");
            return WRONG.into();
        }
    };
    let options = WallOptions {
        upstream: order.upstream.clone(),
        users: order.users.clone(),
        listener: order.listener.clone(),
        prefixes: order.prefixes,
        describe_configs: order.describe_configs,
        from: order.from.clone(),
    };
    let files = match Wall::new(config, policy, &options) {
        Ok(wall) => wall.files(),
        Err(error) => {
            eprintln!("{error}");
            return WRONG.into();
        }
    };
    if order.from.is_empty() {
        eprintln!("no weir.nft: it needs the addresses from which Weir comes, `--from CIDR`");
    }
    let rendered: Vec<Rendered<'_>> =
        files.iter().map(|file| Rendered { name: file.name, text: &file.text, is_program: file.is_program }).collect();
    let told = match &order.out {
        Some(directory) => files::write(directory, &rendered),
        None => files::print(&rendered).map_err(|error| format!("nothing can be printed: {error}")),
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
