//! The rules about `upstreams.NAME.mirror`, and what holds of it.
//!
//! Must never: let a secret through that is written out, or a property that decides what is copied: those are
//! `crate::mirror`'s alone.

use std::collections::{BTreeMap, BTreeSet};

use super::place::{At, Place};
use super::raw_mirror::{RawMirror, RawMirrorSource};
use super::upstream::bootstrap;
use super::validate::Check;

/// What fills a public cluster.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// Where the configuration speaks of it.
    pub place: Place,
    /// The clusters that topics are copied from, by name; at least one.
    pub from: BTreeMap<String, MirrorSource>,
    /// The public cluster's brokers as the mirror reaches them; at least one.
    pub bootstrap: Vec<(String, u16)>,
    /// Kafka's client properties for the public cluster.
    pub client: BTreeMap<String, String>,
    /// Replicas of each topic that is made there.
    pub replication_factor: u16,
    /// Settings of topics that do not follow the source, sorted.
    pub own_topic_settings: Vec<String>,
}

/// One cluster that topics are copied from.
#[derive(Clone, Debug)]
pub struct MirrorSource {
    /// Where the configuration speaks of it.
    pub place: Place,
    /// Its brokers; at least one.
    pub bootstrap: Vec<(String, u16)>,
    /// How the topics that come from here begin; nothing for all.
    pub prefixes: Option<Vec<String>>,
    /// Kafka's client properties for this cluster.
    pub client: BTreeMap<String, String>,
    /// How many tasks; nothing for as many as fit the topics.
    pub tasks: Option<u16>,
}

impl Mirror {
    /// What MirrorMaker keeps at the public cluster for itself, with what is rendered.
    #[must_use]
    pub fn own_topics(&self) -> BTreeSet<String> {
        let kept =
            |source: &String| ["configs", "offsets", "status"].map(|what| format!("mm2-{what}.{source}.internal"));
        self.from.keys().flat_map(kept).chain(["heartbeats".to_owned()]).collect()
    }
}

impl MirrorSource {
    /// Whether a topic of the catalogue comes from here.
    #[must_use]
    pub fn selects(&self, topic: &str) -> bool {
        let begins = |prefix: &String| topic.starts_with(prefix.as_str());
        self.prefixes.as_ref().is_none_or(|prefixes| prefixes.iter().any(begins))
    }
}

/// Whether the value of a property is nobody's business.
#[must_use]
pub(crate) fn is_secret(property: &str) -> bool {
    property.ends_with(".key") || ["pass", "secret", "jaas"].iter().any(|part| property.contains(part))
}

/// What may stand between `${` and the first colon: Kafka's own providers, by the names that are rendered for them.
pub(crate) const PROVIDERS: [(&str, &str); 3] = [
    ("directory", "org.apache.kafka.common.config.provider.DirectoryConfigProvider"),
    ("env", "org.apache.kafka.common.config.provider.EnvVarConfigProvider"),
    ("file", "org.apache.kafka.common.config.provider.FileConfigProvider"),
];

/// The providers that a value's references name.
pub(crate) fn providers(value: &str) -> impl Iterator<Item = &str> {
    value.split("${").skip(1).map(|rest| rest.split([':', '}']).next().unwrap_or_default())
}

/// Whether `${...}` says all that its provider needs: of a file or a directory also what of it.
fn is_whole(reference: &str) -> bool {
    let parts: Vec<&str> = reference.split(':').collect();
    match parts.as_slice() {
        ["env", name] => !name.is_empty(),
        ["file" | "directory", path, key] => !path.is_empty() && !key.is_empty(),
        // Not one that is rendered: that is told by its name.
        [provider, ..] => PROVIDERS.iter().all(|(name, _)| name != provider),
        [] => false,
    }
}

/// What every client property begins with, and what the two sides may have besides.
const CONNECTION: [&str; 3] = ["security.protocol", "ssl.", "sasl."];
const TARGET_ROLES: [&str; 2] = ["producer.", "admin."];
const SOURCE_ROLES: [&str; 2] = ["consumer.", "admin."];

/// What decides which records come, whether each comes, and in which order: not for a configuration to change.
const FIXED: [&str; 16] = [
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.idempotence",
    "group.id",
    "interceptor.classes",
    "isolation.level",
    "key.deserializer",
    "key.serializer",
    "max.in.flight.requests.per.connection",
    "retries",
    "transactional.id",
    "value.deserializer",
    "value.serializer",
];

/// Kafka's most: a replication factor is a short, and no cluster is that large.
const MOST_REPLICAS: u16 = 100;
/// More tasks than partitions do nothing, and each holds a heap of buffers.
const MOST_TASKS: u16 = 1_000;

pub(super) fn mirror(check: &mut Check<'_>, name: &str, own: &[(String, u16)], raw: &At<RawMirror>) -> Mirror {
    let RawMirror { from, bootstrap: other, client, replication_factor, own_topic_settings } = &raw.value;
    if from.value.is_empty() {
        check.problems.add(
            from.place,
            "`from` names no cluster",
            "add one: a name of your own, and `bootstrap:` under it",
        );
    }
    own_alias(check, raw.place, name);
    number(check, "replication_factor", replication_factor, 1..=MOST_REPLICAS);
    let brokers = other.as_ref().map_or_else(|| own.to_vec(), |other| bootstrap(check, other));
    let from: BTreeMap<_, _> =
        from.value.iter().map(|(alias, raw)| (alias.clone(), source(check, name, alias, raw))).collect();
    for (alias, source) in &from {
        if source.bootstrap.iter().any(|broker| own.contains(broker) || brokers.contains(broker)) {
            let what = format!("`{alias}` and `{name}` are one cluster: each record would be copied again and again");
            check.problems.add(source.place, what, "write the brokers of the cluster that the topics come from");
        }
    }
    Mirror {
        place: raw.place,
        from,
        bootstrap: brokers,
        client: properties(check, client, TARGET_ROLES),
        replication_factor: replication_factor.value,
        own_topic_settings: own_settings(check, own_topic_settings),
    }
}

fn source(check: &mut Check<'_>, upstream: &str, alias: &str, raw: &At<RawMirrorSource>) -> MirrorSource {
    let RawMirrorSource { bootstrap: brokers, prefixes, client, tasks } = &raw.value;
    check.own_name(raw.place, alias);
    own_alias(check, raw.place, alias);
    if alias == upstream {
        let what = format!("`{alias}` is the cluster that is filled, and one that fills it");
        check.problems.add(raw.place, what, "give the source a name of its own");
    }
    if let Some(tasks) = tasks {
        number(check, "tasks", tasks, 1..=MOST_TASKS);
    }
    let prefixes = prefixes.as_ref().map(|prefixes| {
        if prefixes.value.is_empty() {
            check.problems.add(
                prefixes.place,
                "`prefixes` is empty",
                "write how the topics begin, or leave it out for all",
            );
        }
        prefixes.value.iter().map(|prefix| begin(check, prefix)).collect()
    });
    MirrorSource {
        place: raw.place,
        bootstrap: bootstrap(check, brokers),
        prefixes,
        client: properties(check, client, SOURCE_ROLES),
        tasks: tasks.as_ref().map(|tasks| tasks.value),
    }
}

/// MirrorMaker reads `NAME.` before a property as the cluster's.
fn own_alias(check: &mut Check<'_>, place: Place, alias: &str) {
    const TAKEN: [&str; 16] = [
        "admin",
        "clusters",
        "config",
        "consumer",
        "emit",
        "heartbeats",
        "offset",
        "producer",
        "refresh",
        "replication",
        "source",
        "sync",
        "target",
        "task",
        "topics",
        "worker",
    ];
    if TAKEN.contains(&alias) {
        let what = format!("`{alias}` begins properties of MirrorMaker's own");
        check.problems.add(place, what, "give the cluster another name");
    }
}

fn begin(check: &mut Check<'_>, prefix: &At<String>) -> String {
    if !weir_policy::is_topic_name(&prefix.value) {
        let what = format!("`{}` begins no topic name", prefix.value.escape_debug());
        check.problems.add(prefix.place, what, "write 1 to 249 letters, digits, dots, underscores or dashes");
    }
    prefix.value.clone()
}

fn number(check: &mut Check<'_>, key: &str, written: &At<u16>, between: std::ops::RangeInclusive<u16>) {
    if !between.contains(&written.value) {
        let fix = format!("write a number from {} to {}", between.start(), between.end());
        check.problems.add(written.place, format!("`{key}` is {}", written.value), fix);
    }
}

/// A topic's settings that the catalogue answers for.
const ANSWERED_FOR: &str = "cleanup.policy";

fn own_settings(check: &mut Check<'_>, raw: &[At<String>]) -> Vec<String> {
    let mut settings: Vec<String> = Vec::new();
    for setting in raw {
        if setting.value == ANSWERED_FOR {
            let what = format!("`{ANSWERED_FOR}` must follow the source: the catalogue says what it is");
            check.problems.add(setting.place, what, "remove it here");
        } else if !is_property(&setting.value) {
            let what = format!("`{}` is no setting of a topic", setting.value.escape_debug());
            check.problems.add(setting.place, what, "write a name such as retention.ms");
        }
        settings.push(setting.value.clone());
    }
    settings.sort_unstable();
    settings.dedup();
    settings
}

fn is_property(name: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && name.bytes().all(sound)
}

fn properties(
    check: &mut Check<'_>,
    raw: &BTreeMap<String, At<String>>,
    roles: [&'static str; 2],
) -> BTreeMap<String, String> {
    raw.iter()
        .map(|(property, value)| {
            judge_name(check, property, value.place, roles);
            judge_value(check, property, value);
            (property.clone(), value.value.clone())
        })
        .collect()
}

fn judge_name(check: &mut Check<'_>, property: &str, place: Place, roles: [&'static str; 2]) {
    let plain = roles.iter().find_map(|role| property.strip_prefix(role)).unwrap_or(property);
    if FIXED.contains(&plain) {
        let what = format!("`{property}` decides what is copied and how: `weir render mirror` writes it");
        check.problems.add(place, what, "remove it here");
        return;
    }
    let known = CONNECTION.iter().chain(&roles).any(|begins| property.starts_with(begins));
    if !known || !is_property(property) {
        let what = format!("`{}` is no client property that is taken here", property.escape_debug());
        let [one, other] = roles;
        let fix = format!("write security.protocol, or one that begins with ssl., sasl., {one} or {other}");
        check.problems.add(place, what, fix);
    }
}

fn judge_value(check: &mut Check<'_>, property: &str, value: &At<String>) {
    // What is wrong is never shown: it may be the secret.
    let fix = "write a reference: ${file:FILE:KEY}, ${directory:DIR:FILE} or ${env:NAME}";
    let text = value.value.as_str();
    let whole = text.strip_prefix("${").and_then(|text| text.strip_suffix('}')).filter(|inside| !inside.contains("${"));
    let known = |provider: &str| PROVIDERS.iter().any(|(name, _)| *name == provider);
    if text.is_empty() || text.contains(['\n', '\r', '\0']) {
        check.problems.add(value.place, format!("`{property}` is empty, or more than a line"), "write one line");
    } else if is_secret(property) && !whole.is_some_and(|inside| inside.contains(':')) {
        let what = format!(
            "the secret `{property}` is written out: the mirror would store it in a topic of the public cluster"
        );
        check.problems.add(value.place, what, fix);
    } else if !providers(text).all(known) {
        check.problems.add(value.place, format!("`{property}` refers to a provider that is not rendered"), fix);
    } else if !text.split("${").skip(1).all(|rest| rest.split('}').next().is_some_and(is_whole)) {
        check.problems.add(value.place, format!("`{property}` has a reference that lacks a part"), fix);
    }
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
