//! `weir render`: what other systems must be told, from the one policy.
//!
//! Must never: ask or change any of them.

mod files;
mod mirror;
mod upstream;

use std::process::ExitCode;

use clap::Subcommand;

/// For whom.
#[derive(Debug, Subcommand)]
pub(crate) enum Render {
    /// For MirrorMaker 2, so that a public cluster holds what the catalogue names and nothing else: its properties, and what
    /// runs differently from them.
    Mirror(mirror::Mirror),
    /// For the brokers, so that Weir is not the only wall: ACLs and quotas of Weir's users there, the listener's settings, and
    /// packet rules.
    Upstream(upstream::Upstream),
}

pub(crate) fn run(render: &Render) -> ExitCode {
    match render {
        Render::Mirror(order) => mirror::run(order),
        Render::Upstream(order) => upstream::run(order),
    }
}
