//! From files to what they say: which streams there are, and which of them EventStreams lets out.
//!
//! Must never: take a stream as allowed because no file has an allow-list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::findings::{Findings, Place};
use super::setting::{Setting, is_setting};
use super::tree::{self, Node, Tree};

/// How deep in a file the service's configuration may stand: `services[].conf` and `main_app.conf` are common.
const DEEPEST: usize = 6;

/// All that the files say.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    streams: BTreeMap<String, Vec<Setting>>,
    patterns: BTreeMap<String, Place>,
    defaults: BTreeMap<String, Setting>,
    allowed: Option<Vec<(String, Place)>>,
}

/// Stream configurations that disagree, by where they stand.
pub(super) struct Disagreement(pub(super) Place, pub(super) Place);

impl Gathered {
    /// Reads the files, in any order.
    ///
    /// # Errors
    /// A file cannot be read, or holds nothing of EventStreams.
    pub(super) fn read(files: &[PathBuf]) -> Result<Self, String> {
        let mut roots = Vec::new();
        for file in files {
            roots.push((file.display().to_string(), tree::read(file)?));
        }
        let mut gathered = Self::default();
        let mut bare = Vec::new();
        let mut paths = BTreeSet::new();
        for (file, root) in &roots {
            let mut holders = Vec::new();
            find_holders(root, 0, &mut holders);
            if holders.is_empty() {
                bare.push((file, root));
            }
            for holder in holders {
                paths.extend(holder.value.get("stream_config_object_path").and_then(|node| node.value.text()));
                gathered.take_holder(file, holder)?;
            }
        }
        for (file, root) in bare {
            let below = paths.iter().find_map(|path| at_path(root, path));
            gathered.take_bare(file, below.unwrap_or(root))?;
        }
        Ok(gathered)
    }

    /// The streams that may be imported, sorted, each with where that is said.
    ///
    /// # Errors
    /// There is no allow-list, or nothing but one.
    pub(super) fn wanted(&self, all: bool, findings: &mut Findings) -> Result<Vec<(String, Place)>, String> {
        if self.streams.is_empty() && self.defaults.is_empty() && self.patterns.is_empty() {
            return Err("no file says which topics the streams have; add the stream configuration".to_owned());
        }
        for (pattern, place) in &self.patterns {
            findings.note(place, pattern, "a pattern: EventStreams serves none, and none is imported");
        }
        let Some(allowed) = &self.allowed else {
            if !all {
                let fix = "add the service's configuration that does, or `--all-streams` to import every stream";
                return Err(format!("no file has an allow-list (`allowed_streams`); {fix}"));
            }
            let first =
                |(name, settings): (&String, &Vec<Setting>)| Some((name.clone(), settings.first()?.place.clone()));
            return Ok(self.streams.iter().filter_map(first).collect());
        };
        let mut wanted = BTreeMap::new();
        for (name, place) in allowed {
            if let Some(first) = wanted.get(name) {
                findings.note(place, name, &format!("it stands twice in the allow-list, first at {first}"));
            } else {
                wanted.insert(name.clone(), place.clone());
            }
        }
        Ok(wanted.into_iter().collect())
    }

    /// What is said of a stream, the service's defaults included. Nothing where no file knows it.
    pub(super) fn setting(&self, stream: &str) -> Option<Result<Setting, Disagreement>> {
        let settings = self.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        let defaults = self.defaults.get(stream);
        let Some((first, rest)) = settings.split_first() else { return defaults.cloned().map(Ok) };
        if let Some(other) = rest.iter().find(|other| !first.agrees(other)) {
            return Some(Err(Disagreement(first.place.clone(), other.place.clone())));
        }
        Some(Ok(defaults.map_or_else(|| first.clone(), |defaults| first.clone().or(defaults))))
    }

    /// Whether a stream has this name, in any file.
    pub(super) fn has(&self, stream: &str) -> bool {
        self.streams.contains_key(stream) || self.defaults.contains_key(stream)
    }

    fn take_holder(&mut self, file: &str, holder: &Node) -> Result<(), String> {
        if let Some(list) = holder.value.get("allowed_streams").filter(|node| node.value != Tree::Nothing) {
            let place = Place { file: file.to_owned(), line: list.referenced.line() };
            let Tree::List(items) = &list.value else {
                return Err(format!("{place}: `allowed_streams` is no list; write the streams' names as a list"));
            };
            if self.allowed.is_some() {
                return Err(format!("{place}: a second allow-list; import one service at a time"));
            }
            let mut allowed = Vec::new();
            for item in items {
                let place = Place { file: file.to_owned(), line: item.referenced.line() };
                let name = item.value.text().filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| format!("{place}: this is no stream's name; write a text"))?;
                allowed.push((name.to_owned(), place));
            }
            self.allowed = Some(allowed);
        }
        for (name, node) in
            holder.value.get("stream_config_defaults").map(|node| node.value.entries()).unwrap_or_default()
        {
            self.defaults.entry(name.clone()).or_insert_with(|| Setting::read(file, node));
        }
        holder.value.get("streams").map_or(Ok(()), |streams| self.take_streams(file, streams))
    }

    /// An object of streams by name, as the service reads it from a file.
    fn take_bare(&mut self, file: &str, root: &Node) -> Result<(), String> {
        let known = root.value.entries().iter().any(|(_, node)| is_setting(&node.value)) || is_list_of_streams(root);
        if !known {
            return Err(format!(
                "{file}: neither an allow-list (`allowed_streams`) nor the settings of a stream (`topics`, \
                 `schema_title`) are in it; name EventStreams' configuration, or its stream configuration"
            ));
        }
        self.take_streams(file, root)
    }

    fn take_streams(&mut self, file: &str, streams: &Node) -> Result<(), String> {
        if let Tree::List(items) = &streams.value {
            for item in items {
                let name = item.value.get("stream").and_then(|node| node.value.text());
                let line = item.referenced.line();
                let name = name.ok_or_else(|| format!("{file}:{line}: a stream without a name; add `stream:`"))?;
                self.take_stream(file, name, item);
            }
        }
        for (name, node) in streams.value.entries() {
            self.take_stream(file, name, node);
        }
        Ok(())
    }

    fn take_stream(&mut self, file: &str, name: &str, node: &Node) {
        if name.starts_with('/') {
            let place = Place { file: file.to_owned(), line: node.referenced.line() };
            self.patterns.entry(name.to_owned()).or_insert(place);
        } else {
            self.streams.entry(name.to_owned()).or_default().push(Setting::read(file, node));
        }
    }
}

/// The objects that hold an allow-list, the service's defaults, or streams.
fn find_holders<'a>(node: &'a Node, depth: usize, found: &mut Vec<&'a Node>) {
    let has = |key: &str| node.value.get(key);
    let has_streams = has("streams").is_some_and(|node| matches!(node.value, Tree::Map(_)) || is_list_of_streams(node));
    let of_service = ["allowed_streams", "stream_config_uri", "stream_config_defaults"];
    if has_streams || of_service.iter().any(|key| has(key).is_some()) {
        found.push(node);
    } else if depth < DEEPEST {
        let items = if let Tree::List(items) = &node.value { items.as_slice() } else { &[] };
        let below = node.value.entries().iter().map(|(_, node)| node).chain(items);
        below.for_each(|node| find_holders(node, depth + 1, found));
    }
}

/// Other lists are called `streams`, too: those of a logger, in the service's own configuration.
fn is_list_of_streams(node: &Node) -> bool {
    matches!(&node.value, Tree::List(items) if items.iter().any(|item| item.value.get("stream").is_some()))
}

/// What a path of keys and dots leads to.
fn at_path<'a>(root: &'a Node, path: &str) -> Option<&'a Node> {
    path.split('.').try_fold(root, |node, key| node.value.get(key))
}
