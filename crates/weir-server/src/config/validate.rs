//! From what was written to what holds: every rule about a value, each with what to write instead.
//!
//! Must never: read a file or a clock, or stop at the first problem.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use weir_kafka::cluster::ShownClusterId;
use weir_policy::{GroupMode, IdentityRule};

use super::admin;
use super::audit;
use super::catch_up;
use super::listener;
use super::model::{Config, HandshakeRate, Limits, Log, Machine, Upstream};
use super::place::{At, Place};
use super::problems::Problems;
use super::raw::{RawConfig, RawGroups, RawIdentity, RawLimits, RawNetwork, RawRate, RawUpstream};
use super::units::{BadUnit, SizeText, TimeText};
use super::upstream;

/// The most worker threads: more than any machine's cores.
const MOST_WORKERS: u16 = 512;

/// The longest that a stop may be spread over: what stops processes has time-outs of its own.
const LONGEST_SPREAD: Duration = Duration::from_secs(600);

/// The most client connections where the configuration does not say.
const DEFAULT_CONNECTIONS: u64 = 10_000;

/// Descriptors for all but clients and listeners: control connections, files of a reload, the runtime's own.
const OTHER_DESCRIPTORS: u64 = 256;

/// Checks a whole configuration. `file` is what messages call it; relative paths begin at the file's directory.
pub(super) fn config(file: &Path, raw: &RawConfig, machine: Machine) -> (Config, Problems) {
    let name = file.display().to_string();
    let mut check = Check { problems: Problems::new(&name), directory: file.parent().unwrap_or(Path::new("")) };
    let admin = admin::admin(&mut check, &raw.admin);
    let listeners = listener::all(&mut check, &raw.listeners, &raw.upstreams.value, &admin);
    let upstreams = upstream::all(&mut check, &raw.upstreams);
    let shown_cluster_id = check.cluster_id(&raw.shown_cluster_id);
    let identity = check.identity(&raw.identity);
    let workers = check.workers(raw.workers.as_ref(), machine.cores);
    let sockets = listeners.iter().map(|listener| listener.ports.len()).sum();
    let connections = check.connections(raw.limits.connections.as_ref(), machine.descriptors, sockets);
    let limits = check.limits(&raw.limits, connections);
    let config = Config {
        listeners,
        upstreams,
        shown_cluster_id,
        policy: check.path(&raw.policy),
        identity,
        groups: match raw.groups {
            RawGroups::Namespaced => GroupMode::Namespaced,
            RawGroups::ExplicitPrefix => GroupMode::ExplicitPrefix,
        },
        nodes: check.nodes(&raw.nodes),
        admin,
        workers,
        log: Log { format: raw.log.format, level: raw.log.level },
        limits,
        crl_max_stale: check.unit("max_stale", &raw.crl.max_stale, TimeText::parse),
        audit: raw.audit.as_ref().map(|raw| audit::settings(&mut check, raw)),
        drain_spread: raw.drain.spread.as_ref().map(|spread| check.spread(spread)),
    };
    (config, check.problems)
}

/// Checks clusters alone.
pub(super) fn upstreams(
    file: &Path,
    raw: &At<BTreeMap<String, At<RawUpstream>>>,
) -> (BTreeMap<String, Upstream>, Problems) {
    let problems = Problems::new(&file.display().to_string());
    let mut check = Check { problems, directory: file.parent().unwrap_or(Path::new("")) };
    let upstreams = upstream::all(&mut check, raw);
    (upstreams, check.problems)
}

/// What every check needs.
pub(super) struct Check<'a> {
    pub(super) problems: Problems,
    directory: &'a Path,
}

impl Check<'_> {
    /// A path, relative to the configuration's directory.
    pub(super) fn path(&mut self, written: &At<String>) -> At<PathBuf> {
        if written.value.is_empty() {
            self.problems.add(written.place, "the path is empty", "write the path of a file or directory");
        }
        At { value: self.directory.join(&written.value), place: written.place }
    }

    /// A name of the operator's own.
    pub(super) fn own_name(&mut self, place: Place, name: &str) {
        let sound = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if name.is_empty() || name.len() > 63 || !sound {
            self.problems.add(place, format!("`{name}` is not a name"), "write 1 to 63 of a-z, 0-9 and -");
        }
    }

    fn spread(&mut self, written: &At<TimeText>) -> Duration {
        let spread = self.unit("spread", written, TimeText::parse);
        if spread > LONGEST_SPREAD {
            let what = format!("`spread` is {}: whoever stops Weir will not wait for that", written.value.0);
            self.problems.add(written.place, what, "write at most 10m; 30s is plenty");
        }
        spread
    }

    fn cluster_id(&mut self, written: &At<String>) -> ShownClusterId {
        let id = &written.value;
        let sound = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if id.is_empty() || id.len() > 64 || !sound {
            let fix = "write 1 to 64 letters, digits, - and _, the same on all replicas";
            self.problems.add(written.place, format!("`{id}` is not a cluster id"), fix);
        }
        ShownClusterId(id.clone())
    }

    fn identity(&mut self, written: &At<Vec<At<RawIdentity>>>) -> Vec<IdentityRule> {
        if written.value.is_empty() {
            self.problems.add(
                written.place,
                "no part of a certificate may name a principal",
                "write at least `san-uri`",
            );
        }
        let mut rules = Vec::new();
        for one in &written.value {
            let rule = match one.value {
                RawIdentity::Fingerprint => IdentityRule::Fingerprint,
                RawIdentity::SanUri => IdentityRule::SanUri,
                RawIdentity::SanDns => IdentityRule::SanDns,
                RawIdentity::SanEmail => IdentityRule::SanEmail,
                RawIdentity::Dn => IdentityRule::Dn,
                RawIdentity::Cn => IdentityRule::Cn,
            };
            if rules.contains(&rule) {
                self.problems.add(one.place, format!("`{}` stands here twice", rule.name()), "keep the first");
            }
            rules.push(rule);
        }
        rules
    }

    fn workers(&mut self, written: Option<&At<u16>>, cores: NonZeroUsize) -> NonZeroUsize {
        let Some(written) = written else { return cores };
        match NonZeroUsize::new(usize::from(written.value)) {
            Some(workers) if written.value <= MOST_WORKERS => workers,
            _ => {
                let fix = format!("write a number from 1 to {MOST_WORKERS}, or leave it out");
                self.problems.add(written.place, format!("`workers` is {}", written.value), fix);
                cores
            }
        }
    }

    fn nodes(&mut self, written: &At<u32>) -> NonZeroU32 {
        NonZeroU32::new(written.value).unwrap_or_else(|| {
            self.problems.add(
                written.place,
                "`nodes` is 0",
                "write how many replicas there are, or leave it out for 1",
            );
            NonZeroU32::MIN
        })
    }

    fn limits(&mut self, raw: &RawLimits, connections: usize) -> Limits {
        Limits {
            tls_handshake: self.unit("tls_handshake", &raw.tls_handshake, TimeText::parse),
            first_frame: self.unit("first_frame", &raw.first_frame, TimeText::parse),
            frame: self.unit("frame", &raw.frame, TimeText::parse),
            frame_min_rate: self.unit("frame_min_rate", &raw.frame_min_rate, SizeText::parse),
            idle: self.unit("idle", &raw.idle, TimeText::parse),
            slow_reader: self.unit("slow_reader", &raw.slow_reader, TimeText::parse),
            reader_min_rate: self.unit("reader_min_rate", &raw.reader_min_rate, SizeText::parse),
            request: self.unit("request", &raw.request, SizeText::parse),
            request_group: self.unit("request_group", &raw.request_group, SizeText::parse),
            request_small: self.unit("request_small", &raw.request_small, SizeText::parse),
            topics: self.count("topics", raw.topics.place, raw.topics.value),
            partitions: self.count("partitions", raw.partitions.place, raw.partitions.value),
            tagged_fields: self.count("tagged_fields", raw.tagged_fields.place, raw.tagged_fields.value),
            in_flight: self.count("in_flight", raw.in_flight.place, raw.in_flight.value.into()),
            unauthenticated_per_address: self.count(
                "unauthenticated_per_address",
                raw.unauthenticated_per_address.place,
                raw.unauthenticated_per_address.value,
            ),
            unauthenticated: self.count("unauthenticated", raw.unauthenticated.place, raw.unauthenticated.value),
            handshakes: self.rate("handshakes", &raw.handshakes.value),
            handshakes_per_address: self.rate("handshakes_per_address", &raw.handshakes_per_address.value),
            networks: raw.networks.iter().filter_map(|network| self.network(&network.value)).collect(),
            catch_up: catch_up::limits(self, &raw.catch_up),
            connections,
        }
    }

    fn network(&mut self, raw: &RawNetwork) -> Option<(IpNet, HandshakeRate)> {
        let network = listener::networks(self, std::slice::from_ref(&raw.network)).pop()?;
        Some((network, self.per_second("networks", &raw.per_second, &raw.burst)))
    }

    fn rate(&mut self, name: &str, raw: &RawRate) -> HandshakeRate {
        self.per_second(name, &raw.per_second, &raw.burst)
    }

    fn per_second(&mut self, name: &str, per_second: &At<u32>, burst: &At<u32>) -> HandshakeRate {
        for (key, written) in [("per_second", per_second), ("burst", burst)] {
            self.count(&format!("{name}.{key}"), written.place, written.value);
        }
        HandshakeRate { per_second: per_second.value, burst: burst.value }
    }

    /// How many clients there is room for: each needs a descriptor for itself and one for its broker.
    fn connections(&mut self, written: Option<&At<u32>>, descriptors: u64, sockets: usize) -> usize {
        let others = OTHER_DESCRIPTORS.saturating_add(u64::try_from(sockets).unwrap_or(u64::MAX));
        let room = descriptors.saturating_sub(others) / 2;
        let wanted = match written {
            Some(written) => u64::try_from(self.count("connections", written.place, written.value)).unwrap_or(u64::MAX),
            None => DEFAULT_CONNECTIONS.min(room),
        };
        let place = written.map(|written| written.place).unwrap_or_default();
        if wanted > room || room == 0 {
            let need = wanted.max(1).saturating_mul(2).saturating_add(others);
            let what = format!(
                "{} client connections need {need} file descriptors, and this process may open {descriptors}",
                wanted.max(1)
            );
            let lower = if room > 0 { format!(", or write `connections: {room}`") } else { String::new() };
            self.problems.add(place, what, format!("raise the limit (LimitNOFILE={need}, `ulimit -n {need}`){lower}"));
        }
        usize::try_from(wanted).unwrap_or(usize::MAX)
    }

    /// A time or a size; none of the limits may be nothing.
    pub(super) fn unit<W, T: Default + PartialEq>(
        &mut self,
        name: &str,
        written: &At<W>,
        parse: fn(&W) -> Result<T, BadUnit>,
    ) -> T {
        match parse(&written.value) {
            Ok(value) if value != T::default() => return value,
            Ok(_) => self.problems.add(written.place, format!("`{name}` is nothing"), "write more, or leave it out"),
            Err(BadUnit { what, fix }) => self.problems.add(written.place, format!("`{name}` {what}"), fix),
        }
        T::default()
    }

    pub(super) fn count(&mut self, name: &str, place: Place, value: u32) -> usize {
        if value == 0 {
            self.problems.add(place, format!("`{name}` is 0"), "write at least 1, or leave it out");
        }
        usize::try_from(value).unwrap_or(usize::MAX)
    }
}

/// The values of a map that were written under a key, to be told of keys that no map has.
pub(super) fn names_of<V>(map: &std::collections::BTreeMap<String, V>) -> String {
    map.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// A host and a port: `NAME:PORT`, `IPv4:PORT` or `[IPv6]:PORT`.
pub(super) fn host_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok())?,
        None => host,
    };
    is_host(host).then(|| (host.to_owned(), port))
}

/// Whether a text is an IP address or a DNS name.
pub(super) fn is_host(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || is_dns_name(host)
}

/// Whether a text is a DNS name as a certificate can hold it. A name whose last label is a number is none: programs
/// would take it for an address.
pub(super) fn is_dns_name(name: &str) -> bool {
    let label_is_sound = |label: &str| {
        let body = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        !label.is_empty() && label.len() <= 63 && body && !label.starts_with('-') && !label.ends_with('-')
    };
    let last_is_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    !name.is_empty() && name.len() <= 240 && !last_is_number && name.split('.').all(label_is_sound)
}

/// Notes values that appear twice. Returns whether this one did.
pub(super) fn is_repeated<'a>(seen: &mut HashMap<&'a str, u64>, name: &'a At<String>) -> Option<u64> {
    seen.insert(&name.value, name.place.line)
}
