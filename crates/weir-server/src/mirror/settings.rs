//! Every property that a mirror runs with, and why.
//!
//! Must never: leave a default of MirrorMaker in force that would copy more than the catalogue lists, or write at the
//! source.

use std::collections::{BTreeMap, BTreeSet};

use super::flows::Flow;
use super::patterns;
use super::properties::{Section, Value};
use crate::config::{Mirror, PROVIDERS, providers};

/// What is never copied, although no list of literals names it: MirrorMaker's and Kafka's own.
const OWN_NAMES: [&str; 2] = ["__.*", ".*[.-]internal"];

/// Topic settings that belong to the brokers that have the topic. A copy keeps its time, so the public cluster must
/// not write its own. Those of tiered storage, and those that Kafka 4.0 took away, would keep a topic from being made
/// at all.
const SETTINGS_OF_A_CLUSTER: [&str; 13] = [
    "follower.replication.throttled.replicas",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "message.downconversion.enable",
    "message.format.version",
    "message.timestamp.difference.max.ms",
    "message.timestamp.type",
    "min.insync.replicas",
    "remote.log.copy.disable",
    "remote.log.delete.on.disable",
    "remote.storage.enable",
    "unclean.leader.election.enable",
];

/// Paragraphs above the file.
pub(super) fn head(upstream: &str, not_copied: &[String]) -> Vec<String> {
    let mut lines = vec![
        format!(
            "Rendered by `weir render mirror` for the cluster `{upstream}`. Do not change it here: change the catalogue \
             or `upstreams.{upstream}.mirror`, render it again and restart the mirror. See docs/operate/mirror.md."
        ),
        "For MirrorMaker 2 of Kafka 4.0 or newer: an older one copies every topic whose name ends in `heartbeats`."
            .to_owned(),
    ];
    lines.extend(not_copied.iter().map(|prefix| {
        format!("Not copied: the topics of the entry `prefix: {prefix}`. List by name those that are to be here.")
    }));
    lines
}

pub(super) fn sections(upstream: &str, mirror: &Mirror, flows: &[Flow], never: &[String]) -> Vec<Section> {
    let mut sections = vec![clusters(upstream, mirror), target(upstream, mirror)];
    sections.extend(flows.iter().filter_map(|flow| Some(source(&flow.source, mirror.from.get(&flow.source)?))));
    sections.push(what_is_copied(never, mirror));
    sections.push(what_is_not(mirror));
    sections.extend(flows.iter().map(|flow| of_flow(upstream, flow)));
    sections
}

fn setting(key: impl Into<String>, value: impl ToString) -> (String, Value) {
    (key.into(), vec![value.to_string()])
}

fn addresses(brokers: &[(String, u16)]) -> String {
    let host = |host: &str| if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    brokers.iter().map(|(name, port)| format!("{}:{port}", host(name))).collect::<Vec<_>>().join(",")
}

/// What is rendered, with the operator's own properties in the place of those with the same name.
fn with(alias: &str, own: &BTreeMap<String, String>, rendered: Vec<(&str, String)>) -> Vec<(String, Value)> {
    let mut all: BTreeMap<&str, &str> = rendered.iter().map(|(key, value)| (*key, value.as_str())).collect();
    all.extend(own.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    all.into_iter().map(|(key, value)| setting(format!("{alias}.{key}"), value)).collect()
}

fn clusters(upstream: &str, mirror: &Mirror) -> Section {
    let names: Vec<&str> = mirror.from.keys().map(String::as_str).chain([upstream]).collect();
    let mut settings = vec![setting("clusters", names.join(","))];
    let clients = mirror.from.values().map(|source| &source.client).chain([&mirror.client]);
    let used: BTreeSet<&str> = clients.flat_map(BTreeMap::values).flat_map(|value| providers(value)).collect();
    let used: Vec<_> = PROVIDERS.iter().filter(|(name, _)| used.contains(name)).collect();
    if !used.is_empty() {
        let names: Vec<&str> = used.iter().map(|(name, _)| *name).collect();
        settings.push(setting("config.providers", names.join(",")));
    }
    settings.extend(used.iter().map(|(name, class)| setting(format!("config.providers.{name}.class"), class)));
    Section { about: "", settings }
}

fn target(upstream: &str, mirror: &Mirror) -> Section {
    let replicas = || mirror.replication_factor.to_string();
    let rendered = vec![
        ("bootstrap.servers", addresses(&mirror.bootstrap)),
        ("producer.acks", "all".to_owned()),
        ("producer.enable.idempotence", "true".to_owned()),
        ("producer.max.in.flight.requests.per.connection", "5".to_owned()),
        // Records come uncompressed out of the consumer. Every client library reads gzip.
        ("producer.compression.type", "gzip".to_owned()),
        ("producer.batch.size", "131072".to_owned()),
        // It counts bytes before compression: the topic's own `max.message.bytes` is the limit.
        ("producer.max.request.size", "16777216".to_owned()),
        ("offset.flush.interval.ms", "5000".to_owned()),
        ("config.storage.replication.factor", replicas()),
        ("offset.storage.replication.factor", replicas()),
        ("status.storage.replication.factor", replicas()),
    ];
    let about = "\
        The public cluster. Acknowledged by all replicas, in order, and no batch twice while the mirror \
        runs. Where it stands at the source is written down every 5 s: what was copied after that comes \
        again when its process is killed.";
    Section { about, settings: with(upstream, &mirror.client, rendered) }
}

fn source(name: &str, source: &crate::config::MirrorSource) -> Section {
    let rendered = vec![
        ("bootstrap.servers", addresses(&source.bootstrap)),
        ("consumer.allow.auto.create.topics", "false".to_owned()),
        ("consumer.auto.offset.reset", "earliest".to_owned()),
        ("consumer.isolation.level", "read_committed".to_owned()),
    ];
    let about = "\
        A source: it is only read. Records of transactions that were aborted stay there.";
    Section { about, settings: with(name, &source.client, rendered) }
}

fn what_is_copied(never: &[String], mirror: &Mirror) -> Section {
    let never = never.iter().map(|glob| patterns::of_glob(glob)).chain(OWN_NAMES.map(str::to_owned));
    let never: BTreeSet<String> = never.collect();
    let own = mirror.own_topic_settings.iter().map(String::as_str).chain(SETTINGS_OF_A_CLUSTER);
    let own: BTreeSet<String> = own.map(patterns::exactly).collect();
    let about = "\
        The never list once more, for whoever changes the lists below: it wins over them. Names are kept. \
        The settings of a topic (cleanup.policy, retention.*, max.message.bytes...) follow its source within \
        ten minutes, and new partitions within one.";
    Section {
        about,
        settings: vec![
            ("topics.exclude".to_owned(), never.into_iter().collect()),
            setting("replication.policy.class", "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"),
            setting("replication.factor", mirror.replication_factor),
            setting("refresh.topics.enabled", "true"),
            setting("refresh.topics.interval.seconds", 60),
            setting("sync.topic.configs.enabled", "true"),
            setting("sync.topic.configs.interval.seconds", 600),
            ("config.properties.exclude".to_owned(), own.into_iter().collect()),
        ],
    }
}

fn what_is_not(mirror: &Mirror) -> Section {
    let off = [
        // With it, every topic whose name ends in `heartbeats` is copied, listed or not.
        "heartbeats.replication.enabled",
        "emit.heartbeats.enabled",
        "emit.checkpoints.enabled",
        // With it, the mirror writes a topic of its own at the source.
        "emit.offset-syncs.enabled",
        "sync.group.offsets.enabled",
        "sync.topic.acls.enabled",
    ];
    let about = "\
        Nothing of the source but these topics (each of these is on where it is not said): no heartbeats, no \
        offsets of its groups, no ACLs. MirrorMaker makes an empty topic `heartbeats` all the same, and logs \
        once at its start that its checkpoint connector cannot run: it shall not.";
    let mut settings: Vec<_> = off.map(|key| setting(key, "false")).into();
    settings.push(setting("heartbeats.topic.replication.factor", mirror.replication_factor));
    Section { about, settings }
}

fn of_flow(upstream: &str, flow: &Flow) -> Section {
    let Flow { source, topics, tasks } = flow;
    let about = "\
        What is copied: these names, each as an expression that matches no other.";
    Section {
        about,
        settings: vec![
            setting(format!("{source}->{upstream}.enabled"), "true"),
            setting(format!("{upstream}->{source}.enabled"), "false"),
            setting(format!("{source}->{upstream}.tasks.max"), tasks),
            (format!("{source}->{upstream}.topics"), topics.iter().map(|topic| patterns::exactly(topic)).collect()),
        ],
    }
}
