//! The names that policy compares: topics, namespaces and groups, and which of them are sound.
//!
//! Must never: change a name, or compare other than byte by byte.

use std::collections::BTreeSet;
use std::fmt;

use crate::Reason;

/// The longest topic name that Kafka creates, and the longest group id that Weir carries, in bytes.
pub(crate) const LONGEST_NAME: usize = 249;

/// The longest namespace, in bytes.
const LONGEST_NAMESPACE: usize = 63;

/// Whether a Kafka topic can have this name: `[a-zA-Z0-9._-]{1,249}`, but neither `.` nor `..`.
#[must_use]
pub fn is_topic_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && name != "." && name != ".." && is_topic_text(name)
}

/// Whether every character is one that a topic name may have.
pub(crate) fn is_topic_text(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// What begins the brokers' name of a group where clients do not write the prefix.
const OF_WEIR: &str = "weir.";

/// What keeps a principal's groups apart from everybody else's: `[a-z0-9-]{1,63}`, but not `weir`.
///
/// It has no dot, so that the dot after it ends it: `a` and `a-b`, or `a` and `a.`, cannot meet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(String);

impl Namespace {
    /// The namespace of this text, if it is one. `weir` is none: with written-out prefixes, its groups would look
    /// like those that Weir names itself.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let sound = (1..=LONGEST_NAMESPACE).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        (sound && text != "weir").then(|| Self(text.to_owned()))
    }

    /// The namespace that a group of the brokers is in by its form, if it has one: whose it is, and whether the group
    /// is one that its principal may name, `Principal::shown_group` says.
    #[must_use]
    pub fn of_group(real: &str) -> Option<&str> {
        // With the prefix that Weir adds, or with one that is written out: `weir` itself is no namespace.
        let (namespace, _) = real.strip_prefix(OF_WEIR).unwrap_or(real).split_once('.')?;
        Some(namespace)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A group id as the brokers know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RealGroup(String);

/// A group id as its principal knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShownGroup(String);

impl RealGroup {
    pub(crate) fn new(pieces: &[&str]) -> Self {
        Self(pieces.concat())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ShownGroup {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which group ids are a principal's own, as it writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnGroups {
    /// Any.
    Any,
    /// Those that begin so.
    Prefix(String),
}

/// Whether clients write their group ids with or without the prefix that the brokers see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupMode {
    /// Any group id works: `g` is `weir.<namespace>.g` at the brokers.
    #[default]
    Namespaced,
    /// The group id goes as it is, and must begin with `<namespace>.`.
    ExplicitPrefix,
}

impl GroupMode {
    /// What the brokers' names of all groups in these namespaces begin with.
    #[must_use]
    pub fn prefixes<'a>(self, namespaces: impl Iterator<Item = &'a Namespace>) -> BTreeSet<String> {
        match self {
            Self::Namespaced => BTreeSet::from([OF_WEIR.to_owned()]),
            Self::ExplicitPrefix => namespaces.map(|namespace| format!("{namespace}.")).collect(),
        }
    }

    /// The brokers' name of a group that a principal of this namespace asks for, in pieces.
    pub(crate) fn real<'a>(self, namespace: &'a Namespace, shown: &'a str) -> Result<[&'a str; 4], Reason> {
        self.judge(namespace, shown)?;
        Ok(match self {
            Self::Namespaced => [OF_WEIR, namespace.as_str(), ".", shown],
            Self::ExplicitPrefix => ["", "", "", shown],
        })
    }

    /// Whether a principal of this namespace may ask for this group.
    pub(crate) fn judge(self, namespace: &Namespace, shown: &str) -> Result<(), Reason> {
        // Kafka asks for the right before it looks at the name, and here the right is to the prefix.
        if self == Self::ExplicitPrefix && after_namespace(namespace, shown).is_none_or(str::is_empty) {
            return Err(Reason::GroupOutsideNamespace);
        }
        if is_group_id(shown) { Ok(()) } else { Err(Reason::GroupNameInvalid) }
    }

    /// The groups of a principal of this namespace, as it names them.
    pub(crate) fn own(self, namespace: &Namespace) -> OwnGroups {
        match self {
            Self::Namespaced => OwnGroups::Any,
            Self::ExplicitPrefix => OwnGroups::Prefix(format!("{namespace}.")),
        }
    }

    /// The principal's name of a group of the brokers, if it is one of this namespace.
    pub(crate) fn shown(self, namespace: &Namespace, real: &str) -> Option<ShownGroup> {
        let shown = match self {
            Self::Namespaced => after_namespace(namespace, real.strip_prefix(OF_WEIR)?)?,
            Self::ExplicitPrefix => real,
        };
        self.judge(namespace, shown).is_ok().then(|| ShownGroup(shown.to_owned()))
    }
}

fn after_namespace<'a>(namespace: &Namespace, text: &'a str) -> Option<&'a str> {
    text.strip_prefix(namespace.as_str())?.strip_prefix('.')
}

/// Printable ASCII without the slash. Kafka itself takes anything: the empty id is one nameless group that all share,
/// control characters and look-alikes forge log lines and metrics, and Unicode has several spellings of one word,
/// which ASCII has not.
fn is_group_id(id: &str) -> bool {
    (1..=LONGEST_NAME).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'/')
}
