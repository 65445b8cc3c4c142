//! The image of what `make dist` made: the static binary runs in it, where there is nothing else, as its user, with no right.
//!
//! What an image has to be is held by `tests/e2e/tests/deploy`, with a binary that is built for tests.

use std::fs;
use std::process::Command;

use serde_json::Value;
use weir_testkit::paths;

use crate::bare_root::{succeeds, told};
use crate::{Shipped, ok, skipped};

const BUILD: &str = "deploy/container/build.sh";

pub(crate) fn runs(shipped: &Shipped) {
    if !Command::new("buildah").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return skipped("no image: buildah is not installed");
    }
    let dir = paths::run_dir("dist-image").join("data");
    let (image, parts, root) = (dir.join("weir.oci.tar"), dir.join("parts"), dir.join("root"));
    for directory in [&parts, &root] {
        fs::create_dir_all(directory).expect("the target directory can be written");
    }
    succeeds(Command::new(paths::root().join(BUILD)).arg(shipped.archive("x86_64")).arg(&image));
    succeeds(Command::new("tar").arg("-xf").arg(&image).arg("-C").arg(&parts));
    let read = |path| serde_json::from_slice::<Value>(&fs::read(path).expect("a part of the image")).expect("JSON");
    let blob = |of: &Value| parts.join("blobs").join(of["digest"].as_str().expect("a digest").replace(':', "/"));
    let manifest = read(blob(&read(parts.join("index.json"))["manifests"][0]));
    for layer in manifest["layers"].as_array().expect("layers") {
        succeeds(Command::new("tar").arg("-xpzf").arg(blob(layer)).arg("-C").arg(&root));
    }
    let user = read(blob(&manifest["config"]))["config"]["User"].as_str().expect("a user").to_owned();
    let mut weir = Command::new("setpriv");
    weir.args(["--no-new-privs", "chroot", &format!("--userspec={user}")])
        .arg(&root)
        .args(["/usr/bin/weir", "--version"]);
    let output = succeeds(&mut weir);
    assert_eq!(output.stdout, format!("weir {}\n", shipped.version).into_bytes(), "{}", told(&output));
    ok(&format!("the image, {} kB: weir runs as {user} and has nothing else", size(&image) / 1000));
}

fn size(path: &std::path::Path) -> u64 {
    fs::metadata(path).expect("it is there").len()
}
