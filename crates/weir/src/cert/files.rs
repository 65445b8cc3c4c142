//! Where certificates and keys go. Must never: replace a file, leave one half made, or let others read a key.

use std::error::Error;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// A directory that is made here may hold keys.
const DIRECTORY_MODE: u32 = 0o700;
const CERTIFICATE_MODE: u32 = 0o644;
const KEY_MODE: u32 = 0o600;
const GROUP_READS: u32 = 0o040;

/// Files that are there, empty, before the CA does what cannot be undone. They are gone again unless `write` is reached.
pub(super) struct Reserved {
    certificate: Place,
    key: Option<Place>,
    is_written: bool,
}

/// A file that was made here. It stays open: whoever may change the directory could put another one under its name.
struct Place {
    path: PathBuf,
    file: File,
}

impl Reserved {
    /// `DIR/NAME.pem` and, where a key is to be written, `DIR/NAME.key`.
    pub(super) fn take(directory: &Path, name: &str, with_key: bool) -> Result<Self, Box<dyn Error>> {
        let stem = stem(name)?;
        make_directory(directory)?;
        let key = with_key.then(|| directory.join(format!("{stem}.key")));
        Self::at(directory.join(format!("{stem}.pem")), key)
    }

    /// These files.
    pub(super) fn at(certificate: PathBuf, key: Option<PathBuf>) -> Result<Self, Box<dyn Error>> {
        let certificate = Place::reserve(certificate, CERTIFICATE_MODE)?;
        let mut reserved = Self { certificate, key: None, is_written: false };
        if let Some(key) = key {
            reserved.key = Some(Place::reserve(key, KEY_MODE)?);
        }
        Ok(reserved)
    }

    /// Fills them. A certificate of which this fails is in the CA's index, and nobody has it.
    pub(super) fn write(mut self, chain_pem: &str, key_pem: Option<&str>) -> Result<Written, Box<dyn Error>> {
        self.certificate.fill(chain_pem)?;
        if let Some((place, pem)) = self.key.as_mut().zip(key_pem) {
            place.fill(pem)?;
        }
        self.is_written = true;
        let key = self.key.as_ref().map(|key| key.path.clone());
        Ok(Written { certificate: self.certificate.path.clone(), key })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.is_written {
            for place in [Some(&self.certificate), self.key.as_ref()].into_iter().flatten() {
                let _ = fs::remove_file(&place.path);
            }
        }
    }
}

/// Files that are written.
#[derive(Debug)]
pub(super) struct Written {
    /// The certificate and its chain.
    pub(super) certificate: PathBuf,
    /// The key, where it was made here.
    pub(super) key: Option<PathBuf>,
}

/// Replaces a file by renaming, so that nobody reads half of it.
pub(super) fn publish(text: &str, to: &Path) -> Result<(), Box<dyn Error>> {
    replace(text, to, CERTIFICATE_MODE)
}

/// The same for a key.
pub(super) fn replace_key(text: &str, to: &Path) -> Result<(), Box<dyn Error>> {
    replace(text, to, KEY_MODE)
}

fn replace(text: &str, to: &Path, mode: u32) -> Result<(), Box<dyn Error>> {
    let mut beside = to.as_os_str().to_owned();
    // Of this process alone: another that writes the same file must not rename half of ours.
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    // What a crash left may have another mode.
    let _ = fs::remove_file(&beside);
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside);
    let written = made.and_then(|mut file| {
        keep_readers(&file, to, mode)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, to)?;
        // Else a crash could bring back the list without the last revocation.
        weir_pki::sync_directory_of(to)
    });
    if written.is_err() {
        // It is ours and no good; the first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    Ok(written.map_err(|error| format!("{} cannot be written: {error}", to.display()))?)
}

/// Whoever could read the file before can read the new one: Weir's user, where somebody else renews. A group that others
/// gave a key to stays, and nothing wider does.
fn keep_readers(new: &fs::File, old: &Path, mode: u32) -> io::Result<()> {
    let Ok(old) = fs::metadata(old) else { return Ok(()) };
    // Only root may give a file away; without that right the owner is the one who renews, perhaps for the same group.
    let _ = fchown(new, Some(old.uid()), Some(old.gid())).or_else(|_| fchown(new, None, Some(old.gid())));
    new.set_permissions(Permissions::from_mode(mode | kept_rights(old.mode(), old.gid(), new.metadata()?.gid())))
}

/// The group's right to read, where the group is still the one that it was given to.
fn kept_rights(mode: u32, old_group: u32, group: u32) -> u32 {
    if group == old_group { mode & GROUP_READS } else { 0 }
}

/// A file as text, for what somebody else made.
pub(super) fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    Ok(fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?)
}

/// Makes a directory that nobody else can look into; one that is there stays as it is.
pub(super) fn make_directory(directory: &Path) -> Result<(), Box<dyn Error>> {
    let made = DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory);
    Ok(made.map_err(|error| format!("{} cannot be made: {error}", directory.display()))?)
}

/// The name, if a file can have it.
pub(super) fn stem(name: &str) -> Result<&str, Box<dyn Error>> {
    let is_plain = |next: char| next.is_alphanumeric() || matches!(next, '.' | '_' | '-' | '@' | '+');
    if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(is_plain) {
        let name = name.escape_debug();
        return Err(format!(
            "no file can be called `{name}`: name it with letters, digits, `-` and `.` (`--file NAME`)"
        )
        .into());
    }
    Ok(name)
}

impl Place {
    fn reserve(path: PathBuf, mode: u32) -> Result<Self, Box<dyn Error>> {
        let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        let file = made.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                format!("{} is there, and is not replaced: name another directory, or move it away", path.display())
            }
            _ => format!("{} cannot be written: {error}", path.display()),
        })?;
        Ok(Self { path, file })
    }

    fn fill(&mut self, text: &str) -> Result<(), Box<dyn Error>> {
        let filled = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all());
        Ok(filled.map_err(|error| format!("{} cannot be written: {error}", self.path.display()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_a_renewed_key_is_not_opened_to_the_group_of_who_renews() {
        assert_eq!(kept_rights(0o640, 33, 33), GROUP_READS);
        assert_eq!(kept_rights(0o640, 33, 1000), 0, "the system did not let the file go to the old group");
        assert_eq!(kept_rights(0o600, 33, 33), 0);
    }

    #[test]
    fn hostile_a_key_goes_into_the_file_that_was_made_and_not_through_a_link_in_its_place() {
        let temp = tempfile::tempdir().unwrap();
        let (trap, key) = (temp.path().join("trap"), temp.path().join("tool.key"));
        let reserved = Reserved::at(temp.path().join("tool.pem"), Some(key.clone())).unwrap();
        fs::write(&trap, "").unwrap();
        fs::remove_file(&key).unwrap();
        std::os::unix::fs::symlink(&trap, &key).unwrap();
        reserved.write("certificate", Some("key")).unwrap();
        assert_eq!(fs::read_to_string(&trap).unwrap(), "");
    }
}
