//! What a mirror runs with and should not, or should and does not.
//!
//! What runs is the properties file of a dedicated MirrorMaker, or the configuration of a `MirrorSourceConnector` as
//! Connect tells it. Must never: take an expression that could match another name for that name, forget that a list
//! that is not there means every topic, or show a secret.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::flows::Flow;
use super::{Mirrored, patterns, properties};
use crate::config::is_secret;
use crate::operator::plain;

/// One difference; the alarming ones come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// It copies whatever matches this, tomorrow too.
    Pattern {
        /// Where from and to.
        flow: String,
        /// The expression.
        pattern: String,
    },
    /// It copies a topic that it should not.
    Copied {
        /// Where from and to.
        flow: String,
        /// The topic.
        topic: String,
    },
    /// It does not copy a topic that it should.
    Missing {
        /// Where from and to.
        flow: String,
        /// The topic.
        topic: String,
    },
    /// It runs with another value of a property, or without it, or with one that is not rendered.
    Setting {
        /// The property.
        key: String,
        /// What it runs with.
        runs: Option<String>,
        /// What is rendered.
        rendered: Option<String>,
    },
}

impl Difference {
    /// Whether it only says that less is copied than should be: the mirror runs with an older catalogue. How many tasks
    /// copy follows from how many topics there are.
    #[must_use]
    pub fn is_only_less(&self) -> bool {
        match self {
            Self::Missing { .. } => true,
            Self::Setting { key, .. } => key == TASKS || key.strip_suffix(TASKS).is_some_and(|way| way.ends_with('.')),
            Self::Pattern { .. } | Self::Copied { .. } => false,
        }
    }
}

const TASKS: &str = "tasks.max";

/// Without what a terminal could act on: Connect, or whoever wrote the file, chose the words.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain(&self.words()))
    }
}

impl Difference {
    fn words(&self) -> String {
        match self {
            Self::Pattern { flow, pattern } => {
                format!("+ {pattern} ({flow}): a pattern: it copies every topic that matches, those of tomorrow too")
            }
            Self::Copied { flow, topic } => format!("+ {topic} ({flow}): it copies this topic and must not"),
            Self::Missing { flow, topic } => format!("- {topic} ({flow}): it does not copy this topic and should"),
            Self::Setting { key, runs, rendered } => {
                let show = |value: &str| {
                    if is_private(key) { "a value that is not shown".to_owned() } else { format!("`{value}`") }
                };
                let runs = runs
                    .as_deref()
                    .map_or_else(|| "without a value".to_owned(), |value| format!("with {}", show(value)));
                let rendered = rendered.as_deref().map_or_else(|| "none".to_owned(), show);
                format!("~ {key}: it runs {runs}, and {rendered} is rendered")
            }
        }
    }
}

/// Whether a value is not shown. What runs may hold properties that nobody knows here.
fn is_private(key: &str) -> bool {
    is_secret(key) || ["auth", "credential", "token"].iter().any(|part| key.contains(part))
}

/// Compares what runs with what is rendered. Empty where nothing differs.
///
/// # Errors
/// The text is neither properties nor the JSON of a connector that fills this cluster.
pub fn drift(mirrored: &Mirrored, running: &str) -> Result<Vec<Difference>, String> {
    let (running, rendered, flows) = if running.trim_start().starts_with('{') {
        let running = connector(running)?;
        let flow = flow_of(mirrored, &running)?;
        (running, as_connector(mirrored, flow), vec![Lists::of_connector(mirrored, flow)])
    } else {
        let running = properties::read(running)?;
        if !running.contains_key("clusters") {
            return Err("there is no `clusters` in it: these are not the properties of MirrorMaker".to_owned());
        }
        let flows = lists(mirrored, &running);
        (running, mirrored.settings.clone(), flows)
    };
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for lists in &flows {
        lists.compare(&running, &mut found);
        seen.extend(lists.keys.iter().cloned());
    }
    let keys: BTreeSet<&String> = running.keys().chain(rendered.keys()).collect();
    for key in keys.into_iter().filter(|key| !seen.contains(*key) && !is_of_no_matter(key)) {
        let (runs, rendered) = (running.get(key), rendered.get(key));
        if runs.map(|value| items(value)) != rendered.map(|value| items(value)) {
            found.insert(Difference::Setting { key: key.clone(), runs: runs.cloned(), rendered: rendered.cloned() });
        }
    }
    Ok(found.into_iter().collect())
}

/// Lists are read without the blanks around their commas.
fn items(value: &str) -> Vec<&str> {
    value.split(',').map(str::trim).collect()
}

/// What names a connector and changes nothing.
fn is_of_no_matter(key: &str) -> bool {
    key == "name"
}

/// The list of one way from a source, and what it should hold.
struct Lists<'a> {
    flow: String,
    /// The keys that can hold it, the one that wins first.
    keys: Vec<String>,
    topics: &'a [String],
}

const TOPICS: &str = "topics";
/// What MirrorMaker copies where no list is given.
const ALL: &str = ".*";

impl<'a> Lists<'a> {
    fn of_connector(mirrored: &Mirrored, flow: &'a Flow) -> Self {
        Self {
            flow: format!("{}->{}", flow.source, mirrored.upstream),
            keys: vec![TOPICS.to_owned()],
            topics: &flow.topics,
        }
    }

    fn compare(&self, running: &BTreeMap<String, String>, found: &mut BTreeSet<Difference>) {
        let list = self.keys.iter().find_map(|key| running.get(key)).map_or(ALL, String::as_str);
        let mut named = BTreeSet::new();
        let flow = || self.flow.clone();
        for entry in patterns::entries(list) {
            match patterns::only_name(entry) {
                None => drop(found.insert(Difference::Pattern { flow: flow(), pattern: entry.to_owned() })),
                Some(topic) => drop(named.insert(topic)),
            }
        }
        let wanted: BTreeSet<String> = self.topics.iter().cloned().collect();
        found.extend(named.difference(&wanted).map(|topic| Difference::Copied { flow: flow(), topic: topic.clone() }));
        found.extend(wanted.difference(&named).map(|topic| Difference::Missing { flow: flow(), topic: topic.clone() }));
    }
}

/// The ways that should be, and those that are enabled besides.
fn lists<'a>(mirrored: &'a Mirrored, running: &BTreeMap<String, String>) -> Vec<Lists<'a>> {
    let list = |flow: &str, topics| Lists {
        flow: flow.to_owned(),
        keys: vec![format!("{flow}.{TOPICS}"), TOPICS.to_owned()],
        topics,
    };
    let wanted = |flow: &Flow| format!("{}->{}", flow.source, mirrored.upstream);
    let should = mirrored.flows.iter().map(|flow| list(&wanted(flow), flow.topics.as_slice()));
    let enabled = running.iter().filter(|(_, value)| value.trim().eq_ignore_ascii_case("true"));
    let enabled = enabled.filter_map(|(key, _)| key.strip_suffix(".enabled").filter(|flow| flow.contains("->")));
    let besides = enabled.filter(|name| !mirrored.flows.iter().any(|flow| wanted(flow) == **name));
    should.chain(besides.map(|flow| list(flow, &[]))).collect()
}

/// What Connect tells of a connector: `GET /connectors/NAME/config`, or the whole of `GET /connectors/NAME`.
fn connector(text: &str) -> Result<BTreeMap<String, String>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))?;
    let config = value.get("config").filter(|inner| inner.is_object()).unwrap_or(&value);
    let of_pair = |(key, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (key.clone(), value)
    };
    let config: BTreeMap<String, String> = config.as_object().into_iter().flatten().map(of_pair).collect();
    match config.get("connector.class").map(String::as_str) {
        Some(SOURCE_CONNECTOR | "MirrorSourceConnector" | "MirrorSource") => Ok(config),
        _ => Err(format!("its `connector.class` is not {SOURCE_CONNECTOR}")),
    }
}

const SOURCE_CONNECTOR: &str = "org.apache.kafka.connect.mirror.MirrorSourceConnector";
const BYTES: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";

fn flow_of<'a>(mirrored: &'a Mirrored, running: &BTreeMap<String, String>) -> Result<&'a Flow, String> {
    let alias = running.get("source.cluster.alias").map(String::as_str).unwrap_or_default();
    mirrored.flows.iter().find(|flow| flow.source == alias).ok_or_else(|| {
        let known: Vec<&str> = mirrored.flows.iter().map(|flow| flow.source.as_str()).collect();
        format!(
            "its `source.cluster.alias` is `{}`, and the sources of {} are {}",
            plain(alias),
            mirrored.upstream,
            known.join(", ")
        )
    })
}

/// What is rendered, as a connector of Connect has it: the way MirrorMaker itself makes one of its properties. What
/// belongs to the worker, and to the connectors that are off, is Connect's.
fn as_connector(mirrored: &Mirrored, flow: &Flow) -> BTreeMap<String, String> {
    let (source, target) = (&flow.source, &mirrored.upstream);
    let (way, from, to) = (format!("{source}->{target}."), format!("{source}."), format!("{target}."));
    let off = [
        "emit.heartbeats.enabled",
        "emit.checkpoints.enabled",
        "sync.group.offsets.enabled",
        "heartbeats.topic.replication.factor",
    ];
    let of_setting = |(key, value): (&String, &String)| {
        let key = if let Some(key) = key.strip_prefix(&way) {
            Some(key.to_owned()).filter(|key| key != "enabled")
        } else if let Some(key) = key.strip_prefix(&from) {
            let is_role = key.starts_with("consumer.") || key.starts_with("admin.");
            Some(if is_role { format!("source.{key}") } else { format!("source.cluster.{key}") })
        } else if let Some(key) = key.strip_prefix(&to) {
            of_target(key)
        } else {
            let is_own =
                key.contains("->") || mirrored.flows.iter().any(|flow| key.starts_with(&format!("{}.", flow.source)));
            let of_worker = key == "clusters" || key.starts_with("config.providers") || off.contains(&key.as_str());
            (!is_own && !of_worker).then(|| key.clone())
        };
        key.map(|key| (key, value.clone()))
    };
    let mut config: BTreeMap<String, String> = mirrored.settings.iter().filter_map(of_setting).collect();
    let own = [
        ("connector.class", SOURCE_CONNECTOR),
        ("source.cluster.alias", source),
        ("target.cluster.alias", target),
        ("key.converter", BYTES),
        ("value.converter", BYTES),
        ("header.converter", BYTES),
    ];
    config.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
    config
}

fn of_target(key: &str) -> Option<String> {
    if let Some(key) = key.strip_prefix("producer.") {
        return Some(format!("producer.override.{key}"));
    }
    if key.starts_with("admin.") {
        return Some(format!("target.{key}"));
    }
    let is_connection =
        ["bootstrap.servers", "security.protocol", "ssl.", "sasl."].iter().any(|own| key.starts_with(own));
    is_connection.then(|| format!("target.cluster.{key}"))
}
