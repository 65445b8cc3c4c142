//! Text files, read again only when they may have changed.
//!
//! Must never: take a file for unchanged that could have been written again since it was read, read without an end, or
//! open what may keep it waiting.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The largest file that is read: ten thousand principals are a few MiB, in files of their own.
const LARGEST_FILE: u64 = 16 << 20;

/// All files of one round: who writes more has not meant to, and what is in force stays.
const LARGEST_ROUND: usize = 256 << 20;

/// A file that changed this shortly before it was read may change again without showing it: clocks of file systems are
/// coarse, some count whole seconds.
const UNSETTLED: Duration = Duration::from_secs(2);

/// The files that were read last. Those that nobody asks for any more are forgotten with the next round.
#[derive(Debug, Default)]
pub(crate) struct TextFiles {
    before: HashMap<PathBuf, Kept>,
    now: HashMap<PathBuf, Kept>,
    /// Bytes of this round.
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    stamp: Stamp,
    text: Arc<str>,
}

/// What differs between two states of a file, as far as the file system tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    changed: (i64, i64),
    modified: (i64, i64),
}

impl TextFiles {
    /// A new round begins: every file that is still of interest is asked for once.
    pub(crate) fn begin(&mut self) {
        self.before = std::mem::take(&mut self.now);
        self.bytes = 0;
    }

    /// The text of a file.
    ///
    /// # Errors
    /// It cannot be read, is too large, by itself or with the others, or is not UTF-8.
    pub(crate) fn text(&mut self, path: &Path) -> io::Result<Arc<str>> {
        if self.bytes > LARGEST_ROUND {
            return Err(io::Error::other("the files before it have more than 256 MiB"));
        }
        let text = self.as_it_is(path)?;
        self.bytes = self.bytes.saturating_add(text.len());
        Ok(text)
    }

    /// The text of one file that has changed, outside of any round; nothing where it is gone.
    ///
    /// # Errors
    /// Those of `text`, or it is a link.
    pub(crate) fn alone(&mut self, path: &Path) -> io::Result<Option<Arc<str>>> {
        self.now.remove(path);
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Ok(metadata) if metadata.is_symlink() => Err(io::Error::other("it is a link")),
            _ => self.text(path).map(Some),
        }
    }

    fn as_it_is(&mut self, path: &Path) -> io::Result<Arc<str>> {
        if let Some((own_path, kept)) = self.before.remove_entry(path)
            && std::fs::metadata(path).is_ok_and(|metadata| Stamp::of(&metadata) == kept.stamp)
        {
            let text = Arc::clone(&kept.text);
            self.now.insert(own_path, kept);
            return Ok(text);
        }
        // Looked at before it is read: what changes meanwhile is read again.
        let metadata = std::fs::metadata(path)?;
        let text: Arc<str> = String::from_utf8(bytes(path)?).map_err(|_| not_text())?.into();
        if is_settled(&metadata) {
            self.now.insert(path.to_owned(), Kept { stamp: Stamp::of(&metadata), text: Arc::clone(&text) });
        }
        Ok(text)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// The content of a file.
///
/// # Errors
/// It cannot be read, is no regular file, or is too large.
pub(crate) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    // Whoever opens a pipe waits for who writes to it, and nothing would be looked at any more.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST_FILE.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_FILE {
        return Err(io::Error::other("it has more than 16 MiB"));
    }
    Ok(bytes)
}

fn is_settled(metadata: &Metadata) -> bool {
    let changed = u64::try_from(metadata.ctime()).ok().map(Duration::from_secs);
    let changed = changed.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
    changed.and_then(|changed| changed.elapsed().ok()).is_some_and(|age| age > UNSETTLED)
}

fn not_text() -> io::Error {
    io::Error::other("it is not UTF-8 text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_written_twice_in_one_tick_is_read_twice() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        let mut files = TextFiles::default();
        for text in ["one", "two", "six"] {
            std::fs::write(&path, text).unwrap();
            files.begin();
            assert_eq!(&*files.text(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_settled_file_is_kept_until_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        std::fs::write(&path, "one").unwrap();
        let mut files = TextFiles::default();
        let text: Arc<str> = "from memory".into();
        let stamp = Stamp::of(&std::fs::metadata(&path).unwrap());
        files.now.insert(path.clone(), Kept { stamp, text });
        files.begin();
        assert_eq!(&*files.text(&path).unwrap(), "from memory");
        std::fs::write(&path, "another").unwrap();
        files.begin();
        assert_eq!(&*files.text(&path).unwrap(), "another");
    }

    #[test]
    fn hostile_o1_what_is_no_file_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe.yaml");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let link = directory.path().join("link.yaml");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        let endless = directory.path().join("endless.yaml");
        std::os::unix::fs::symlink("/dev/zero", &endless).unwrap();
        let (told, answer) = std::sync::mpsc::sync_channel(1);
        let paths = [pipe, link, endless, directory.path().to_owned(), "/dev/tty".into()];
        std::thread::spawn(move || told.send(paths.map(|path| TextFiles::default().text(&path).is_err())));
        assert_eq!(answer.recv_timeout(Duration::from_secs(5)), Ok([true; 5]));
    }

    #[test]
    fn hostile_o1_many_large_files_have_an_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("large.yaml");
        std::fs::write(&path, "#".repeat(16 << 20)).unwrap();
        let mut files = TextFiles::default();
        files.begin();
        let read = (0..20).take_while(|_| files.text(&path).is_ok()).count();
        assert_eq!(read, 17);
        files.begin();
        assert!(files.text(&path).is_ok(), "the next round begins anew");
    }

    #[test]
    fn a_file_that_nobody_asks_for_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        std::fs::write(&path, "one").unwrap();
        let mut files = TextFiles::default();
        let stamp = Stamp::of(&std::fs::metadata(&path).unwrap());
        files.now.insert(path, Kept { stamp, text: "one".into() });
        files.begin();
        files.begin();
        assert!(files.before.is_empty() && files.now.is_empty());
    }
}
