//! Asking the Weir that runs here, at its admin address.
//!
//! Must never: wait for an answer without a deadline, or take one without an end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// It answers at once, or it is not well.
const LIMIT: Duration = Duration::from_secs(5);
/// The longest answer: far more than ten thousand principals have.
const LONGEST: u64 = 64 << 20;

/// Which Weir.
#[derive(Debug, Args)]
pub(crate) struct Running {
    /// The configuration file, which names the admin address.
    #[arg(short, long, value_name = "FILE", default_value = "weir.yaml")]
    config: PathBuf,
    /// The admin address itself: the configuration is not read.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "config")]
    admin: Option<SocketAddr>,
}

impl Running {
    /// Its admin address.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub(crate) fn admin(&self) -> Result<SocketAddr, String> {
        self.admin.map_or_else(|| weir_server::admin::address(&self.config), Ok)
    }
}

/// What it said.
pub(crate) struct Answer {
    /// Whether that is a yes: a status of 200 to 299.
    pub(crate) is_yes: bool,
    /// The page.
    pub(crate) page: Vec<u8>,
}

/// A page of the admin address.
///
/// # Errors
/// Nobody answers, or not in time.
pub(crate) fn get(admin: SocketAddr, path: &str) -> Result<Answer, String> {
    let url = format!("http://{admin}{path}");
    let failed = |error: ureq::Error| unanswered(&url, &error);
    let config = ureq::Agent::config_builder().timeout_global(Some(LIMIT)).proxy(None).http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let mut answer = agent.get(&url).call().map_err(failed)?;
    let is_yes = answer.status().is_success();
    let page = answer.body_mut().with_config().limit(LONGEST).read_to_vec().map_err(failed)?;
    Ok(Answer { is_yes, page })
}

/// The line for an answer that is none.
pub(crate) fn unanswered(url: &str, what: &dyn std::fmt::Display) -> String {
    format!("{url}: {what}; does Weir run here, with this `admin: bind`? `--admin ADDRESS` names another")
}
