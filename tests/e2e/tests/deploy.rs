//! What deploy/ ships beside systemd's units: an image that is really built, manifests whose pod really runs, and a layout
//! for configuration management that is really broken off.

#[path = "deploy/container.rs"]
mod container;
#[path = "deploy/image.rs"]
mod image;
#[path = "deploy/layout.rs"]
mod layout;
#[path = "deploy/manifests.rs"]
mod manifests;
#[path = "deploy/pod.rs"]
mod pod;
#[path = "deploy/volume.rs"]
mod volume;

use std::process::{Command, Output};
use std::time::Duration;

/// For what takes effect at once; on a machine that does ten things at a time.
const SOON: Duration = Duration::from_secs(20);

/// What a command ended with, and said.
fn told(Output { status, stdout, stderr }: &Output) -> String {
    format!("{status}\n{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
}

/// What a command printed. It must succeed.
#[track_caller]
fn prints(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", told(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// # Errors
/// What this machine lacks for a container.
fn containers() -> Result<(), String> {
    if !Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n") {
        return Err("only root can make and enter a container: run the tests as root".into());
    }
    if !Command::new("buildah").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Err("buildah is not installed: apt-get install buildah".into());
    }
    let unshare = Command::new("unshare").args(["--mount", "true"]).output();
    match unshare {
        Ok(output) if output.status.success() => Ok(()),
        other => Err(format!("no mount namespace can be made here: {other:?}")),
    }
}
