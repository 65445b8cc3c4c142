//! The rules about `admin`.
//!
//! Must never: let anybody beyond loopback be told anything that nobody wrote a network for.

use std::net::{Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use super::listener::networks;
use super::place::At;
use super::raw::{RawAdmin, RawAdminMetrics};
use super::validate::Check;

/// Where Weir tells how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where the admin server listens; loopback.
    pub bind: SocketAddr,
    /// Where other machines may read metrics, if any may.
    pub metrics: Option<RemoteMetrics>,
}

/// Who may read metrics from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteMetrics {
    /// Where they are.
    pub bind: SocketAddr,
    /// Whose connections are answered.
    pub allow: Vec<IpNet>,
}

impl Admin {
    /// Every address that it listens at, with what a person calls it.
    pub(super) fn binds(&self) -> Vec<(SocketAddr, String)> {
        let metrics = self.metrics.as_ref().map(|metrics| (metrics.bind, "`admin.metrics`".to_owned()));
        [(self.bind, "the admin address".to_owned())].into_iter().chain(metrics).collect()
    }
}

pub(super) fn admin(check: &mut Check<'_>, raw: &RawAdmin) -> Admin {
    let bind = loopback(check, &raw.bind);
    let metrics = raw.metrics.as_ref().and_then(|raw| metrics(check, raw));
    let clash = metrics.as_ref().is_some_and(|metrics| super::listener::overlaps(metrics.bind, bind));
    if let Some(raw) = raw.metrics.as_ref().filter(|_| clash) {
        check.problems.add(raw.bind.place, format!("{bind} is the admin address"), "give each a port of its own");
    }
    Admin { bind, metrics }
}

fn loopback(check: &mut Check<'_>, bind: &At<String>) -> SocketAddr {
    const FIX: &str = "write a loopback address and a port, like 127.0.0.1:9180";
    let fallback = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 9180);
    let Ok(address) = bind.value.parse::<SocketAddr>() else {
        check.problems.add(bind.place, format!("`{}` is not an address and a port", bind.value), FIX);
        return fallback;
    };
    if !address.ip().to_canonical().is_loopback() {
        let what = format!("the admin address {address} can be reached from outside and has no authentication");
        check.problems.add(bind.place, what, FIX);
    }
    address
}

fn metrics(check: &mut Check<'_>, raw: &RawAdminMetrics) -> Option<RemoteMetrics> {
    if raw.allow.value.is_empty() {
        let fix = "write the networks of what reads metrics, or leave out `metrics`";
        check.problems.add(raw.allow.place, "`allow` is empty", fix);
    }
    let allow = networks(check, &raw.allow.value);
    let bind = raw.bind.value.parse::<SocketAddr>().ok();
    if bind.is_none() {
        let what = format!("`{}` is not an address and a port", raw.bind.value);
        check.problems.add(raw.bind.place, what, "write an address and a port, like 10.0.0.5:9181");
    }
    Some(RemoteMetrics { bind: bind?, allow })
}
