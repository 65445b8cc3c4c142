//! The rules about `listeners`.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use weir_kafka::advertise::AdvertisedNodes;

use super::admin::Admin;
use super::model::{AdvertisedName, Listener, ServerTls};
use super::place::{At, Place};
use super::raw::{RawListener, RawPorts, RawSni, RawUpstream};
use super::validate::{Check, is_dns_name, is_host, is_repeated, names_of};

pub(super) fn all(
    check: &mut Check<'_>,
    raw: &At<Vec<At<RawListener>>>,
    upstreams: &BTreeMap<String, At<RawUpstream>>,
    admin: &Admin,
) -> Vec<Listener> {
    if raw.value.is_empty() {
        check.problems.add(raw.place, "there is no listener", "add one: `- name: public` and what belongs to it");
    }
    let mut names = HashMap::new();
    let mut taken = Taken::new(admin);
    let mut listeners = Vec::new();
    for written in &raw.value {
        let name = &written.value.name;
        check.own_name(name.place, &name.value);
        if let Some(line) = is_repeated(&mut names, name) {
            let what = format!("the listener in line {line} is called `{}` too", name.value);
            check.problems.add(name.place, what, "give each listener a name of its own");
        }
        let upstream = &written.value.upstream;
        if !upstreams.contains_key(&upstream.value) && !upstreams.is_empty() {
            let what = format!("there is no upstream `{}`", upstream.value);
            check.problems.add(upstream.place, what, format!("write one of {}", names_of(upstreams)));
        }
        if let Some(listener) = one(check, &written.value) {
            taken.take(check, &listener, written.value.bind.place);
            listeners.push(listener);
        }
    }
    listeners
}

fn one(check: &mut Check<'_>, raw: &RawListener) -> Option<Listener> {
    let tls = &raw.tls.value;
    let (certificate, key, client_ca) =
        (check.path(&tls.certificate), check.path(&tls.key), check.path(&tls.client_ca));
    let lists = tls.client_crl.as_ref();
    if let Some(empty) = lists.filter(|lists| lists.value.is_empty()) {
        let fix = "write the files with the lists of the client CAs, or leave out `client_crl`";
        check.problems.add(empty.place, "`client_crl` is empty", fix);
    }
    let client_crl = lists.iter().flat_map(|lists| &lists.value).map(|path| check.path(path)).collect();
    let trusted = raw.proxy_protocol.as_ref().map(|proxy| &proxy.trusted);
    if let Some(empty) = trusted.filter(|trusted| trusted.value.is_empty()) {
        let fix = "write the networks of your load balancers, or leave out `proxy_protocol`";
        check.problems.add(empty.place, "`trusted` is empty", fix);
    }
    let trusted_proxies = trusted.map(|list| networks(check, &list.value)).unwrap_or_default();
    let allow = raw.allow.as_ref().map(|list| networks(check, list));
    let shown = advertised(check, raw)?;
    Some(Listener {
        name: raw.name.value.clone(),
        ip: shown.ip,
        ports: shown.ports,
        advertise: shown.nodes,
        upstream: raw.upstream.value.clone(),
        tls: ServerTls { certificate, key, client_ca, client_crl, min_version: tls.min_version, names: shown.names },
        trusted_proxies,
        allow,
    })
}

/// What follows from `bind` and `advertise` together.
struct Shown {
    ip: IpAddr,
    ports: Vec<u16>,
    nodes: AdvertisedNodes,
    names: Vec<At<AdvertisedName>>,
}

fn advertised(check: &mut Check<'_>, raw: &RawListener) -> Option<Shown> {
    match (&raw.advertise.value.sni, &raw.advertise.value.ports) {
        (Some(sni), None) => advertised_by_name(check, &raw.bind, &sni.value),
        (None, Some(ports)) => advertised_by_port(check, &raw.bind, ports),
        (sni, _) => {
            let what = if sni.is_some() { "both `sni` and `ports` are written" } else { "nothing is advertised" };
            check.problems.add(raw.advertise.place, what, "write one of `sni:` (the usual one) and `ports:`");
            None
        }
    }
}

fn advertised_by_name(check: &mut Check<'_>, bind: &At<String>, sni: &RawSni) -> Option<Shown> {
    let address = bind.value.parse::<SocketAddr>().ok().filter(|address| address.port() > 0);
    if address.is_none() {
        let what = format!("`{}` is not an IP address and a port", bind.value);
        check.problems.add(bind.place, what, "write both, like 0.0.0.0:9093 or [::]:9093");
    }
    let port = sni.port.as_ref().map(|port| (port.value, port.place));
    if let Some((0, place)) = port {
        check.problems.add(place, "`port` is 0", "write the port that clients dial");
    }
    let host = &sni.host;
    if host.value.parse::<IpAddr>().is_ok() || !is_dns_name(&host.value) {
        let what = format!("`{}` is not a DNS name, and the TLS server name must be one", host.value);
        check.problems.add(host.place, what, "write a DNS name, or advertise `ports:`");
        return None;
    }
    let address = address?;
    public_host(check, address.ip(), host);
    let names = [AdvertisedName::Host(host.value.clone()), AdvertisedName::EveryBroker(host.value.clone())];
    Some(Shown {
        ip: address.ip(),
        ports: vec![address.port()],
        nodes: AdvertisedNodes::Sni {
            host: host.value.to_ascii_lowercase(),
            port: port.map_or(address.port(), |(port, _)| port),
        },
        names: names.into_iter().map(|value| At { value, place: host.place }).collect(),
    })
}

fn advertised_by_port(check: &mut Check<'_>, bind: &At<String>, written: &At<RawPorts>) -> Option<Shown> {
    let raw = &written.value;
    let ip = bind.value.parse::<IpAddr>().ok();
    if ip.is_none() {
        let what = format!("`{}` is not an IP address alone", bind.value);
        check.problems.add(bind.place, what, "write the address without a port, like 0.0.0.0; `ports` has the ports");
    }
    if !is_host(&raw.host.value) {
        let what = format!("`{}` is not a host", raw.host.value);
        check.problems.add(raw.host.place, what, "write a DNS name or an IP address");
        return None;
    }
    let brokers = broker_ports(check, raw);
    let ip = ip?;
    public_host(check, ip, &raw.host);
    let name = match raw.host.value.parse::<IpAddr>() {
        Ok(ip) => AdvertisedName::Ip(ip),
        Err(_) => AdvertisedName::Host(raw.host.value.clone()),
    };
    let (first, last) = (raw.ids.value.0.value, raw.ids.value.1.value);
    Some(Shown {
        ip,
        ports: std::iter::once(raw.bootstrap_port.value).chain(brokers?).collect(),
        nodes: AdvertisedNodes::Ports {
            host: raw.host.value.clone(),
            bootstrap_port: raw.bootstrap_port.value,
            base_port: raw.base_port.value,
            ids: first..=last,
        },
        names: vec![At { value: name, place: raw.host.place }],
    })
}

/// The port of every broker id.
fn broker_ports(check: &mut Check<'_>, raw: &RawPorts) -> Option<Vec<u16>> {
    let (first, last) = (raw.ids.value.0.value, raw.ids.value.1.value);
    let base = i32::from(raw.base_port.value);
    if first < 0 || last < first {
        let fix = "write the lowest and the highest broker id, like [1, 32]";
        check.problems.add(raw.ids.place, format!("[{first}, {last}] is not a range of broker ids"), fix);
        return None;
    }
    let highest = i64::from(base).saturating_add(i64::from(last));
    if highest > i64::from(u16::MAX) {
        let what = format!("broker {last} would have port {highest}, and ports end at 65535");
        let fix =
            format!("write a `base_port` of at most {}, or a lower last id", 65_535_i64.saturating_sub(last.into()));
        check.problems.add(raw.ids.place, what, fix);
        return None;
    }
    let ports: Vec<u16> =
        (first..=last).filter_map(|id| u16::try_from(base.checked_add(id)?).ok()).filter(|port| *port > 0).collect();
    let bootstrap = &raw.bootstrap_port;
    if bootstrap.value == 0 {
        check.problems.add(bootstrap.place, "`bootstrap_port` is 0", "write the port that clients dial first");
    } else if ports.contains(&bootstrap.value) {
        let what = format!("`bootstrap_port` {} is also a broker's", bootstrap.value);
        let fix = format!("write a port outside {} to {highest}", base.saturating_add(first));
        check.problems.add(bootstrap.place, what, fix);
    }
    if ports.len() != usize::try_from(last.saturating_sub(first)).unwrap_or(0).saturating_add(1) {
        check.problems.add(raw.base_port.place, "a broker would have port 0", "write a `base_port` of at least 1");
    }
    Some(ports)
}

/// A client elsewhere cannot dial these. A listener on loopback may advertise loopback: its clients are here.
fn public_host(check: &mut Check<'_>, bind: IpAddr, host: &At<String>) {
    let address = host.value.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
    let what = match address {
        Some(ip) if ip.is_unspecified() => format!("`{}` is every address and no client can dial it", host.value),
        Some(ip) if ip.is_loopback() && !bind.is_loopback() => {
            format!("`{}` is the client's own machine, and this listener is for others", host.value)
        }
        None if is_localhost(&host.value) && !bind.is_loopback() => {
            format!("`{}` is the client's own machine, and this listener is for others", host.value)
        }
        _ => return,
    };
    check.problems.add(host.place, what, "write the name or address by which clients reach this listener");
}

fn is_localhost(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.eq_ignore_ascii_case("localhost") || last.eq_ignore_ascii_case("localdomain")
}

pub(super) fn networks(check: &mut Check<'_>, list: &[At<String>]) -> Vec<IpNet> {
    let mut nets = Vec::new();
    for written in list {
        let parsed = written.value.parse::<IpNet>().or_else(|_| written.value.parse::<IpAddr>().map(IpNet::from));
        match parsed {
            Ok(net) if net.trunc() == net => nets.push(net),
            Ok(net) => {
                let what = format!("`{}` has bits set beyond its prefix", written.value);
                check.problems.add(written.place, what, format!("write {}", net.trunc()));
            }
            Err(_) => {
                let what = format!("`{}` is not a network", written.value);
                check.problems.add(written.place, what, "write an address and a prefix length, like 192.0.2.0/24");
            }
        }
    }
    nets
}

/// Ports that something of this configuration already binds.
struct Taken(Vec<(SocketAddr, String)>);

impl Taken {
    fn new(admin: &Admin) -> Self {
        Self(admin.binds())
    }

    fn take(&mut self, check: &mut Check<'_>, listener: &Listener, place: Place) {
        for bind in listener.binds() {
            let clash = self.0.iter().find(|(other, _)| overlaps(*other, bind));
            if let Some((other, who)) = clash {
                let what = format!("{bind} is taken: {who} binds {other}");
                check.problems.add(place, what, "give each its own ports");
                return;
            }
        }
        let who = format!("listener `{}`", listener.name);
        self.0.extend(listener.binds().map(|bind| (bind, who.clone())));
    }
}

/// Whether two addresses cannot be bound both: `::` takes the port of IPv4 too.
pub(super) fn overlaps(one: SocketAddr, other: SocketAddr) -> bool {
    let everything = |ip: IpAddr| ip.is_unspecified() && ip != IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let same_family = one.is_ipv4() == other.is_ipv4();
    let any = |ip: IpAddr| ip.is_unspecified();
    let ips_meet = one.ip() == other.ip()
        || (same_family && (any(one.ip()) || any(other.ip())))
        || everything(one.ip())
        || everything(other.ip());
    one.port() == other.port() && ips_meet
}
