//! A file of somebody else's, as a tree with lines: YAML, or JSON, which is YAML once its tabs are blanks.
//!
//! Must never: read more than it holds room for, or keep the last of two equal keys.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DefaultMessageFormatter, Error, MessageFormatter, Spanned};

/// The longest file, in bytes: all of Wikimedia's stream configuration is about a fiftieth of it.
const LONGEST_FILE: u64 = 16 * 1024 * 1024;

/// A value, and where it stands.
pub(super) type Node = Spanned<Tree>;

/// What YAML and JSON have in common. Numbers and truth values are texts here: nothing is made of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    Nothing,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Tree {
    /// The value of a key, if this has keys and that one.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The keys and values; none where this is something else.
    pub(super) fn entries(&self) -> &[(String, Node)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A list of texts. MediaWiki's API writes some lists as objects whose keys count up, so those are lists, too.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::List(items) => items.iter().map(|item| item.value.text()).collect(),
            Self::Map(entries) => {
                let counted = entries.iter().enumerate().all(|(at, (key, _))| *key == at.to_string());
                counted.then(|| entries.iter().map(|(_, item)| item.value.text()).collect()).flatten()
            }
            Self::Nothing | Self::Text(_) => None,
        }
    }
}

/// The whole text of a file.
///
/// # Errors
/// It cannot be read, is too long or is no text, in a sentence that names it.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| format!("{shown} cannot be read: {error}; name a file that can"))?;
    let read = file.take(LONGEST_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("{shown} cannot be read: {error}; name a file that can"))?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(format!("{shown} is longer than {LONGEST_FILE} bytes; cut it down to the streams that matter"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{shown}:{line}: this is no UTF-8; save the file as UTF-8")
    })
}

/// Reads a file.
///
/// # Errors
/// It is no YAML and no JSON, in a sentence with its name and line.
pub(super) fn read(path: &Path) -> Result<Node, String> {
    parse(&path.display().to_string(), &text(path)?)
}

/// Parses a text under the name of its file.
///
/// # Errors
/// As [`read`].
pub(super) fn parse(file: &str, text: &str) -> Result<Node, String> {
    // YAML wants no tab before what it reads, JSON has none inside of it.
    let json = text.trim_start().starts_with(['{', '[']).then(|| text.replace('\t', " "));
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_anchors: 1_000,
            max_aliases: 1_000,
            max_depth: 64,
            max_documents: 1,
            max_nodes: 500_000,
            max_events: 1_000_000,
        },
        with_snippet: false,
    };
    let read = serde_saphyr::from_str_with_options(json.as_deref().unwrap_or(text), options);
    read.map_err(|error: Error| sentence(file, error.without_snippet()))
}

fn sentence(file: &str, error: &Error) -> String {
    let line = error.location().map_or(1, |location| location.line().max(1));
    if let Error::DuplicateMappingKey { key, .. } = error {
        let key = key.as_deref().map_or("a key".to_owned(), |key| format!("the key `{}`", key.escape_debug()));
        return format!("{file}:{line}: {key} stands twice; keep one of them");
    }
    if let Error::Budget { .. } = error {
        return format!(
            "{file}:{line}: the file is too large or too deeply nested; cut it down to the streams that matter"
        );
    }
    let message = DefaultMessageFormatter.format_message(error);
    let message: String = message.chars().map(|next| if next.is_control() { ' ' } else { next }).collect();
    let fix = "look at the quotes, brackets and indentation here and above";
    format!("{file}:{line}: this is neither YAML nor JSON that can be read: {message}; {fix}")
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Nothing)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(Self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Node>()? {
            let value: Node = entries.next_value()?;
            // Who looks for the value looks for its key.
            let value = Node { referenced: key.referenced, ..value };
            map.push((key.value.text().unwrap_or_default().to_owned(), value));
        }
        Ok(Tree::Map(map))
    }
}
