//! What is written of a mirror. The doc comments here are part of `docs/config.md`.
//!
//! Must never: hold a rule. What a value must satisfy stands in `mirror`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::At;

/// What fills a public cluster: MirrorMaker 2, which `weir render mirror` writes the properties of. `weir serve` does
/// nothing with it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMirror {
    /// The clusters that the catalogue's topics are copied from, by a name of your own.
    pub from: At<BTreeMap<String, At<RawMirrorSource>>>,
    /// The public cluster's brokers as the mirror reaches them, where that is not `bootstrap` above.
    #[serde(default)]
    pub bootstrap: Option<At<Vec<At<String>>>>,
    /// Kafka's client properties for the public cluster: `security.protocol`, `ssl.*`, `sasl.*`, `producer.*` and
    /// `admin.*`. A secret is a reference: `${file:FILE:KEY}`, `${directory:DIR:FILE}` or `${env:NAME}`.
    #[serde(default)]
    pub client: BTreeMap<String, At<String>>,
    /// Replicas of each topic that the mirror makes at the public cluster, its own three for each source included.
    #[serde(default = "default_replication_factor")]
    pub replication_factor: At<u16>,
    /// Settings of topics that the public cluster has for itself, such as `retention.ms`. All others follow the source.
    #[serde(default)]
    pub own_topic_settings: Vec<At<String>>,
}

/// One cluster that topics are copied from.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMirrorSource {
    /// Its brokers to ask first, as `HOST:PORT`.
    pub bootstrap: At<Vec<At<String>>>,
    /// Which of the topics that the catalogue names come from here: those that begin so. Without it: all. Every topic
    /// comes from one source.
    #[serde(default)]
    pub prefixes: Option<At<Vec<At<String>>>>,
    /// Kafka's client properties for this cluster: `security.protocol`, `ssl.*`, `sasl.*`, `consumer.*` and `admin.*`.
    #[serde(default)]
    pub client: BTreeMap<String, At<String>>,
    /// How many tasks copy at the same time, each with a consumer and a producer. Without it: one for every 20 topics,
    /// at least 2 and at most 8.
    #[serde(default)]
    pub tasks: Option<At<u16>>,
}

fn default_replication_factor() -> At<u16> {
    At::unwritten(3)
}
