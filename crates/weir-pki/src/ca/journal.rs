//! The index as a file: one writer at a time, lines only appended, each on the disk before it counts.
//!
//! Must never: write without the lock, report a line that is not on the disk, or throw away what a crash left without
//! keeping it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use super::entry::By;
use super::error::CaError;
use super::index::{Act, Fault, Index, Record};
use crate::files;

/// The file's name.
pub(super) const FILE: &str = "index.jsonl";
/// Longer than anyone who holds the lock needs: a signature and three files.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// The index, locked.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    index: Index,
}

/// The index as it stands. Waits for a writer.
pub(super) fn read(directory: &Path) -> Result<Index, CaError> {
    let path = directory.join(FILE);
    let mut file = File::open(&path).map_err(missing(directory, &path))?;
    patiently(&path, || file.try_lock_shared())?;
    load(&path, &mut file)
}

impl Journal {
    /// A new index with its first line. The caller owns the directory.
    pub(super) fn create(directory: &Path, by: &By, act: Act) -> Result<(), CaError> {
        let path = directory.join(FILE);
        let new = OpenOptions::new().read(true).append(true).create_new(true).mode(files::PUBLIC).open(&path);
        let mut journal = Journal { file: new.map_err(CaError::file(&path))?, path, index: Index::default() };
        journal.record(by, act)
    }

    /// Locks the index, reads it, and cuts off what a crash left of a line. What was cut is kept in a line of its own.
    pub(super) fn lock(directory: &Path, by: &By) -> Result<Journal, CaError> {
        let path = directory.join(FILE);
        let file = OpenOptions::new().read(true).append(true).open(&path);
        let mut file = file.map_err(missing(directory, &path))?;
        patiently(&path, || file.try_lock())?;
        let index = load(&path, &mut file)?;
        let mut journal = Journal { path, file, index };
        if !journal.index.torn.is_empty() {
            let cut = String::from_utf8_lossy(&std::mem::take(&mut journal.index.torn)).into_owned();
            journal.cut_off().map_err(CaError::file(&journal.path))?;
            journal.record(by, Act::Repaired { cut })?;
        }
        Ok(journal)
    }

    /// Writes a line. When this returns, it is on the disk; where it fails, the file is as before.
    pub(super) fn record(&mut self, by: &By, act: Act) -> Result<(), CaError> {
        let record = Record::new(now(), by, act);
        let line = self
            .index
            .encode(&record)
            .map_err(|error| CaError::File { path: self.path.clone(), source: io::Error::other(error) })?;
        if let Err(source) = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data()) {
            // Whoever writes next cuts it off otherwise; the first error is the one to tell.
            let _ = self.cut_off();
            return Err(CaError::File { path: self.path.clone(), source });
        }
        let number = self.index.events.len() + 1;
        self.index.append(record, &line).map_err(|problem| CaError::Index {
            path: self.path.clone(),
            line: number,
            problem,
        })
    }

    /// What the index says now.
    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// Unlocks, and hands over what was read and written.
    pub(super) fn into_index(self) -> Index {
        self.index
    }

    fn cut_off(&self) -> io::Result<()> {
        self.file.set_len(u64::try_from(self.index.whole).map_err(io::Error::other)?)?;
        self.file.sync_data()
    }
}

/// The time, in whole seconds as certificates have it.
pub(super) fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now)
}

fn load(path: &Path, file: &mut File) -> Result<Index, CaError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(CaError::file(path))?;
    Index::read(&bytes).map_err(|Fault { line, problem }| CaError::Index { path: path.to_owned(), line, problem })
}

fn patiently(path: &Path, mut lock: impl FnMut() -> Result<(), TryLockError>) -> Result<(), CaError> {
    let started = Instant::now();
    loop {
        match lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(source)) => return Err(CaError::File { path: path.to_owned(), source }),
            Err(TryLockError::WouldBlock) if started.elapsed() > PATIENCE => {
                return Err(CaError::Busy { path: path.to_owned() });
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
        }
    }
}

fn missing(directory: &Path, path: &Path) -> impl FnOnce(io::Error) -> CaError {
    let (directory, path) = (directory.to_owned(), path.to_owned());
    move |source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            CaError::NotAnAuthority { path: directory, missing: FILE }
        }
        _ => CaError::File { path, source },
    }
}
