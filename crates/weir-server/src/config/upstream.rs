//! The rules about `upstreams`.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rustls_pki_types::ServerName;
use weir_kafka::racks::{RealRack, ShownRack};
use weir_kafka::table::TABLE;

use super::mirror;
use super::model::{TierIdentity, Upstream, UpstreamTlsFiles};
use super::place::{At, Place};
use super::raw::{RawTierIdentity, RawUpstream, RawUpstreamTls};
use super::sasl;
use super::units::TimeText;
use super::validate::{Check, host_port};

/// How often brokers may be asked whether topics are compacted: oftener is no use, and seldomer none to who asks for it.
const SHORTEST_CHECK: Duration = Duration::from_secs(1);
const LONGEST_CHECK: Duration = Duration::from_secs(3_600);

pub(super) fn all(check: &mut Check<'_>, raw: &At<BTreeMap<String, At<RawUpstream>>>) -> BTreeMap<String, Upstream> {
    if raw.value.is_empty() {
        let fix = "add one: a name of your own, and `bootstrap:` under it";
        check.problems.add(raw.place, "there is no upstream", fix);
    }
    let one = |(name, upstream): (&String, &At<RawUpstream>)| {
        check.own_name(upstream.place, name);
        (name.clone(), one(check, name, upstream))
    };
    raw.value.iter().map(one).collect()
}

fn one(check: &mut Check<'_>, name: &str, raw: &At<RawUpstream>) -> Upstream {
    let upstream = &raw.value;
    if upstream.dials_per_second.value == 0 {
        let place = upstream.dials_per_second.place;
        check.problems.add(place, "`dials_per_second` is 0", "write at least 1, or leave it out for 50");
    }
    if let Some(id) = upstream.cluster_id.as_ref().filter(|id| id.value.is_empty()) {
        let fix = "write the id that `kafka-cluster.sh cluster-id` prints, or leave it out";
        check.problems.add(id.place, "`cluster_id` is empty", fix);
    }
    let bootstrap = bootstrap(check, &upstream.bootstrap);
    Upstream {
        mirror: upstream.mirror.as_ref().map(|mirror| mirror::mirror(check, name, &bootstrap, mirror)),
        bootstrap,
        cluster_id: upstream.cluster_id.as_ref().map(|id| id.value.clone()),
        tls: upstream.tls.as_ref().map(|tls| tls_files(check, tls)),
        sasl: upstream.sasl.as_ref().and_then(|sasl| sasl::sasl(check, sasl, upstream.tls.as_ref())),
        max_versions: max_versions(check, &upstream.max_versions),
        racks: racks(check, &upstream.racks),
        dials_per_second: upstream.dials_per_second.value,
        compaction_check: compaction_check(check, &upstream.compaction_check),
    }
}

fn compaction_check(check: &mut Check<'_>, written: &At<TimeText>) -> Duration {
    let every = check.unit("compaction_check", written, TimeText::parse);
    // None is a problem that was noted.
    if !every.is_zero() && !(SHORTEST_CHECK..=LONGEST_CHECK).contains(&every) {
        check.problems.add(written.place, format!("`compaction_check` is {}", written.value.0), "write 1s to 1h");
    }
    every
}

pub(super) fn bootstrap(check: &mut Check<'_>, raw: &At<Vec<At<String>>>) -> Vec<(String, u16)> {
    const FIX: &str = "write HOST:PORT of a broker, like kafka1.example.org:9092";
    if raw.value.is_empty() {
        check.problems.add(raw.place, "`bootstrap` is empty", FIX);
    }
    let mut brokers = Vec::new();
    for broker in &raw.value {
        match host_port(&broker.value) {
            Some(parsed) => brokers.push(parsed),
            None => check.problems.add(broker.place, format!("`{}` is not a host and a port", broker.value), FIX),
        }
    }
    brokers
}

fn tls_files(check: &mut Check<'_>, raw: &RawUpstreamTls) -> UpstreamTlsFiles {
    let identity = match (&raw.certificate, &raw.key) {
        (Some(certificate), Some(key)) => Some((check.path(certificate), check.path(key))),
        (None, None) => None,
        (Some(alone), None) => missing(check, alone.place, "`certificate` has no `key`", "add `key:` beside it"),
        (None, Some(alone)) => {
            missing(check, alone.place, "`key` has no `certificate`", "add `certificate:` beside it")
        }
    };
    let server_name = raw.server_name.as_ref().and_then(|name| {
        let parsed = ServerName::try_from(name.value.clone()).ok();
        if parsed.is_none() {
            let what = format!("`{}` is not a name that a certificate can have", name.value);
            check.problems.add(name.place, what, "write a DNS name or an IP address");
        }
        parsed
    });
    let one = |(tier, raw): (&String, &At<RawTierIdentity>)| {
        let (certificate, key) = (check.path(&raw.value.certificate), check.path(&raw.value.key));
        (tier.clone(), TierIdentity { place: raw.place, certificate, key })
    };
    let identities = raw.identities.iter().map(one).collect();
    UpstreamTlsFiles { ca: check.path(&raw.ca), identity, server_name, identities }
}

fn missing<T>(check: &mut Check<'_>, place: Place, what: &str, fix: &str) -> Option<T> {
    check.problems.add(place, what, fix);
    None
}

fn max_versions(check: &mut Check<'_>, raw: &BTreeMap<String, At<i16>>) -> HashMap<i16, i16> {
    let mut versions = HashMap::new();
    for (name, version) in raw {
        let row = TABLE.iter().find(|row| row.name == name);
        let Some(key) = row.map(|row| row.key) else {
            let names: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
            let what = format!("`{name}` is not an API that Weir serves");
            check.problems.add(version.place, what, format!("write one of {}", names.join(", ")));
            continue;
        };
        if version.value < 0 {
            check.problems.add(version.place, format!("the version of {name} is {}", version.value), "write 0 or more");
        }
        versions.insert(key, version.value);
    }
    versions
}

fn racks(check: &mut Check<'_>, raw: &BTreeMap<String, At<String>>) -> BTreeMap<RealRack, ShownRack> {
    let mut racks = BTreeMap::new();
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for (rack, label) in raw {
        let sound = label.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if label.value.is_empty() || label.value.len() > 63 || !sound {
            let what = format!("`{}` is not a label for a rack", label.value);
            check.problems.add(label.place, what, "write 1 to 63 of A-Z, a-z, 0-9, `.`, `_` and `-`");
        }
        // A client names a rack by its label, and one rack must be meant.
        if let Some(other) = taken.insert(&label.value, rack) {
            let what = format!("racks `{other}` and `{rack}` have the one label `{}`", label.value);
            check.problems.add(label.place, what, "give each a label of its own");
        }
        racks.insert(RealRack(rack.clone()), ShownRack(label.value.clone()));
    }
    racks
}
