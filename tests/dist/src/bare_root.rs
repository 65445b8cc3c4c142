//! A root file system with what Debian cannot do without, and programs run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use weir_testkit::paths;

/// The oldest release that the package is for.
const SUITE: &str = "bookworm";

/// A copy that may be changed. Removed when it is dropped.
pub(crate) struct BareRoot {
    root: PathBuf,
}

impl BareRoot {
    /// # Errors
    /// What this machine lacks for it, and what to type.
    pub(crate) fn make() -> Result<Self, String> {
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
        if !is_root {
            return Err("only root can chroot: sudo make dist CHECK=1".into());
        }
        let pristine = paths::target().join("bare-root").join(SUITE);
        if !pristine.join("complete").exists() {
            debootstrap(&pristine)?;
        }
        let root = paths::run_dir("bare-root").join("data");
        succeeds(Command::new("cp").args(["-a", "--reflink=auto"]).args([&pristine, &root]));
        Ok(Self { root })
    }

    /// A path in it, as the outside sees it.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside.trim_start_matches('/'))
    }

    pub(crate) fn text(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_else(|error| panic!("{inside}: {error}"))
    }

    /// A command in it, with nothing of the environment outside.
    pub(crate) fn command(&self, program: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command.arg(&self.root).args(program).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    pub(crate) fn run(&self, program: &[&str]) -> Output {
        self.command(program).output().expect("chroot starts")
    }

    /// What it prints. It must succeed.
    pub(crate) fn prints(&self, program: &[&str]) -> String {
        let output = self.run(program);
        assert!(output.status.success(), "{program:?}: {}", told(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for BareRoot {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn debootstrap(into: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(into);
    fs::create_dir_all(into).expect("the target directory can be written");
    let log = into.with_extension("log");
    let (out, err) = (fs::File::create(&log), fs::File::options().append(true).create(true).open(&log));
    let status = Command::new("timeout")
        .args(["1200", "debootstrap", "--variant=minbase", SUITE])
        .arg(into)
        .stdout(out.expect("a log"))
        .stderr(err.expect("a log"))
        .status();
    if !status.is_ok_and(|status| status.success()) {
        return Err(format!("no root file system: debootstrap failed, or is not installed; {}", log.display()));
    }
    fs::write(into.join("complete"), "").expect("the target directory can be written");
    Ok(())
}

/// Runs a command that must succeed, and gives what it printed.
pub(crate) fn succeeds(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", told(&output));
    output
}

pub(crate) fn told(Output { status, stdout, stderr }: &Output) -> String {
    format!("{status}\n{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
}
