//! Sets of names: by prefix, and by pattern with stars.
//!
//! Must never: scan what can be looked up. `PrefixSet` is a binary search, whatever its size.

use std::collections::HashSet;
use std::sync::Arc;

/// Prefixes, sorted, none of them a prefix of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PrefixSet(Vec<Arc<str>>);

impl FromIterator<Arc<str>> for PrefixSet {
    fn from_iter<I: IntoIterator<Item = Arc<str>>>(prefixes: I) -> Self {
        let mut sorted: Vec<_> = prefixes.into_iter().collect();
        sorted.sort_unstable();
        // What begins with a prefix follows it directly.
        sorted.dedup_by(|later, kept| later.starts_with(&**kept));
        Self(sorted)
    }
}

impl PrefixSet {
    /// Whether the name begins with one of them. As none is a prefix of another, only the last one that is not
    /// after the name can be it.
    pub(crate) fn covers(&self, name: &str) -> bool {
        let after = self.0.partition_point(|prefix| &**prefix <= name);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|prefix| name.starts_with(&**prefix))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A name in which a star stands for any text, the empty one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    head: String,
    /// What stands between the stars and after the last one; nothing where there is no star.
    parts: Vec<String>,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        let mut parts = text.split('*').map(str::to_owned);
        Self { head: parts.next().unwrap_or_default(), parts: parts.collect() }
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix(self.head.as_str()) else { return false };
        let Some((tail, middle)) = self.parts.split_last() else { return rest.is_empty() };
        let Some(mut rest) = rest.strip_suffix(tail.as_str()) else { return false };
        // The first place where a part fits leaves the most room for the parts after it.
        middle.iter().all(|part| match rest.split_once(part.as_str()) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    }

    /// Whether the pattern speaks of names under this prefix in particular: it is a name or a prefix that meets it,
    /// or it covers every name there. Other patterns are applied name by name.
    pub(crate) fn meets_prefix(&self, prefix: &str) -> bool {
        match self.parts.as_slice() {
            [] => self.head.starts_with(prefix),
            [open] if open.is_empty() => self.head.starts_with(prefix) || prefix.starts_with(&self.head),
            [.., last] => last.is_empty() && self.matches(prefix),
        }
    }
}

/// Patterns, sorted by how they are looked up.
#[derive(Clone, Debug, Default)]
pub(crate) struct PatternSet {
    names: HashSet<Arc<str>>,
    prefixes: PrefixSet,
    others: Vec<Pattern>,
}

impl<'a> FromIterator<&'a Pattern> for PatternSet {
    fn from_iter<I: IntoIterator<Item = &'a Pattern>>(patterns: I) -> Self {
        let mut names = HashSet::new();
        let mut prefixes = Vec::new();
        let mut others = Vec::new();
        for pattern in patterns {
            let head = || Arc::from(pattern.head.as_str());
            match pattern.parts.as_slice() {
                [] => drop(names.insert(head())),
                [open] if open.is_empty() => prefixes.push(head()),
                _ => others.push(pattern.clone()),
            }
        }
        Self { names, prefixes: prefixes.into_iter().collect(), others }
    }
}

impl PatternSet {
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.names.contains(name)
            || self.prefixes.covers(name)
            || self.others.iter().any(|pattern| pattern.matches(name))
    }
}
