//! Every byte that went to a client, in plaintext, one file for each connection, and the search for planted names.
//!
//! `Edge` is what Weir sent. `Direct` is what brokers sent to the kit itself: the same search must find every planted
//! name there, else it proves nothing. Files stay under `target/transcripts`, so that `leakscan` can search all of a
//! whole `make test`; those older than a day are removed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use aho_corasick::AhoCorasick;

use crate::paths;

/// Who sent the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Weir, to a client.
    Edge,
    /// A broker, to the kit: the control.
    Direct,
    /// A client, to Weir: kept for whoever must understand a failure, and not searched.
    Sent,
}

impl Side {
    fn suffix(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Direct => "direct",
            Self::Sent => "sent",
        }
    }
}

/// The bytes of one connection, in the order in which they came.
#[derive(Debug)]
pub struct Transcript {
    file: File,
}

impl Transcript {
    /// A new one.
    pub fn new(side: Side) -> Self {
        Self::named(side, "")
    }

    /// A new one, of a connection to this port: its file's name ends with it.
    pub fn at(side: Side, port: u16) -> Self {
        Self::named(side, &format!("-{port}"))
    }

    fn named(side: Side, name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        if number == 0 {
            forget(&dir());
        }
        Self {
            file: File::create(own(&format!("{number:06}{name}.{}", side.suffix())))
                .expect("a transcript can be written"),
        }
    }

    /// Adds what came.
    pub fn add(&mut self, bytes: &[u8]) {
        self.file.write_all(bytes).expect("a transcript can be written");
    }
}

/// Plants a name: it must be found on the direct side, and never on the edge side, of the whole run.
pub fn plant(name: &str) {
    assert!(name.len() >= 6 && !name.contains('\n'), "{name:?} is too short to be searched for");
    let path = own("names.planted");
    let mut file = File::options().create(true).append(true).open(path).expect("planted names can be written");
    // One write: several test threads append to this file.
    file.write_all(format!("{name}\n").as_bytes()).expect("planted names can be written");
}

/// What a search found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Findings {
    /// Planted names that a client was sent, each with the file that holds it.
    pub leaked: Vec<(String, PathBuf)>,
    /// Planted names that not even the direct side shows: the search proves nothing about them.
    pub unseen: Vec<String>,
    /// Names that were searched for.
    pub names: usize,
    /// Connections to Weir that were searched, and their bytes.
    pub edges: (usize, u64),
}

/// Searches the transcripts of all test processes since the last `clear`.
pub fn search_all() -> io::Result<Findings> {
    search_in(&dir(), "")
}

/// Searches the transcripts of this test process.
pub fn search() -> io::Result<Findings> {
    search_in(&dir(), &prefix())
}

/// The transcripts of this test process that hold this text.
pub fn holding(side: Side, text: &str) -> io::Result<Vec<PathBuf>> {
    let searcher = AhoCorasick::new([text]).map_err(io::Error::other)?;
    let files = files(&dir(), &prefix(), side.suffix())?;
    Ok(files
        .into_iter()
        .filter(|path| fs::read(path).is_ok_and(|bytes| !which(&searcher, &bytes).is_empty()))
        .collect())
}

/// Removes all transcripts and planted names.
pub fn clear() -> io::Result<()> {
    match fs::remove_dir_all(dir()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn search_in(dir: &Path, prefix: &str) -> io::Result<Findings> {
    let names = planted(dir, prefix)?;
    // All names in one pass: what a whole run sends is a gigabyte.
    let searcher = AhoCorasick::new(&names).map_err(io::Error::other)?;
    let mut shown = BTreeSet::new();
    for path in files(dir, prefix, Side::Direct.suffix())? {
        shown.extend(which(&searcher, &fs::read(path)?));
    }
    let unseen = (0..names.len()).filter(|name| !shown.contains(name)).map(|name| names[name].clone()).collect();
    let mut found = Findings { names: names.len(), unseen, ..Findings::default() };
    for path in files(dir, prefix, Side::Edge.suffix())? {
        let bytes = fs::read(&path)?;
        found.edges.0 += 1;
        found.edges.1 += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        found.leaked.extend(which(&searcher, &bytes).into_iter().map(|name| (names[name].clone(), path.clone())));
    }
    Ok(found)
}

/// Every planted name, once.
fn planted(dir: &Path, prefix: &str) -> io::Result<Vec<String>> {
    let mut names = BTreeSet::new();
    for path in files(dir, prefix, "planted")? {
        names.extend(fs::read_to_string(path)?.lines().map(String::from));
    }
    Ok(names.into_iter().collect())
}

/// The names that are anywhere in these bytes, one that stands in another one too.
fn which(searcher: &AhoCorasick, bytes: &[u8]) -> BTreeSet<usize> {
    searcher.find_overlapping_iter(bytes).map(|hit| hit.pattern().as_usize()).collect()
}

/// Files of this kind whose name begins so.
fn files(dir: &Path, prefix: &str, kind: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(prefix) && path.extension().is_some_and(|ending| ending == kind) {
            found.push(path);
        }
    }
    Ok(found)
}

fn forget(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age.as_secs() > 24 * 3600) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A file of this test process.
fn own(name: &str) -> PathBuf {
    let dir = dir();
    fs::create_dir_all(&dir).expect("target/transcripts can be made");
    dir.join(format!("{}{name}", prefix()))
}

fn prefix() -> String {
    format!("{}-", std::process::id())
}

fn dir() -> PathBuf {
    paths::target().join("transcripts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_found_and_a_name_without_control_is_told() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("1-names.planted"), "hidden-a\nhidden-b\nhidden-a\ndden-b\n").unwrap();
        fs::write(dir.path().join("1-0.direct"), b"\0\0hidden-ahiddenhidden-dden-b").unwrap();
        fs::write(dir.path().join("1-1.edge"), b"hhidden-hidden-b\xff").unwrap();
        fs::write(dir.path().join("1-2.edge"), b"nothing").unwrap();
        let found = search_in(dir.path(), "").unwrap();
        let leak = |name: &str| (name.to_string(), dir.path().join("1-1.edge"));
        assert_eq!(found.leaked, vec![leak("dden-b"), leak("hidden-b")], "a name within a name");
        assert_eq!(found.unseen, vec!["hidden-b".to_string()]);
        assert_eq!((found.names, found.edges), (3, (2, 24)));
        assert_eq!(search_in(dir.path(), "2-").unwrap(), Findings::default(), "another process");
    }
}
