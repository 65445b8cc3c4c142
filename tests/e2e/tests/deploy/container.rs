//! A container without a runtime: a mount namespace, the image as a root that nobody can write to, a user who is not root,
//! no capability and no way to one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use weir_testkit::process::Leashed;
use weir_testkit::{paths, weir_binary};

use crate::image::image;
use crate::prints;

/// Binds each of its arguments, `FROM ro|rw PLACE`, and closes the root; then runs the rest.
const ENTER: &str = r#"
root=$1; shift
mount --make-rprivate /
mount --bind "$root" "$root"
while [ "$1" != -- ]; do
    mount --bind "$1" "$root$3"
    [ "$2" = rw ] || mount -o remount,bind,ro "$root$3"
    shift 3
done
shift
mount -o remount,bind,ro "$root"
exec "$@"
"#;

/// What is mounted where.
pub(crate) struct Mount {
    pub(crate) from: PathBuf,
    pub(crate) at: String,
    pub(crate) is_writable: bool,
}

/// The image with its mounts, and who runs in it.
pub(crate) struct Container {
    root: PathBuf,
    user: String,
    mounts: Vec<Mount>,
    process: Option<Leashed>,
}

impl Container {
    /// `user` is a number, for the group, too.
    pub(crate) fn new(directory: &Path, user: u32, mounts: Vec<Mount>) -> Self {
        let root = directory.join("root");
        image().unpack(&root);
        c_library(&root);
        for mount in &mounts {
            fs::create_dir_all(root.join(&mount.at[1..])).unwrap();
        }
        Self { root, user: user.to_string(), mounts, process: None }
    }

    /// Starts its process.
    pub(crate) fn start(&mut self, program: &[&str], log: &Path) {
        self.process = Some(Leashed::start("weir in a container", &self.entered(program), log));
    }

    /// Runs another process where the first one runs, as a kubelet does for a probe.
    pub(crate) fn exec(&self, program: &[&str]) -> Output {
        let pid = self.process.as_ref().expect("it runs").pid().to_string();
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &pid, "--"]).args(self.as_user(program));
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().expect("nsenter starts")
    }

    /// Runs a process by itself, to its end.
    pub(crate) fn run(&self, program: &[&str]) -> Output {
        self.entered(program).output().expect("unshare starts")
    }

    /// The process that was started.
    pub(crate) fn process(&mut self) -> &mut Leashed {
        self.process.as_mut().expect("it runs")
    }

    fn entered(&self, program: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "/bin/sh", "-ec", ENTER, "enter"]).arg(&self.root);
        for mount in &self.mounts {
            command.arg(&mount.from).arg(if mount.is_writable { "rw" } else { "ro" }).arg(&mount.at);
        }
        command.arg("--").args(self.as_user(program));
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    fn as_user(&self, program: &[&str]) -> Vec<String> {
        let ids = format!("--userspec={0}:{0}", self.user);
        let groups = format!("--groups={}", self.user);
        let root = self.root.to_str().expect("a path of letters");
        let enter = ["setpriv", "--no-new-privs", "chroot", &ids, &groups, root];
        enter.iter().chain(program).map(ToString::to_string).collect()
    }
}

/// The binary under test is not static: what it links with comes along.
fn c_library(root: &Path) {
    let listed = prints(Command::new("ldd").arg(weir_binary()));
    for path in listed.split_whitespace().filter(|word| word.starts_with('/')) {
        let into = root.join(&path[1..]);
        fs::create_dir_all(into.parent().unwrap()).unwrap();
        fs::copy(path, into).unwrap();
    }
}

/// A directory for a container, open to whoever runs in it.
pub(crate) fn directory(area: &str) -> PathBuf {
    let directory = paths::run_dir(area).join("data");
    fs::create_dir_all(&directory).unwrap();
    directory
}
