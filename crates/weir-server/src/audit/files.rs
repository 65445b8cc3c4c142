//! A file for each day, and one small file that is kept: where each day's chain began and ended.
//!
//! Must never: write behind half a line, delete the file that is written, or delete a day that is not in the index.

#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use super::chain::Chain;

/// The index.
pub(super) const INDEX: &str = "chain.jsonl";
const DAY: &[BorrowedFormatItem<'_>] = format_description!("audit-[year]-[month]-[day].jsonl");
/// More than a line ever has.
const LONGEST_LINE: u64 = 1 << 20;
/// How long another process may hold the index.
const PATIENCE: Duration = Duration::from_secs(1);

/// A day that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClosedDay {
    /// The day's file.
    pub(super) file: String,
    /// The numbers of its first and last line.
    pub(super) first: u64,
    pub(super) last: u64,
    /// The hash that its first line follows, and its last line's.
    pub(super) begins: String,
    pub(super) ends: String,
}

/// The day that is written.
#[derive(Debug)]
struct Open {
    day: Date,
    file: File,
    /// Where its last whole line ends.
    len: u64,
    /// The chain before its first line.
    before: Chain,
    /// A write failed: the file is opened anew for the next, whatever has become of it.
    is_stale: bool,
}

/// The directory, the day that is written, and where the chain stands. A process and its successor may both write: each
/// holds the index locked while it does, and looks what the other one wrote.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    index: File,
    index_len: u64,
    open: Option<Open>,
    chain: Chain,
    cut: u64,
}

impl Files {
    /// Opens a directory, which is made where it is not there.
    ///
    /// # Errors
    /// It cannot be written, or its newest file does not end with a line of an audit.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        if !directory.is_dir() {
            DirBuilder::new().recursive(true).mode(0o750).create(directory)?;
        }
        let index = appending(&directory.join(INDEX))?;
        let chain = Chain::beginning();
        let mut files = Self { directory: directory.to_owned(), index, index_len: 0, open: None, chain, cut: 0 };
        files.locked(Self::look)?;
        Ok(files)
    }

    /// Has lines follow those that are there. `seal` makes them, from where the chain stands; it may be called again
    /// where they could not be written.
    ///
    /// # Errors
    /// They cannot be written; nothing of them is there then.
    pub(super) fn append(&mut self, today: Date, seal: impl FnOnce(&mut Chain, &mut Vec<u8>)) -> io::Result<()> {
        self.locked(|files| {
            files.catch_up()?;
            files.turn_to(today)?;
            let (mut chain, mut lines) = (files.chain.clone(), Vec::new());
            seal(&mut chain, &mut lines);
            let Some(open) = &mut files.open else { return Err(io::Error::other("no day is open")) };
            let written = append_whole(&mut open.file, &mut open.len, &lines);
            open.is_stale = written.is_err();
            written?;
            files.chain = chain;
            Ok(())
        })
    }

    /// Has the system put what was written on the disk.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.open.as_ref().map_or(Ok(()), |open| open.file.sync_data())
    }

    /// How many bytes of half a line were cut off since this was asked last.
    pub(super) fn take_cut(&mut self) -> u64 {
        std::mem::take(&mut self.cut)
    }

    fn locked(&mut self, act: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        let began = Instant::now();
        loop {
            match self.index.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if began.elapsed() > PATIENCE => {
                    return Err(io::Error::other("another process holds the audit and does not let go"));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        let done = act(self);
        self.index.unlock().and(done)
    }

    /// Looks again where a write failed, or somebody else wrote.
    fn catch_up(&mut self) -> io::Result<()> {
        let is_known = self.index.metadata()?.len() == self.index_len
            && self.open.as_ref().is_some_and(|open| {
                let there = fs::metadata(self.directory.join(name_of(open.day)));
                !open.is_stale && there.is_ok_and(|there| there.len() == open.len)
            });
        if is_known { Ok(()) } else { self.look() }
    }

    /// Finds out where the chain stands, and cuts off half a line.
    fn look(&mut self) -> io::Result<()> {
        (self.index_len, _) = cut_half_line(&mut self.index)?;
        let mut chain = match last_line(&mut self.index, self.index_len)? {
            Some(line) => {
                let day: ClosedDay = serde_json::from_str(&line).map_err(|_| not_an_audit(INDEX))?;
                Chain { seq: day.last, hash: day.ends }
            }
            None => Chain::beginning(),
        };
        self.open = None;
        if let Some((day, path)) = days(&self.directory)?.pop() {
            let mut file = appending(&path)?;
            let (len, cut) = cut_half_line(&mut file)?;
            self.cut = self.cut.saturating_add(cut);
            let of = |line: &str| Chain::of(line).map_err(|_| not_an_audit(&path.display().to_string()));
            let first = first_line(&file)?.map(|line| of(&line)).transpose()?;
            let last = last_line(&mut file, len)?.map(|line| of(&line)).transpose()?;
            let before = match (first, last) {
                // A day that is in the index is over.
                (_, Some((last, _))) if last.seq <= chain.seq => None,
                (Some((_, before)), Some((last, _))) => {
                    chain = last;
                    Some(before)
                }
                _ => Some(chain.clone()),
            };
            self.open = before.map(|before| Open { day, file, len, before, is_stale: false });
        }
        // Where lines that this process wrote are gone, those that follow show it.
        if chain.seq >= self.chain.seq {
            self.chain = chain;
        }
        Ok(())
    }

    /// Closes the day before, where another one begins. A clock that goes back begins none.
    fn turn_to(&mut self, today: Date) -> io::Result<()> {
        let chain = self.chain.clone();
        if self.open.as_ref().is_some_and(|open| open.day >= today) {
            return Ok(());
        }
        if let Some(open) = self.open.as_ref().filter(|open| open.before.seq < chain.seq) {
            open.file.sync_all()?;
            let day = ClosedDay {
                file: name_of(open.day),
                first: open.before.seq.saturating_add(1),
                last: chain.seq,
                begins: open.before.hash.clone(),
                ends: chain.hash.clone(),
            };
            let line = format!("{}\n", serde_json::to_string(&day)?);
            append_whole(&mut self.index, &mut self.index_len, line.as_bytes())?;
            self.index.sync_all()?;
            // Somewhere else than in the directory, too.
            tracing::info!(file = day.file, last = day.last, ends = day.ends, "a day of the audit is over");
        } else if let Some(open) = &self.open {
            fs::remove_file(self.directory.join(name_of(open.day)))?;
        }
        self.open = None;
        let (mut day, mut file) = (today, appending(&self.directory.join(name_of(today)))?);
        // A day that is over stays so, whatever the clock says.
        while file.metadata()?.len() > 0 {
            day = day.next_day().ok_or_else(|| io::Error::other("there are no more days"))?;
            file = appending(&self.directory.join(name_of(day)))?;
        }
        File::open(&self.directory)?.sync_all()?;
        self.open = Some(Open { day, file, len: 0, before: chain, is_stale: false });
        Ok(())
    }

    /// Deletes the files of days before this one, and says how many. The day that is written stays.
    ///
    /// # Errors
    /// One cannot be deleted.
    pub(super) fn delete_before(&self, day: Date) -> io::Result<u64> {
        let mut deleted: u64 = 0;
        for (of, path) in days(&self.directory)? {
            if of < day && self.open.as_ref().is_some_and(|open| of < open.day) {
                fs::remove_file(path)?;
                deleted = deleted.saturating_add(1);
            }
        }
        Ok(deleted)
    }
}

/// The name of a day's file.
pub(super) fn name_of(day: Date) -> String {
    day.format(DAY).unwrap_or_default()
}

/// The days that have files, the oldest first.
pub(super) fn days(directory: &Path) -> io::Result<Vec<(Date, PathBuf)>> {
    let entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    let day = |path: PathBuf| Some((Date::parse(path.file_name()?.to_str()?, DAY).ok()?, path));
    let mut days: Vec<_> = entries.into_iter().filter_map(|entry| day(entry.path())).collect();
    days.sort();
    Ok(days)
}

/// The day that it is, in UTC.
pub(super) fn today(now: OffsetDateTime) -> Date {
    now.to_offset(time::UtcOffset::UTC).date()
}

fn not_an_audit(file: &str) -> io::Error {
    io::Error::other(format!("{file} does not end with a line of an audit: move it away to begin anew"))
}

fn appending(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o640).open(path)
}

/// Writes all of it behind what is there, or nothing.
fn append_whole(file: &mut File, len: &mut u64, bytes: &[u8]) -> io::Result<()> {
    let written = file.seek(SeekFrom::Start(*len)).and_then(|_| file.write_all(bytes));
    if let Err(error) = written {
        // Where this fails, too, the next attempt writes over what stands there.
        let _ = file.set_len(*len);
        return Err(error);
    }
    *len = len.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    Ok(())
}

/// Cuts off what stands behind the last whole line: how long the file is then, and how many bytes that was.
fn cut_half_line(file: &mut File) -> io::Result<(u64, u64)> {
    let len = file.seek(SeekFrom::End(0))?;
    let (start, tail) = tail(file, len)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end.saturating_add(1));
    if whole == 0 && start > 0 {
        return Err(io::Error::other("the last line is longer than any line of an audit"));
    }
    let kept = start.saturating_add(u64::try_from(whole).unwrap_or(u64::MAX));
    if kept < len {
        file.set_len(kept)?;
    }
    Ok((kept, len.saturating_sub(kept)))
}

/// The last whole line of a file of this length.
fn last_line(file: &mut File, len: u64) -> io::Result<Option<String>> {
    let (_, tail) = tail(file, len)?;
    let last = tail.strip_suffix(b"\n").and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next());
    Ok(last.map(|line| String::from_utf8_lossy(line).into_owned()))
}

/// The first line of a file.
fn first_line(file: &File) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut at = 0;
    let mut part = [0; 4_096];
    while at < LONGEST_LINE && !head.contains(&b'\n') {
        let read = file.read_at(&mut part, at)?;
        if read == 0 {
            break;
        }
        head.extend_from_slice(part.get(..read).unwrap_or_default());
        at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    let end = head.iter().position(|byte| *byte == b'\n');
    Ok(end.and_then(|end| head.get(..end)).map(|line| String::from_utf8_lossy(line).into_owned()))
}

/// The last bytes of a file, and where they begin.
fn tail(file: &mut File, len: u64) -> io::Result<(u64, Vec<u8>)> {
    let start = len.saturating_sub(LONGEST_LINE);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(len.saturating_sub(start)).read_to_end(&mut tail)?;
    Ok((start, tail))
}
