//! What `weir top` asks a running Weir.
//!
//! Must never: take anything else for it.

use std::net::SocketAddr;

use weir_server::observe::TopPage;

use crate::asking;

const PATH: &str = "/top";

/// What principals did until now.
pub(super) fn get(admin: SocketAddr) -> Result<TopPage, String> {
    let answer = asking::get(admin, PATH)?;
    serde_json::from_slice(&answer.page).map_err(|error| {
        let what = format!("this is not what `weir top` reads: {error}");
        asking::unanswered(&format!("http://{admin}{PATH}"), &what)
    })
}
