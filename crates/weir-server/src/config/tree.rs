//! YAML as a tree in which every key and value knows its place, and equal keys are kept to be reported.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::place::{At, Place};

/// A value as it was written.
#[derive(Debug)]
pub enum Node {
    /// Nothing.
    Null,
    /// true or false.
    Bool,
    /// A whole number.
    Integer(i128),
    /// Another number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<At<Node>>),
    /// Keys and values, in their order.
    Map(Vec<(At<String>, At<Node>)>),
}

impl Node {
    /// What a person calls it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool => "true or false",
            Self::Integer(_) | Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "keys and values",
        }
    }
}

/// Why a text is no YAML that is read here.
#[derive(Debug)]
pub struct NotYaml {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub what: String,
}

/// Reads one YAML document.
///
/// # Errors
/// The first thing that is wrong with it; merge keys, which hide where a value comes from, count as wrong.
pub fn read(text: &str) -> Result<At<Node>, NotYaml> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| NotYaml::from(&error))
}

/// What is allowed in a file. Equal keys pass here: `strict` reports them all.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        strict_booleans: true,
    }
}

impl From<&serde_saphyr::Error> for NotYaml {
    fn from(error: &serde_saphyr::Error) -> Self {
        let place = error.location().map_or(Place { line: 1, column: 1 }, Place::of);
        let text = error.without_snippet().to_string();
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned();
        Self { place, what }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Bool)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}
