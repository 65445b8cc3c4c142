//! `make dist CHECK=1`: what `make dist` made, installed and run in a root file system that has nothing else.
//!
//! The machine that runs this is not changed: all of it happens below `target/`. Needs root, for `chroot`.

mod bare_root;
mod client;
mod host;
mod image;
mod life;
mod names;
mod serving;

use std::path::PathBuf;
use std::process::ExitCode;

use bare_root::BareRoot;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, version] = arguments.as_slice() else {
        eprintln!("usage: weir-dist-check DIRECTORY VERSION");
        return ExitCode::FAILURE;
    };
    let shipped = Shipped { directory: directory.into(), version: version.clone() };
    host::looks_at_the_package(&shipped);
    host::runs_the_other_architecture(&shipped);
    image::runs(&shipped);
    match BareRoot::make() {
        Ok(bare) => {
            life::installs(&bare, &shipped);
            host::looks_at_what_is_installed(&bare);
            serving::serves(&bare);
            life::upgrades(&bare, &shipped);
            life::is_removed(&bare);
        }
        Err(missing) => skipped(&missing),
    }
    println!("dist: ok");
    ExitCode::SUCCESS
}

/// What `make dist` made.
struct Shipped {
    directory: PathBuf,
    version: String,
}

impl Shipped {
    /// For the machine that runs this.
    fn package(&self) -> PathBuf {
        self.directory.join(format!("weir_{}_amd64.deb", self.version))
    }

    fn archive(&self, architecture: &str) -> PathBuf {
        self.directory.join(format!("weir-{}-{architecture}-linux.tar.gz", self.version))
    }
}

fn ok(what: &str) {
    println!("ok: {what}");
}

/// Said loudly, and a failure where everything must be looked at.
fn skipped(what: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "a skip is a failure under CI=true: {what}");
    println!("SKIPPED: {what}");
}
