//! Where the files say what bears on a verdict. They are read again for whoever asks: no policy that serves holds
//! places.
//!
//! Must never: decide anything. What it reads has been compiled, so that nothing in it is wrong.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::{Location, Spanned};

use super::catalogue::{self, ReadCatalogue};
use super::fields::Text;
use super::never::{self, ReadNever};
use crate::problem::{Place, Problems};
use crate::yaml::read_yaml;
use crate::{PolicyFiles, SourceFile};

/// Where the files speak of one principal, and of the topics of all.
#[derive(Debug)]
pub struct Places {
    never: Option<ReadNever>,
    catalogue: Option<ReadCatalogue>,
    tiers: Vec<(String, Place)>,
    own: Own,
    /// The names of the files that are for all.
    pub(crate) catalogue_file: String,
}

/// Where the catalogue names its topics.
#[derive(Debug)]
pub struct CataloguePlaces(Option<ReadCatalogue>);

impl CataloguePlaces {
    /// Reads files that compile.
    #[must_use]
    pub fn read(files: &PolicyFiles) -> Self {
        Self(catalogue::read(&files.catalogue, None, &mut Problems::default()))
    }

    /// Where this topic is named.
    #[must_use]
    pub fn topic(&self, topic: &str) -> Option<Place> {
        let named = |read: &ReadCatalogue| {
            let mut entries = read.entries_of(topic);
            entries.find(|(kind, ..)| *kind == "topic").map(|(_, _, place)| place.clone())
        };
        self.0.as_ref().and_then(named)
    }
}

/// Where a principal's own file says what.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) principal: Place,
    pub(crate) namespace: Option<Place>,
    pub(crate) tier: Option<Place>,
    pub(crate) read: Option<Place>,
    pub(crate) grants: Vec<(&'static str, String, Place)>,
    pub(crate) cidrs: Vec<(String, Place)>,
    /// The limits that it has in the place of its tier's.
    pub(crate) limits: BTreeMap<String, Place>,
}

/// Only what has a place to tell: the strict reading is `principals`.
#[derive(Deserialize)]
struct RawPrincipal {
    principal: Text,
    namespace: Text,
    tier: Text,
    read: Option<Spanned<Vec<Spanned<RawGrant>>>>,
    cidrs: Option<Vec<Spanned<String>>>,
    limits: Option<BTreeMap<String, Spanned<IgnoredAny>>>,
}

#[derive(Deserialize)]
struct RawGrant {
    topic: Text,
    prefix: Text,
}

#[derive(Deserialize)]
struct RawTiers {
    tiers: Option<Vec<RawTier>>,
}

#[derive(Deserialize)]
struct RawTier {
    tier: Text,
}

impl Places {
    /// Reads files that compile. Nothing where no file is this principal's.
    #[must_use]
    pub fn read(files: &PolicyFiles, principal: &str) -> Option<Self> {
        let own = files.principals.iter().find_map(|source| own(source, principal))?;
        let mut problems = Problems::default();
        let never = never::read(&files.never, &mut problems);
        let catalogue = catalogue::read(&files.catalogue, never.as_ref(), &mut problems);
        let tiers = tiers(&files.tiers);
        Some(Self { never, catalogue, tiers, own, catalogue_file: files.catalogue.path.clone() })
    }

    pub(crate) fn own(&self) -> &Own {
        &self.own
    }

    /// The lines of the never list that refuse this topic.
    pub(crate) fn never_lines(&self, topic: &str) -> impl Iterator<Item = (&str, &Place)> {
        self.never.iter().flat_map(move |never| never.lines_on(topic))
    }

    /// The entries of the catalogue that hold this topic: `topic` or `prefix`, its text, its place.
    pub(crate) fn entries(&self, topic: &str) -> impl Iterator<Item = (&'static str, &str, &Place)> {
        self.catalogue.iter().flat_map(move |catalogue| catalogue.entries_of(topic))
    }

    /// The grants that hold this topic: `topic` or `prefix`, its text, its place. Those by name come first.
    pub(crate) fn grants(&self, topic: &str) -> impl Iterator<Item = (&'static str, &str, &Place)> {
        let of_kind = move |wanted: &'static str| {
            let holds = move |text: &str| if wanted == "topic" { text == topic } else { topic.starts_with(text) };
            let grants = self.own.grants.iter().filter(move |(kind, text, _)| *kind == wanted && holds(text));
            grants.map(|(kind, text, place)| (*kind, text.as_str(), place))
        };
        of_kind("topic").chain(of_kind("prefix"))
    }

    /// A topic of the catalogue that the writer of this one may have meant.
    pub(crate) fn near(&self, topic: &str) -> Option<&str> {
        self.catalogue.as_ref().and_then(|catalogue| catalogue.near(topic))
    }

    /// Where a tier stands.
    pub(crate) fn tier(&self, name: &str) -> Option<&Place> {
        self.tiers.iter().find(|(tier, _)| tier == name).map(|(_, place)| place)
    }
}

fn own(source: &SourceFile, principal: &str) -> Option<Own> {
    // Of ten thousand files, few hold the name, and only those are worth reading.
    if !source.text.contains(principal) {
        return None;
    }
    let raw: RawPrincipal = read_yaml(source).ok()?;
    let name = raw.principal.filter(|name| name.value == principal)?;
    let place = |at: Location| place(source, at);
    let read = raw.read.as_ref().map(|read| place(read.referenced));
    let grant = |grant: Spanned<RawGrant>| {
        let topic = grant.value.topic.map(|topic| ("topic", topic));
        let (kind, text) = topic.or_else(|| grant.value.prefix.map(|prefix| ("prefix", prefix)))?;
        Some((kind, text.value, place(text.referenced)))
    };
    let limits = raw.limits.into_iter().flatten().map(|(key, value)| (key, place(value.referenced)));
    Some(Own {
        principal: place(name.referenced),
        namespace: raw.namespace.map(|namespace| place(namespace.referenced)),
        tier: raw.tier.map(|tier| place(tier.referenced)),
        read,
        grants: raw.read.into_iter().flat_map(|read| read.value).filter_map(grant).collect(),
        cidrs: raw.cidrs.into_iter().flatten().map(|net| (net.value, place(net.referenced))).collect(),
        limits: limits.collect(),
    })
}

fn tiers(source: &SourceFile) -> Vec<(String, Place)> {
    let raw: Option<RawTiers> = read_yaml(source).ok();
    let tiers = raw.and_then(|raw| raw.tiers).unwrap_or_default().into_iter().filter_map(|tier| tier.tier);
    tiers.map(|tier| (tier.value, place(source, tier.referenced))).collect()
}

fn place(source: &SourceFile, at: Location) -> Place {
    Place { file: source.path.clone(), line: at.line().max(1), column: at.column().max(1) }
}
