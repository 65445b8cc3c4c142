//! `catalogue.yaml`: the topics that may leave at all.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::fields::{Fields, Text};
use super::never::ReadNever;
use super::plain::{Flag, given};
use crate::SourceFile;
use crate::catalogue::{Catalogue, CatalogueEntry, CleanupPolicy, PiiDecision, PiiVerdict};
use crate::names::{LONGEST_NAME, is_topic_name, is_topic_text};
use crate::problem::{Place, Problems};
use crate::yaml::read_yaml;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    streams: Option<Vec<Spanned<RawEntry>>>,
}

/// One stream: either `topics`, or `prefix` with `auto: true`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    stream: Text,
    /// The topics by name, one for each data centre.
    topics: Option<Spanned<Vec<Spanned<String>>>>,
    /// Every topic that begins so, those of tomorrow too.
    prefix: Text,
    /// Says that the writer of `prefix` knows that.
    auto: Option<Spanned<Flag>>,
    description: Text,
    schema: Text,
    /// The version that was reviewed.
    schema_version: Text,
    cleanup_policy: Option<Spanned<RawCleanup>>,
    /// Says that the topics are closed while no broker confirms that they are compacted.
    only_while_compacted: Option<Spanned<Flag>>,
    pii: Option<Spanned<RawPii>>,
    #[serde(default, deserialize_with = "given")]
    #[allow(dead_code, reason = "the one value means what is done without it")]
    transform: Option<RawTransform>,
}

#[derive(Deserialize)]
enum RawCleanup {
    #[serde(rename = "delete")]
    Delete,
    #[serde(rename = "compact")]
    Compact,
    #[serde(rename = "compact,delete")]
    CompactDelete,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPii {
    verdict: Text,
    by: Text,
    on: Text,
    ticket: Text,
}

impl RawPii {
    /// What writes a catalogue and decides nothing writes so.
    fn is_open(&self) -> bool {
        self.verdict.as_ref().is_some_and(|verdict| verdict.value == "open")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawTransform {
    None,
}

/// The catalogue, with the places of its names.
#[derive(Debug, Default)]
pub(super) struct ReadCatalogue {
    pub(super) catalogue: Catalogue,
    topics: BTreeMap<Arc<str>, Place>,
    prefixes: BTreeMap<Arc<str>, Place>,
    /// Those of the prefixes whose topics may leave only while they are compacted.
    conditional: Vec<Arc<str>>,
}

impl ReadCatalogue {
    /// The catalogue's own copy of a name that it lists.
    pub(super) fn interned(&self, topic: &str) -> Option<Arc<str>> {
        self.topics.get_key_value(topic).map(|(name, _)| Arc::clone(name))
    }

    /// Whether some entry can hold a topic that begins so.
    pub(super) fn meets_prefix(&self, prefix: &str) -> bool {
        let begins = |names: &BTreeMap<Arc<str>, Place>| {
            let mut from = names.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
            from.next().is_some_and(|(name, _)| name.starts_with(prefix))
        };
        begins(&self.topics) || begins(&self.prefixes) || self.catalogue.prefixes.covers(prefix)
    }

    /// Where the entries stand that hold this topic: by name, then by prefix.
    pub(super) fn entries_of(&self, topic: &str) -> impl Iterator<Item = (&'static str, &str, &Place)> {
        let named = self.topics.get_key_value(topic).map(|(name, place)| ("topic", &**name, place));
        let begins = move |(prefix, _): &(&Arc<str>, &Place)| topic.starts_with(&***prefix);
        let prefixes = self.prefixes.iter().filter(begins).map(|(prefix, place)| ("prefix", &**prefix, place));
        named.into_iter().chain(prefixes)
    }

    /// A topic that the writer of `wrong` may have meant.
    pub(super) fn near(&self, wrong: &str) -> Option<&str> {
        let tail = format!(".{wrong}");
        self.topics.keys().find(|name| name.ends_with(&tail) || name.eq_ignore_ascii_case(wrong)).map(|name| &**name)
    }
}

pub(super) fn read(source: &SourceFile, never: Option<&ReadNever>, problems: &mut Problems) -> Option<ReadCatalogue> {
    let raw: RawFile = match read_yaml(source) {
        Ok(raw) => raw,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    let mut fields = Fields { source, problems };
    let mut read = ReadCatalogue::default();
    let mut topics = HashMap::new();
    for raw in fields.required(Location::UNKNOWN, "streams", raw.streams).unwrap_or_default() {
        let (names, entry) = read_entry(&mut fields, raw, never, &mut read);
        let entry = entry.map(Arc::new);
        topics.extend(names.into_iter().filter_map(|name| Some((name, Arc::clone(entry.as_ref()?)))));
    }
    read.catalogue =
        Catalogue::new(topics, read.prefixes.keys().cloned().collect(), read.conditional.drain(..).collect());
    Some(read)
}

/// The topics of an entry and what it says of them. Its names count as known even where something else is wrong.
fn read_entry(
    fields: &mut Fields<'_>,
    raw: Spanned<RawEntry>,
    never: Option<&ReadNever>,
    read: &mut ReadCatalogue,
) -> (Vec<Arc<str>>, Option<CatalogueEntry>) {
    let at = raw.referenced;
    let raw = raw.value;
    let only_while_compacted = read_condition(fields, raw.only_while_compacted, raw.cleanup_policy.as_ref());
    let names = match (raw.topics, raw.prefix) {
        (Some(topics), None) => {
            if let Some(auto) = raw.auto {
                fields.problem(auto.referenced, "`auto` belongs to `prefix`", "remove it: these topics are named");
            }
            read_topics(fields, topics, never, read)
        }
        (None, Some(prefix)) => {
            if !raw.auto.as_ref().is_some_and(|auto| auto.value.0) {
                let at = raw.auto.map_or(prefix.referenced, |auto| auto.referenced);
                let what = "a prefix lets out topics that nobody has seen yet";
                fields.problem(at, what, "list the `topics`, or add `auto: true`");
            }
            let prefix = read_prefix(fields, prefix, never, read);
            read.conditional.extend(prefix.filter(|_| only_while_compacted));
            Vec::new()
        }
        _ => {
            fields.problem(at, "exactly one of `topics`, `prefix` belongs here", "keep one, with its value");
            Vec::new()
        }
    };
    let stream = fields.text(at, "stream", raw.stream);
    let description = fields.text(at, "description", raw.description);
    let schema = fields.text(at, "schema", raw.schema);
    // The version is the one that was reviewed: where nobody has, one problem is enough.
    let is_open = raw.pii.as_ref().is_some_and(|pii| pii.value.is_open());
    let schema_version = if is_open { None } else { fields.text(at, "schema_version", raw.schema_version) };
    let cleanup_policy = fields.required(at, "cleanup_policy", raw.cleanup_policy);
    let pii = fields.required(at, "pii", raw.pii).and_then(|pii| read_pii(fields, pii));
    let entry = || {
        Some(CatalogueEntry {
            stream: stream?,
            description: description?,
            schema: schema?,
            schema_version: schema_version?,
            cleanup_policy: match cleanup_policy?.value {
                RawCleanup::Delete => CleanupPolicy::Delete,
                RawCleanup::Compact => CleanupPolicy::Compact,
                RawCleanup::CompactDelete => CleanupPolicy::CompactDelete,
            },
            only_while_compacted,
            pii: pii?,
        })
    };
    (names, entry())
}

/// Whether the topics may leave only while they are compacted. What is never compacted would never leave.
fn read_condition(
    fields: &mut Fields<'_>,
    raw: Option<Spanned<Flag>>,
    cleanup_policy: Option<&Spanned<RawCleanup>>,
) -> bool {
    let Some(condition) = raw.filter(|raw| raw.value.0) else { return false };
    if matches!(cleanup_policy.map(|policy| &policy.value), Some(RawCleanup::Delete)) {
        let fix = "write `cleanup_policy: compact` or `compact,delete` if the brokers compact it, or remove this line";
        fields.problem(condition.referenced, "with `cleanup_policy: delete` it would never be open", fix);
    }
    true
}

fn read_pii(fields: &mut Fields<'_>, raw: Spanned<RawPii>) -> Option<PiiDecision> {
    let at = raw.referenced;
    if raw.value.is_open() {
        let fix = "write `{verdict: none, by: NAME, on: 2026-12-31, ticket: ID}`, or `reviewed` in the place of `none`, \
                   and the `schema_version` that was looked at";
        fields.problem(at, "nobody has decided on personal data in this stream", fix);
        return None;
    }
    let verdict = fields.required(at, "verdict", raw.value.verdict);
    let by = fields.text(at, "by", raw.value.by);
    let on = fields.date(at, "on", raw.value.on);
    let ticket = fields.text(at, "ticket", raw.value.ticket);
    let verdict = verdict?;
    let verdict = match verdict.value.as_str() {
        "none" => PiiVerdict::None,
        "reviewed" => PiiVerdict::Reviewed,
        other => {
            let what = format!("unknown value `{}`", other.escape_debug());
            fields.problem(verdict.referenced, what, "write one of `none`, `reviewed`");
            return None;
        }
    };
    Some(PiiDecision { verdict, by: by?, on: on?, ticket: ticket? })
}

fn read_topics(
    fields: &mut Fields<'_>,
    raw: Spanned<Vec<Spanned<String>>>,
    never: Option<&ReadNever>,
    read: &mut ReadCatalogue,
) -> Vec<Arc<str>> {
    let at = raw.referenced;
    if raw.value.is_empty() {
        fields.problem(at, "`topics` is empty", "list the stream's topics");
    }
    let mut names: Vec<Arc<str>> = Vec::new();
    for topic in raw.value {
        let at = topic.referenced;
        let name: Arc<str> = topic.value.into();
        if !is_topic_name(&name) {
            let fix = "write 1 to 249 letters, digits, dots, underscores or dashes";
            fields.problem(at, format!("`{}` is no topic name", name.escape_debug()), fix);
            continue;
        }
        if let Some(line) = never.and_then(|never| never.why_not(&name)) {
            fields.problem(at, format!("the topic `{name}` must never leave: {line}"), "remove it here");
        }
        if let Some(other) = names.first().filter(|other| suffix(other) != suffix(&name)) {
            let what = format!("`{name}` and `{other}` do not carry one stream: after the first dot they differ");
            fields.problem(at, what, "give each stream an entry of its own");
        }
        let place = fields.place(at);
        if let Some(first) = read.topics.insert(Arc::clone(&name), place) {
            fields.problem(at, format!("the topic `{name}` stands twice, first at {first}"), "keep one of them");
        }
        names.push(name);
    }
    names
}

/// What the topics of one stream share: all after the data centre.
fn suffix(topic: &str) -> &str {
    topic.split_once('.').map_or(topic, |(_, suffix)| suffix)
}

fn read_prefix(
    fields: &mut Fields<'_>,
    raw: Spanned<String>,
    never: Option<&ReadNever>,
    read: &mut ReadCatalogue,
) -> Option<Arc<str>> {
    let at = raw.referenced;
    let prefix: Arc<str> = raw.value.into();
    if prefix.is_empty() || prefix.len() > LONGEST_NAME || !is_topic_text(&prefix) {
        let what = format!("`{}` begins no topic name", prefix.escape_debug());
        fields.problem(at, what, "write 1 to 249 letters, digits, dots, underscores or dashes");
        return None;
    }
    if let Some(line) = never.and_then(|never| never.why_not_prefix(&prefix)) {
        let what = format!("the prefix `{prefix}` covers topics that must never leave: {line}");
        fields.problem(at, what, "write a longer prefix, or list the topics");
    }
    let place = fields.place(at);
    if let Some(first) = read.prefixes.insert(Arc::clone(&prefix), place) {
        fields.problem(at, format!("the prefix `{prefix}` stands twice, first at {first}"), "keep one of them");
    }
    Some(prefix)
}
