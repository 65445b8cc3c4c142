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

    /// Those that begin with this prefix, sorted.
    pub(crate) fn within<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.0.partition_point(|other| &**other < prefix);
        let rest = self.0.get(from..).unwrap_or_default().iter().map(|other| &**other);
        rest.take_while(move |other| other.starts_with(prefix))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The prefixes, sorted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|prefix| &**prefix)
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

    /// The text that it was made of.
    pub(crate) fn text(&self) -> String {
        let parts = self.parts.iter().map(String::as_str);
        std::iter::once(self.head.as_str()).chain(parts).collect::<Vec<_>>().join("*")
    }

    /// Whether it matches every name that begins so.
    fn swallows(&self, prefix: &str) -> bool {
        self.parts.last().is_some_and(String::is_empty) && self.matches(prefix)
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
    others: Scan,
}

impl<'a> FromIterator<&'a Pattern> for PatternSet {
    fn from_iter<I: IntoIterator<Item = &'a Pattern>>(patterns: I) -> Self {
        let mut set = Self::default();
        let mut prefixes = Vec::new();
        for pattern in patterns {
            let head = || Arc::from(pattern.head.as_str());
            match pattern.parts.as_slice() {
                [] => drop(set.names.insert(head())),
                [open] if open.is_empty() => prefixes.push(head()),
                _ => set.others.add(pattern),
            }
        }
        set.prefixes = prefixes.into_iter().collect();
        set
    }
}

impl PatternSet {
    /// Whether one of them matches. All are tried, so that the time does not tell.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.names.contains(name) | self.prefixes.covers(name) | self.others.matches(name)
    }

    /// The patterns, as globs, in no order. Of prefixes the shortest.
    pub(crate) fn texts(&self) -> impl Iterator<Item = String> {
        let names = self.names.iter().map(|name| name.to_string());
        let prefixes = self.prefixes.iter().map(|prefix| format!("{prefix}*"));
        names.chain(prefixes).chain(self.others.0.iter().flatten().map(|(_, pattern)| pattern.text()))
    }

    /// Whether one of the patterns matches every name that begins so.
    pub(crate) fn swallows(&self, prefix: &str) -> bool {
        self.prefixes.covers(prefix) || self.others.0.iter().flatten().any(|(_, pattern)| pattern.swallows(prefix))
    }
}

/// Patterns that can begin anywhere, tried in one walk over the name: each by its longest text, which a name that
/// matches must hold, under the first byte of that text.
#[derive(Clone, Debug, Default)]
struct Scan(Vec<Vec<(String, Pattern)>>);

impl Scan {
    fn add(&mut self, pattern: &Pattern) {
        let texts = std::iter::once(&pattern.head).chain(&pattern.parts);
        let longest = texts.max_by_key(|text| text.len()).cloned().unwrap_or_default();
        self.0.resize(256, Vec::new());
        // Only stars have no first byte, and compiling refuses those.
        let first = longest.bytes().next().unwrap_or_default();
        if let Some(tried) = self.0.get_mut(usize::from(first)) {
            tried.push((longest, pattern.clone()));
        }
    }

    fn matches(&self, name: &str) -> bool {
        let bytes = name.as_bytes();
        bytes.iter().enumerate().fold(false, |matched, (at, first)| {
            let tried = self.0.get(usize::from(*first)).into_iter().flatten();
            let from_here = bytes.get(at..).unwrap_or_default();
            tried.into_iter().fold(matched, |matched, (text, pattern)| {
                matched | (from_here.starts_with(text.as_bytes()) && pattern.matches(name))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(patterns: &[&str]) -> PatternSet {
        let patterns: Vec<_> = patterns.iter().map(|text| Pattern::new(text)).collect();
        patterns.iter().collect()
    }

    #[test]
    fn stars_stand_for_any_text_the_empty_one_too() {
        let set = set(&["name", "pre*", "*suf", "*mid*", "a*b*a", "x**y"]);
        for name in ["name", "pre", "prefix", "suf", "a.suf", "mid", "a.mid.b", "aba", "a1b2a", "xy", "x1y"] {
            assert!(set.matches(name), "{name}");
        }
        for name in ["", "names", "a.name", "pr", "sup", "suffix", "mi.d", "ab", "aa", "ba", "xz", "1xy1"] {
            assert!(!set.matches(name), "{name}");
        }
    }

    #[test]
    fn head_and_tail_may_not_share_a_letter() {
        assert!(!set(&["aba*aba"]).matches("aba"));
        assert!(!set(&["aba*aba"]).matches("ababa"));
        assert!(set(&["aba*aba"]).matches("abaaba"));
    }

    #[test]
    fn of_prefixes_the_shortest_is_kept() {
        let set: PrefixSet = ["ab", "a", "b.c", "abc", "b"].into_iter().map(Arc::from).collect();
        assert_eq!(set.0.len(), 2);
        for name in ["a", "abz", "b", "b.d"] {
            assert!(set.covers(name), "{name}");
        }
        for name in ["", "A", "c", "`a"] {
            assert!(!set.covers(name), "{name}");
        }
    }
}
