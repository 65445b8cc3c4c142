//! Asking a running Weir.
//!
//! Must never: wait for an answer without a deadline, or take one without an end.

use std::net::SocketAddr;
use std::time::Duration;

use weir_server::observe::TopPage;

/// It answers at once, or it is not well.
const LIMIT: Duration = Duration::from_secs(5);
/// The longest answer: far more than ten thousand principals have.
const LONGEST: u64 = 64 << 20;

/// What principals did until now.
pub(super) fn get(admin: SocketAddr) -> Result<TopPage, String> {
    let url = format!("http://{admin}/top");
    let failed = |what: &dyn std::fmt::Display| {
        format!("{url}: {what}; does Weir run here, with this `admin: bind`? `--admin ADDRESS` names another")
    };
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(LIMIT)).proxy(None).build().into();
    let mut answer = agent.get(&url).call().map_err(|error| failed(&error))?;
    let page = answer.body_mut().with_config().limit(LONGEST).read_to_vec().map_err(|error| failed(&error))?;
    serde_json::from_slice(&page).map_err(|error| failed(&format!("this is not what `weir top` reads: {error}")))
}
