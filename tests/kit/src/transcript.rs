//! Every byte that went to a client, in plaintext, one file for each connection, and the search for planted names.
//!
//! `Edge` is what Weir sent. `Direct` is what brokers sent to the kit itself: the same search must find every planted
//! name there, else it proves nothing. Files stay under `target/transcripts` until the next run of the same binary
//! cleans up, so that `leakscan` can search all of a whole `make test`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::paths;

/// Who sent the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Weir, to a client.
    Edge,
    /// A broker, to the kit: the control.
    Direct,
}

impl Side {
    fn suffix(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Direct => "direct",
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
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let dir = dir();
        fs::create_dir_all(&dir).expect("target/transcripts can be made");
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number:06}.{}", std::process::id(), side.suffix());
        Self { file: File::create(dir.join(name)).expect("a transcript can be written") }
    }

    /// Adds what came.
    pub fn add(&mut self, bytes: &[u8]) {
        self.file.write_all(bytes).expect("a transcript can be written");
    }
}

/// Plants a name: it must be found on the direct side, and never on the edge side, of the whole run.
pub fn plant(name: &str) {
    assert!(name.len() >= 6 && !name.contains('\n'), "{name:?} is too short to be searched for");
    fs::create_dir_all(dir()).expect("target/transcripts can be made");
    let mut file = File::options().create(true).append(true).open(dir().join("planted")).expect("planted is writable");
    // One write: several test threads append to this file.
    file.write_all(format!("{name}\n").as_bytes()).expect("planted is writable");
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

/// Searches the transcripts of all processes that wrote to this target directory since the last `clear`.
pub fn search() -> io::Result<Findings> {
    search_in(&dir())
}

/// Removes all transcripts and planted names.
pub fn clear() -> io::Result<()> {
    match fs::remove_dir_all(dir()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether `needle` is anywhere in `haystack`.
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return true };
    let mut left = haystack;
    while let Some(at) = left.iter().position(|byte| byte == first) {
        left = &left[at + 1..];
        if left.starts_with(rest) {
            return true;
        }
    }
    false
}

fn search_in(dir: &Path) -> io::Result<Findings> {
    let planted = fs::read_to_string(dir.join("planted"))?;
    let names: BTreeSet<&str> = planted.lines().collect();
    let mut unseen = names.clone();
    let mut found = Findings { names: names.len(), ..Findings::default() };
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let edge = path.extension().is_some_and(|kind| kind == Side::Edge.suffix());
        if !edge && path.extension().is_none_or(|kind| kind != Side::Direct.suffix()) {
            continue;
        }
        let bytes = fs::read(&path)?;
        if edge {
            found.edges.0 += 1;
            found.edges.1 += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let leaked = names.iter().filter(|name| contains(&bytes, name.as_bytes()));
            found.leaked.extend(leaked.map(|name| (name.to_string(), path.clone())));
        } else {
            unseen.retain(|name| !contains(&bytes, name.as_bytes()));
        }
    }
    found.unseen = unseen.into_iter().map(String::from).collect();
    Ok(found)
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
        fs::write(dir.path().join("planted"), "hidden-a\nhidden-b\nhidden-a\n").unwrap();
        fs::write(dir.path().join("1-0.direct"), b"\0\0hidden-ahiddenhidden-").unwrap();
        fs::write(dir.path().join("1-1.edge"), b"hhidden-hidden-b\xff").unwrap();
        fs::write(dir.path().join("1-2.edge"), b"nothing").unwrap();
        let found = search_in(dir.path()).unwrap();
        assert_eq!(found.leaked, vec![("hidden-b".to_string(), dir.path().join("1-1.edge"))]);
        assert_eq!(found.unseen, vec!["hidden-b".to_string()]);
        assert_eq!((found.names, found.edges.0), (2, 2));
    }
}
