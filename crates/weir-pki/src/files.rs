//! Files that appear whole, are on the disk when a call returns, and have the mode that they should.
//!
//! Must never: leave half a file under its name, widen who may read it, or replace what was to be new.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Everyone may read a certificate, only the owner a key.
pub(crate) const PUBLIC: u32 = 0o644;
pub(crate) const PRIVATE: u32 = 0o600;

/// Writes a file that must not be there yet. What could not be written whole is taken away again.
pub(crate) fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // It is ours and no good; the first error is the one to tell.
        let _ = fs::remove_file(path);
    }
    written
}

/// Writes a new file beside `path` and renames it over `path`: the mode holds even where an older file had a wider one,
/// and nobody reads half a file.
pub(crate) fn replace(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(OsString::from(".new"));
    let new = PathBuf::from(name);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write_new(&new, text, mode)?;
    fs::rename(&new, path)?;
    sync_directory_of(path)
}

/// Has the names in the directory of `path` on the disk: a file that was renamed is at its name after a crash, too.
///
/// # Errors
/// What the system said.
pub fn sync_directory_of(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_directory(parent)
}

/// Has the names in a directory on the disk.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
