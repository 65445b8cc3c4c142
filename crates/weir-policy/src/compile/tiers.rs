//! `tiers.yaml`: the named sets of limits.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::fields::Fields;
use super::limits::RawTier;
use crate::problem::Problems;
use crate::yaml::read_yaml;
use crate::{Limits, SourceFile, Tier};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    tiers: Option<Vec<Spanned<RawTier>>>,
}

/// The tiers by name. One with a problem is there without its limits.
pub(super) type ReadTiers = HashMap<String, Option<Arc<Tier>>>;

pub(super) fn read(source: &SourceFile, nodes: NonZeroU32, problems: &mut Problems) -> Option<ReadTiers> {
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
        let name = fields.name(at, "tier", raw.value.tier.clone());
        let says_connections = fields.required(at, "connections", raw.value.says_connections().then_some(()));
        let mut limits = Limits::default();
        raw.value.into_limits().replace_in(&mut fields, &mut limits);
        let Some(name) = name else { continue };
        if tiers.contains_key(&name.value) {
            fields.problem(name.referenced, format!("the tier `{}` stands twice", name.value), "keep one of them");
        }
        let share = Arc::new(limits.of_one_in(nodes));
        let tier = says_connections.map(|()| Arc::new(Tier { name: name.value.clone(), limits, share }));
        tiers.insert(name.value, tier);
    }
    Some(tiers)
}
