//! New entries behind those that are there.
//!
//! Must never: change what stands in a catalogue, or write one whose entries are not the old ones and then the new.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::findings::{Findings, Place};
use super::judge::Imported;
use super::tree::{self, Node, Tree};
use crate::catalogue::{Entry, block, whole};

/// What is to be added, and the text with it.
pub(super) struct Added {
    pub(super) entries: Vec<Entry>,
    text: String,
}

/// What a catalogue has.
#[derive(Default)]
struct There<'a> {
    entries: &'a [Node],
    /// Of each topic: its stream, and its schema.
    topics: BTreeMap<&'a str, (&'a str, &'a str)>,
    prefixes: Vec<&'a str>,
}

/// What of the entries a catalogue does not have. One that does not exist has none.
///
/// # Errors
/// The catalogue cannot be read, or nothing can be added to it without touching what is there.
pub(super) fn added(path: &Path, imported: &[Imported], findings: &mut Findings) -> Result<Added, String> {
    if !path.exists() {
        let entries: Vec<Entry> = imported.iter().map(|imported| imported.entry.clone()).collect();
        return Ok(Added { text: whole(entries.iter()), entries });
    }
    let old = tree::text(path)?;
    let root = tree::parse(&path.display().to_string(), &old)?;
    let there = There::read(path, &root)?;
    let new: Vec<Entry> = imported.iter().filter_map(|imported| there.missing(imported, findings)).collect();
    there.tell_gone(path, imported, findings);
    let text = if new.is_empty() { old } else { append(path, &old, &there, &new)? };
    Ok(Added { entries: new, text })
}

impl Added {
    /// Writes the catalogue: beside it first, then in its place.
    ///
    /// # Errors
    /// It was not written, and why.
    pub(super) fn write(&self, path: &Path) -> Result<(), String> {
        self.write_whole(path).map_err(|error| format!("{} cannot be written: {error}", path.display()))
    }

    fn write_whole(&self, path: &Path) -> io::Result<()> {
        // Where the name is a link, what it leads to is written, and the link stays.
        let path = &if path.exists() { fs::canonicalize(path)? } else { path.to_owned() };
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside = directory.join(format!(".catalogue.new-{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        let written = fs::metadata(path)
            .map_or(Ok(()), |old| file.set_permissions(old.permissions()))
            .and_then(|()| file.write_all(self.text.as_bytes()))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written.and_then(|()| File::open(directory)?.sync_all())
    }
}

impl<'a> There<'a> {
    fn read(path: &Path, root: &'a Node) -> Result<Self, String> {
        let entries = match root.value.get("streams").map(|node| &node.value) {
            Some(Tree::List(entries)) => entries.as_slice(),
            _ => return Err(format!("{}: this is no catalogue: it has no list `streams`", path.display())),
        };
        let mut there = Self { entries, ..Self::default() };
        for entry in entries {
            let text = |key: &str| entry.value.get(key).and_then(|node| node.value.text());
            let (stream, schema) = (text("stream").unwrap_or_default(), text("schema").unwrap_or_default());
            let topics = entry.value.get("topics").and_then(|node| node.value.texts()).unwrap_or_default();
            there.topics.extend(topics.into_iter().map(|topic| (topic, (stream, schema))));
            there.prefixes.extend(text("prefix"));
        }
        Ok(there)
    }

    /// The part of an entry that is not there. Where a part is there, somebody decided on that part alone.
    fn missing(&self, imported: &Imported, findings: &mut Findings) -> Option<Entry> {
        let Imported { entry, place } = imported;
        let mut new = Vec::new();
        for topic in &entry.topics {
            match self.remark(entry, topic) {
                None => new.push(topic.clone()),
                Some(None) => {}
                Some(Some(remark)) => findings.note(place, &entry.stream, &remark),
            }
        }
        if !new.is_empty() && new.len() < entry.topics.len() {
            let what = format!("{} came to it: the decision on its other topics does not count there", new.join(", "));
            findings.note(place, &entry.stream, &what);
        }
        (!new.is_empty()).then(|| Entry { topics: new, ..entry.clone() })
    }

    /// Nothing where the catalogue does not have the topic; otherwise what of it is not as imported, if something is.
    fn remark(&self, entry: &Entry, topic: &str) -> Option<Option<String>> {
        let Some((stream, schema)) = self.topics.get(topic) else {
            let prefix = self.prefixes.iter().find(|prefix| topic.starts_with(**prefix))?;
            return Some(Some(format!("the catalogue has its topic `{topic}` by the prefix `{prefix}`: that stays")));
        };
        if *stream != entry.stream {
            return Some(Some(format!("the catalogue has its topic `{topic}` in the stream `{stream}`: that stays")));
        }
        let differs = *schema != entry.schema;
        let what = || format!("the catalogue has `{topic}` with the schema `{schema}`, the import `{}`", entry.schema);
        Some(differs.then(|| what() + ": that stays; look at it again"))
    }

    /// Streams that the catalogue has and the import does not: they stay, and somebody should know.
    fn tell_gone(&self, path: &Path, imported: &[Imported], findings: &mut Findings) {
        for entry in self.entries {
            let Some(stream) = entry.value.get("stream").and_then(|node| node.value.text()) else { continue };
            if imported.iter().all(|imported| imported.entry.stream != stream) {
                let place = Place { file: path.display().to_string(), line: entry.referenced.line() };
                findings.note(&place, stream, "it stays in the catalogue, and the import does not have it");
            }
        }
    }
}

/// The old text, byte by byte, and the new entries behind it.
fn append(path: &Path, old: &str, there: &There<'_>, new: &[Entry]) -> Result<String, String> {
    let text = match there.entries.first() {
        // The mapping of an entry begins two columns behind its dash.
        Some(first) => {
            let column = usize::try_from(first.referenced.column()).unwrap_or_default().saturating_sub(3);
            format!("{}\n{}", old.trim_end_matches('\n'), block(column, new.iter()))
        }
        None => old.replacen("streams: []\n", "streams:\n", 1) + &block(2, new.iter()),
    };
    let whole = tree::parse(&path.display().to_string(), &text).ok();
    let entries = whole.as_ref().and_then(|root| root.value.get("streams")).map(|node| &node.value);
    let is_sound = matches!(entries, Some(Tree::List(all)) if all.starts_with(there.entries)
        && all.len() == there.entries.len() + new.len());
    let own = whole.as_ref().map(|root| root.value.entries().len()) == Some(1);
    if is_sound && own {
        return Ok(text);
    }
    Err(format!(
        "{}: nothing can be added behind the entries that are there; write them as a block, each `- stream:` on a line \
         of its own, with nothing after the last one",
        path.display()
    ))
}
