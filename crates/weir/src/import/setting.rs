//! What one file says of one stream: the settings that a catalogue can use. All others are passed over.
//!
//! Must never: guess. A setting of another form than EventStreams reads makes the stream unusable.

use super::findings::{Place, is_hidden};
use super::tree::{Node, Tree};

/// Settings by which an object is known as one stream's, where nothing around it says so.
const TELLING: [&str; 7] =
    ["topics", "topic_prefixes", "schema_title", "$schema", "stream_aliases", "destination_event_service", "stream"];

/// What stands before a stream's name in its topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prefixes {
    /// No file says it.
    Unsaid,
    /// `null`: the topic has the stream's name.
    Nothing,
    /// These.
    These(Vec<String>),
}

/// One stream in one file.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) place: Place,
    pub(super) topics: Option<Vec<String>>,
    pub(super) prefixes: Prefixes,
    /// As a path, without its version.
    pub(super) schema: Option<String>,
    /// Where `$schema` names one that is no moving target.
    pub(super) schema_version: Option<String>,
    pub(super) description: Option<String>,
    pub(super) aliases: Vec<String>,
    /// The fields of a record's key.
    pub(super) keys: Vec<String>,
    /// Why the stream is of no use.
    pub(super) wrong: Option<&'static str>,
}

/// Whether this is what a file says of a stream.
pub(super) fn is_setting(tree: &Tree) -> bool {
    TELLING.iter().any(|key| tree.get(key).is_some())
}

impl Setting {
    pub(super) fn read(file: &str, node: &Node) -> Self {
        let tree = &node.value;
        let mut wrong = None;
        if !matches!(tree, Tree::Map(_)) {
            wrong = Some("there are no settings here");
        }
        let mut names = |key: &str, complaint: &'static str| match tree.get(key).map(|node| &node.value) {
            None | Some(Tree::Nothing) => None,
            Some(list) => {
                let texts = list.texts();
                wrong = wrong.or(texts.is_none().then_some(complaint));
                texts.map(|texts| texts.into_iter().map(str::to_owned).collect::<Vec<_>>())
            }
        };
        let topics = names("topics", "`topics` is no list of names");
        let prefixes = names("topic_prefixes", "`topic_prefixes` is no list of texts");
        let aliases = names("stream_aliases", "`stream_aliases` is no list of names").unwrap_or_default();
        let prefixes = match (prefixes, tree.get("topic_prefixes")) {
            (Some(these), _) => Prefixes::These(these),
            (None, Some(_)) => Prefixes::Nothing,
            (None, None) => Prefixes::Unsaid,
        };
        let text = |key: &str| tree.get(key).and_then(|node| node.value.text()).filter(|text| !text.is_empty());
        let (schema, schema_version) = match (text("$schema"), text("schema_title")) {
            (Some(uri), _) => of_uri(uri),
            (None, title) => (title.map(|title| format!("/{}", one_line(title.trim_start_matches('/')))), None),
        };
        let keys = tree.get("message_key_fields").map(|node| node.value.entries()).unwrap_or_default();
        Self {
            place: Place { file: file.to_owned(), line: node.referenced.line().max(1) },
            topics,
            prefixes,
            schema,
            schema_version,
            description: text("description").map(one_line),
            aliases,
            keys: keys.iter().map(|(key, _)| one_line(key)).collect(),
            wrong,
        }
    }

    /// With what the service says where the stream configuration says nothing.
    pub(super) fn or(mut self, defaults: &Self) -> Self {
        if self.prefixes == Prefixes::Unsaid {
            self.prefixes.clone_from(&defaults.prefixes);
        }
        if self.schema.is_none() {
            self.schema.clone_from(&defaults.schema);
            self.schema_version.clone_from(&defaults.schema_version);
        }
        self.topics = self.topics.or_else(|| defaults.topics.clone());
        self.description = self.description.or_else(|| defaults.description.clone());
        self.wrong = self.wrong.or(defaults.wrong);
        if self.aliases.is_empty() {
            self.aliases.clone_from(&defaults.aliases);
        }
        self
    }

    /// Whether the other one means the same topics and the same events.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.topics == other.topics && self.prefixes == other.prefixes && self.schema == other.schema
    }
}

/// `/mediawiki/page/change/1.2.0`, or an address that ends so, as path and version. `latest` and `current` are no
/// version that anybody could have looked at.
fn of_uri(uri: &str) -> (Option<String>, Option<String>) {
    let path = uri.split_once("/jsonschema/").map_or(uri, |(_, path)| path);
    let path = path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or(rest, |(_, path)| path));
    let path = path.trim_matches('/');
    let numbered = |text: &str| text.split('.').count() == 3 && text.split('.').all(|part| part.parse::<u32>().is_ok());
    let (path, version) = match path.rsplit_once('/') {
        Some((path, last)) if numbered(last) => (path, Some(last.to_owned())),
        Some((path, "latest" | "current")) => (path, None),
        _ => (path, None),
    };
    (Some(format!("/{}", one_line(path))), version)
}

/// A text as one line: blanks for what breaks it, and no more of them than one at a time.
fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|next| if is_hidden(next) { ' ' } else { next }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
