//! `tiers.yaml`: the named sets of limits.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::fields::{Fields, Text};
use super::plain::Number;
use crate::problem::Problems;
use crate::yaml::read_yaml;
use crate::{SourceFile, Tier};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    tiers: Option<Vec<Spanned<RawTier>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTier {
    tier: Text,
    /// How many connections a principal may hold at once.
    connections: Option<Spanned<Number>>,
}

/// The tiers by name. One with a problem is there without its limits.
pub(super) type ReadTiers = HashMap<String, Option<Arc<Tier>>>;

pub(super) fn read(source: &SourceFile, problems: &mut Problems) -> Option<ReadTiers> {
    let raw: RawFile = match read_yaml(source) {
        Ok(raw) => raw,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    let mut fields = Fields { source, problems };
    let mut tiers = ReadTiers::new();
    for raw in fields.required(Location::UNKNOWN, "tiers", raw.tiers).unwrap_or_default() {
        let at = raw.referenced;
        let name = fields.name(at, "tier", raw.value.tier);
        let connections = fields.required(at, "connections", raw.value.connections);
        if let Some(zero) = connections.as_ref().filter(|connections| connections.value.0 == 0) {
            fields.problem(zero.referenced, "a tier without connections lets nobody in", "write 1 or more");
        }
        let Some(name) = name else { continue };
        if tiers.contains_key(&name.value) {
            fields.problem(name.referenced, format!("the tier `{}` stands twice", name.value), "keep one of them");
        }
        let tier = connections
            .map(|connections| Arc::new(Tier { name: name.value.clone(), connections: connections.value.0 }));
        tiers.insert(name.value, tier);
    }
    Some(tiers)
}
