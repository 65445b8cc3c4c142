//! Where what was rendered goes: into a directory, or to standard output.
//!
//! Must never: leave a file half written, or change one whose content is the same.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// One file.
pub(super) struct Rendered<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) is_program: bool,
}

/// Writes them all; each is there whole or as it was before.
///
/// # Errors
/// Which one was not written, and why.
pub(super) fn write(directory: &Path, files: &[Rendered<'_>]) -> Result<(), String> {
    let failed = |path: &Path, error: io::Error| format!("{} cannot be written: {error}", path.display());
    fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
    for file in files {
        let path = directory.join(file.name);
        write_one(&path, file).map_err(|error| failed(&path, error))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Prints them, each behind a line with its name: `#` begins a comment in all of them.
///
/// # Errors
/// Standard output takes no more.
pub(super) fn print(files: &[Rendered<'_>]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (at, file) in files.iter().enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        write!(out, "{gap}# ---- {}\n{}", file.name, file.text)?;
    }
    out.flush()
}

fn write_one(path: &Path, file: &Rendered<'_>) -> io::Result<()> {
    let mode = if file.is_program { 0o755 } else { 0o644 };
    if fs::read(path).is_ok_and(|old| old == file.text.as_bytes()) {
        return fs::set_permissions(path, Permissions::from_mode(mode));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = Path::new(&beside);
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(beside);
    let written = made.and_then(|mut new| {
        new.set_permissions(Permissions::from_mode(mode))?;
        new.write_all(file.text.as_bytes())?;
        new.sync_all()?;
        fs::rename(beside, path)
    });
    written.inspect_err(|_| drop(fs::remove_file(beside)))
}
