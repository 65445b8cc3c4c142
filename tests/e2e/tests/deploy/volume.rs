//! Volumes as a kubelet writes them: a directory of its own for each generation, `..data` that leads to the newest, and a
//! link through it for each file. What changes, changes by one rename of `..data`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// The content of a ConfigMap or a Secret, by file name.
pub(crate) type Files = BTreeMap<String, String>;

/// One volume.
pub(crate) struct Volume {
    pub(crate) path: PathBuf,
    mode: u32,
    group: u32,
    generation: u32,
}

impl Volume {
    /// `mode` is `defaultMode` of the manifest. A group that is given to a pod's volumes may read every file.
    pub(crate) fn new(path: &Path, mode: u32, group: u32, files: &Files) -> Self {
        fs::create_dir_all(path).unwrap();
        let mut volume = Self { path: path.to_owned(), mode: mode | 0o440, group, generation: 0 };
        volume.write(files);
        volume
    }

    /// The next generation.
    pub(crate) fn write(&mut self, files: &Files) {
        self.generation += 1;
        let name = format!("..2026_11_22_06_30_00.{}", self.generation);
        let directory = self.path.join(&name);
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        for (name, content) in files {
            let path = directory.join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(self.mode)).unwrap();
            chown(&path, Some(0), Some(self.group)).unwrap();
        }
        let before = fs::read_link(self.path.join("..data")).ok();
        symlink(&name, self.path.join("..data_tmp")).unwrap();
        fs::rename(self.path.join("..data_tmp"), self.path.join("..data")).unwrap();
        for name in files.keys().filter(|name| fs::symlink_metadata(self.path.join(name)).is_err()) {
            symlink(Path::new("..data").join(name), self.path.join(name)).unwrap();
        }
        for entry in fs::read_dir(&self.path).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if !name.starts_with("..") && !files.contains_key(&name) {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        if let Some(before) = before {
            fs::remove_dir_all(self.path.join(before)).unwrap();
        }
    }
}
