//! `weir audit verify`: walks the chain through all files that are there.
//!
//! Must never: change a file, or call whole what it did not look at.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::chain::{Broken, Chain};
use super::files::{self, ClosedDay, INDEX};

/// What was found of a chain that is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The files, the oldest first, each with its lines.
    pub files: Vec<(String, u64)>,
    /// Lines of all files.
    pub lines: u64,
    /// Days that the index knows and whose files are gone.
    pub deleted: u64,
    /// The last line's number and hash. To keep them elsewhere is the only way to know later that nothing was cut off
    /// the end.
    pub seq: u64,
    /// See `seq`.
    pub hash: String,
    /// Half a line stands at the end: the process writes it now, or ended while it did.
    pub half_line: bool,
}

/// Why a chain is not whole.
#[derive(Debug, thiserror::Error)]
pub enum NotWhole {
    /// A file or the directory cannot be read.
    #[error("{path}: {source}; name the directory of `audit.directory`, and run this as a user who may read it")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The first line that is not as it was written.
    #[error("{file}:{line}: {what}")]
    Break {
        /// Its file's name.
        file: String,
        /// The line's number in the file, from 1.
        line: u64,
        /// What is wrong.
        what: Broken,
    },
    /// A day's file does not end where the index says.
    #[error("{file}:{line}: the day had {lines} lines and ended with another: lines are missing at the end")]
    Short {
        /// The file.
        file: String,
        /// Its last line's number.
        line: u64,
        /// How many it had.
        lines: u64,
    },
    /// A file is gone, and older ones are there.
    #[error("{file}: the file is gone, though older ones are there")]
    Gone {
        /// Which.
        file: String,
    },
    /// A file is not in the index, and newer ones are there.
    #[error("{file}:1: the index knows of no such day")]
    Unknown {
        /// Which.
        file: String,
    },
}

/// Looks at every line of an audit's directory.
///
/// # Errors
/// The first break of the chain, or what cannot be read.
pub fn verify(directory: &Path) -> Result<Found, NotWhole> {
    let closed = index(directory)?;
    let days = files::days(directory).map_err(|source| unreadable(directory, source))?;
    let mut there: Vec<String> = days.into_iter().map(|(day, _)| files::name_of(day)).collect();
    let mut chain = Chain::beginning();
    let mut found = Found::default();
    for day in &closed {
        if there.first() != Some(&day.file) {
            if !found.files.is_empty() {
                return Err(NotWhole::Gone { file: day.file.clone() });
            }
            found.deleted = found.deleted.saturating_add(1);
        } else {
            let file = there.remove(0);
            let walked = walk(directory, &file, &mut chain, &mut found)?;
            if chain.seq != day.last || chain.hash != day.ends {
                let lines = day.last.saturating_sub(day.first).saturating_add(1);
                return Err(NotWhole::Short { file, line: walked, lines });
            }
        }
        chain = Chain { seq: day.last, hash: day.ends.clone() };
    }
    // At most one day is not over.
    if there.len() > 1 {
        return Err(NotWhole::Unknown { file: there.remove(0) });
    }
    for file in there {
        walk(directory, &file, &mut chain, &mut found)?;
    }
    (found.seq, found.hash) = (chain.seq, chain.hash);
    Ok(found)
}

/// The days that are over; each begins where the one before it ended.
fn index(directory: &Path) -> Result<Vec<ClosedDay>, NotWhole> {
    let path = directory.join(INDEX);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.map_err(|source| unreadable(&path, source))?,
    };
    let mut days: Vec<ClosedDay> = Vec::new();
    let mut chain = Chain::beginning();
    let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
    for (number, line) in (1..).zip(whole.lines()) {
        let broken = |what| NotWhole::Break { file: INDEX.to_owned(), line: number, what };
        let day: ClosedDay = serde_json::from_str(line).map_err(|_| broken(Broken::NotALine))?;
        if day.begins != chain.hash || day.first.checked_sub(1) != Some(chain.seq) {
            return Err(broken(Broken::NotNext));
        }
        chain = Chain { seq: day.last, hash: day.ends.clone() };
        days.push(day);
    }
    Ok(days)
}

/// Follows the chain through a file, and says how many lines it has.
fn walk(directory: &Path, file: &str, chain: &mut Chain, found: &mut Found) -> Result<u64, NotWhole> {
    let path = directory.join(file);
    let mut reader = BufReader::new(File::open(&path).map_err(|source| unreadable(&path, source))?);
    let mut lines: u64 = 0;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes).map_err(|source| unreadable(&path, source))?;
        let Some(line) = bytes.strip_suffix(b"\n") else {
            found.half_line |= read > 0;
            break;
        };
        lines = lines.saturating_add(1);
        let followed = std::str::from_utf8(line).map_err(|_| Broken::NotALine).and_then(|line| chain.follow(line));
        followed.map_err(|what| NotWhole::Break { file: file.to_owned(), line: lines, what })?;
    }
    found.lines = found.lines.saturating_add(lines);
    found.files.push((file.to_owned(), lines));
    Ok(lines)
}

fn unreadable(path: &Path, source: io::Error) -> NotWhole {
    NotWhole::Unreadable { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::chain::tests::lines;
    use crate::audit::files::Files;
    use time::macros::date;

    /// Three days of two lines each.
    fn three_days() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let mut files = Files::open(directory.path()).unwrap();
        let mut day = date!(2026 - 11 - 19);
        for two in lines(6).chunks(2) {
            let seal = |chain: &mut Chain, out: &mut Vec<u8>| {
                out.extend_from_slice(format!("{}\n{}\n", two[0], two[1]).as_bytes());
                *chain = Chain::of(&two[1]).unwrap().0;
            };
            files.append(day, seal).unwrap();
            day = day.next_day().unwrap();
        }
        directory
    }

    /// What is said once a file was changed.
    fn after(file: &str, change: impl Fn(&str) -> String) -> String {
        let directory = three_days();
        let path = directory.path().join(file);
        fs::write(&path, change(&fs::read_to_string(&path).unwrap())).unwrap();
        verify(directory.path()).map_or_else(|error| error.to_string(), |found| format!("{found:?}"))
    }

    #[test]
    fn the_first_break_is_told_with_its_file_and_line() {
        let directory = three_days();
        let found = verify(directory.path()).unwrap();
        assert_eq!((found.lines, found.files.len(), found.deleted, found.half_line), (6, 3, 0, false));
        let first = "audit-2026-11-19.jsonl";
        let changed = "the line is not the one that was written: its hash is another";
        let not_next = "the line does not follow the one before it";
        let second_line = |text: &str| text.split_once('\n').unwrap().1.to_owned();
        assert_eq!(after(first, |text| text.replace("tool.1", "tool.9")), format!("{first}:2: {changed}"));
        assert_eq!(after(first, second_line), format!("{first}:1: {not_next}"));
        let swapped = |text: &str| text.lines().rev().map(|line| format!("{line}\n")).collect();
        assert_eq!(after(first, swapped), format!("{first}:1: {not_next}"));
        let first_line = |text: &str| text.lines().next().unwrap().to_owned() + "\n";
        let short = "the day had 2 lines and ended with another: lines are missing at the end";
        assert_eq!(after(first, first_line), format!("{first}:1: {short}"));
        assert_eq!(after(first, |_| String::new()), format!("{first}:0: {short}"));
        assert_eq!(after(INDEX, second_line), format!("{INDEX}:1: {not_next}"));
        assert_eq!(after(INDEX, first_line), "audit-2026-11-20.jsonl:1: the index knows of no such day");
        assert!(after("audit-2026-11-21.jsonl", |text| format!("{text}{{\"sche")).contains("half_line: true"));
    }

    #[test]
    fn old_files_may_be_gone_and_no_other() {
        let directory = three_days();
        let path = |day| directory.path().join(format!("audit-2026-11-{day}.jsonl"));
        let second = fs::read(path(20)).unwrap();
        fs::remove_file(path(20)).unwrap();
        let error = verify(directory.path()).unwrap_err().to_string();
        assert_eq!(error, "audit-2026-11-20.jsonl: the file is gone, though older ones are there");
        fs::write(path(20), second).unwrap();
        fs::remove_file(path(19)).unwrap();
        let found = verify(directory.path()).unwrap();
        assert_eq!((found.lines, found.deleted, found.seq), (4, 1, 6));
    }
}
