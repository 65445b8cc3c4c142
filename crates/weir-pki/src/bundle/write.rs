//! A bundle's way into a directory or a zip file.
//!
//! Must never: leave half a bundle under its name, replace what is there, or let anybody else read a key on the way.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Bundle, BundleError, Mode};
use crate::files;

/// The owner alone looks into a bundle.
const DIRECTORY_MODE: u32 = 0o700;

impl Bundle {
    /// Writes the bundle as a zip file where the name ends in `.zip`, else as a directory, whole or not at all. What does
    /// not hold a key is still in a place that its owner alone may enter.
    ///
    /// # Errors
    /// Something has that name already; the disk.
    pub fn write(&self, target: &Path) -> Result<(), BundleError> {
        let is_zip = target.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
        if is_zip { self.write_zip(target) } else { self.write_directory(target) }
    }

    fn write_directory(&self, target: &Path) -> Result<(), BundleError> {
        let new = Unfinished::beside(target)?;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BundleError::Write { path, source }
        };
        new.make_directory().map_err(failed(&new.path))?;
        for file in self.files() {
            let path = new.path.join(&file.path);
            let parent = path.parent().unwrap_or(&new.path);
            make_directory(parent).map_err(failed(parent))?;
            let mut written = create(&path, file.mode).map_err(failed(&path))?;
            written.write_all(&file.bytes).and_then(|()| written.sync_all()).map_err(failed(&path))?;
            files::sync_directory(parent).map_err(failed(parent))?;
        }
        // The key is nowhere else, and the CA's index has the certificate: a power cut takes nothing back.
        files::sync_directory(&new.path).map_err(failed(&new.path))?;
        // Over an empty directory that appeared meanwhile this succeeds, and takes nothing from anybody.
        not_there(target)?;
        fs::rename(&new.path, target).map_err(failed(target))?;
        new.finish();
        files::sync_directory_of(target).map_err(failed(target))
    }

    fn write_zip(&self, target: &Path) -> Result<(), BundleError> {
        let new = Unfinished::beside(target)?;
        let failed = |source| BundleError::Write { path: target.to_owned(), source };
        let file = create(&new.path, Mode::Secret).map_err(failed)?;
        let file = self.pack(file, &top(target)).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        // A link fails where the name is taken; a rename would take it.
        fs::hard_link(&new.path, target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => BundleError::Exists { path: target.to_owned() },
            _ => failed(error),
        })?;
        files::sync_directory_of(target).map_err(failed)
    }

    fn pack(&self, file: File, top: &str) -> io::Result<File> {
        let mut archive = ZipWriter::new(file);
        for file in self.files() {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .unix_permissions(file.mode.bits());
            archive.start_file(format!("{top}/{}", file.path), options)?;
            archive.write_all(&file.bytes)?;
        }
        Ok(archive.finish()?)
    }
}

/// What everything in a zip file is under, so that it unpacks into one directory: the file's own name.
fn top(target: &Path) -> String {
    let stem = target.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let sound = stem.bytes().all(plain) && stem.bytes().any(|byte| byte.is_ascii_alphanumeric());
    if sound { stem.to_owned() } else { "bundle".to_owned() }
}

fn not_there(path: &Path) -> Result<(), BundleError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(BundleError::Write { path: path.to_owned(), source }),
        Ok(_) => Err(BundleError::Exists { path: path.to_owned() }),
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)
}

fn create(path: &Path, mode: Mode) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode.bits()).open(path)
}

/// A directory or a file beside its final place, which goes away unless it is finished.
struct Unfinished {
    path: PathBuf,
    is_finished: bool,
}

impl Unfinished {
    fn beside(target: &Path) -> Result<Self, BundleError> {
        not_there(target)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = target.with_file_name(format!(".{name}.{}.new", std::process::id()));
        not_there(&path)?;
        Ok(Self { path, is_finished: false })
    }

    /// Fails where it is there: then it is somebody else's, who could change what comes into it.
    fn make_directory(&self) -> io::Result<()> {
        self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), make_directory)?;
        DirBuilder::new().mode(DIRECTORY_MODE).create(&self.path)
    }

    fn finish(mut self) {
        self.is_finished = true;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = if self.path.is_dir() { fs::remove_dir_all(&self.path) } else { fs::remove_file(&self.path) };
        }
    }
}
