//! The `read:` list of a principal: names and prefixes, each within the catalogue.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::catalogue::ReadCatalogue;
use super::fields::{Fields, Text};
use super::never::ReadNever;
use crate::principal::Grants;

/// Exactly one of both.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGrant {
    /// A topic, by name.
    topic: Text,
    /// Every topic of the catalogue that begins so.
    prefix: Text,
}

/// A read list: topics, and prefixes.
type List = (BTreeSet<Arc<str>>, BTreeSet<Arc<str>>);

/// Holds each name and each list once, however many principals have it.
#[derive(Debug, Default)]
pub(super) struct Interner {
    names: HashSet<Arc<str>>,
    lists: HashMap<List, Arc<Grants>>,
}

impl Interner {
    /// The catalogue's own copy where it has one: who looks a topic up in both then reads one name.
    fn name(&mut self, catalogue: Option<&ReadCatalogue>, text: &str) -> Arc<str> {
        if let Some(name) = catalogue.and_then(|catalogue| catalogue.interned(text)) {
            return name;
        }
        if let Some(name) = self.names.get(text) {
            return Arc::clone(name);
        }
        let name: Arc<str> = text.into();
        self.names.insert(Arc::clone(&name));
        name
    }

    /// Forgets the lists that no principal has any more, and the names in them.
    pub(super) fn forget_unused(&mut self) {
        self.lists.retain(|_, grants| Arc::strong_count(grants) > 1);
        self.names.retain(|name| Arc::strong_count(name) > 1);
    }

    fn list(&mut self, list: List) -> Arc<Grants> {
        let make = |(topics, prefixes): &List| {
            Arc::new(Grants { topics: topics.iter().cloned().collect(), prefixes: prefixes.iter().cloned().collect() })
        };
        let grants = self.lists.get(&list).cloned().unwrap_or_else(|| make(&list));
        Arc::clone(self.lists.entry(list).or_insert(grants))
    }
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    catalogue: Option<&ReadCatalogue>,
    never: Option<&ReadNever>,
    interner: &mut Interner,
    raw: Vec<Spanned<RawGrant>>,
) -> Arc<Grants> {
    let mut list = List::default();
    for grant in raw {
        let keys = [("topic", grant.value.topic), ("prefix", grant.value.prefix)];
        let Some((key, value)) = fields.exactly_one(grant.referenced, keys) else { continue };
        let (what, fix, names) = if key == "topic" {
            let (what, fix) = wrong_topic(&value.value, catalogue, never).unzip();
            (what, fix, &mut list.0)
        } else {
            let (what, fix) = wrong_prefix(&value.value, catalogue).unzip();
            (what, fix, &mut list.1)
        };
        if let (Some(what), Some(fix)) = (what, fix) {
            fields.problem(value.referenced, what, fix);
        } else if !names.insert(interner.name(catalogue, &value.value)) {
            fields.problem(value.referenced, format!("`{}` is granted twice", value.value), "keep one of them");
        }
    }
    interner.list(list)
}

/// What is wrong with a grant of one topic, and what to write instead.
fn wrong_topic(topic: &str, catalogue: Option<&ReadCatalogue>, never: Option<&ReadNever>) -> Option<(String, String)> {
    let catalogue = catalogue?;
    if catalogue.interned(topic).is_some() {
        return None;
    }
    if let Some(line) = never.and_then(|never| never.why_not(topic)) {
        return Some((format!("the topic `{topic}` must never leave: {line}"), "remove the grant".to_owned()));
    }
    if catalogue.catalogue.covers(topic) && crate::names::is_topic_name(topic) {
        return None;
    }
    let fix = catalogue.near(topic).map_or_else(
        || "remove the grant, or have the topic reviewed and added to the catalogue".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Some((format!("the topic `{}` is not in the catalogue", topic.escape_debug()), fix))
}

/// What is wrong with a grant of a prefix, and what to write instead.
fn wrong_prefix(prefix: &str, catalogue: Option<&ReadCatalogue>) -> Option<(String, String)> {
    if prefix.is_empty() {
        return Some((
            "an empty prefix grants the whole catalogue, and all that is ever added to it".to_owned(),
            "write how the topics begin".to_owned(),
        ));
    }
    let what = format!("no topic of the catalogue begins with `{}`", prefix.escape_debug());
    let fix = "remove the grant, or write how topics of the catalogue begin (a prefix has no star)";
    (!catalogue?.meets_prefix(prefix)).then(|| (what, fix.to_owned()))
}
