//! `deploy/container/build.sh`, with the binary under test in the place of the static one that `make dist` makes.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};
use weir_testkit::{paths, weir_binary};

use crate::{containers, prints, told};

/// An archive of an image, and what is in it.
pub(crate) struct Image {
    pub(crate) archive: PathBuf,
    /// What a runtime reads: user, command, labels.
    pub(crate) config: Value,
    layers: Vec<PathBuf>,
}

/// Built once, for all tests.
pub(crate) fn image() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let dir = paths::run_dir("image").join("data");
        fs::create_dir_all(&dir).unwrap();
        Image::open(build(&dir, &shipped(&dir)))
    })
}

/// The archive of `make dist`, as far as an image is made of it.
fn shipped(dir: &Path) -> PathBuf {
    let stem = format!("weir-{}-x86_64-linux", env!("CARGO_PKG_VERSION"));
    let tree = dir.join(&stem);
    fs::create_dir_all(&tree).unwrap();
    // Without its symbols, which nobody asks here: they are most of its bytes.
    prints(Command::new("strip").arg("-o").arg(tree.join("weir")).arg(weir_binary()));
    for name in ["LICENSE", "third-party-licences.txt", "weir.cdx.json"] {
        fs::write(tree.join(name), name).unwrap();
    }
    let archive = dir.join(format!("{stem}.tar.gz"));
    prints(Command::new("tar").arg("-C").arg(dir).arg("-I").arg("gzip -1").arg("-cf").arg(&archive).arg(&stem));
    archive
}

fn build(dir: &Path, archive: &Path) -> PathBuf {
    let image = dir.join("weir.oci.tar");
    let mut build = Command::new("timeout");
    build.arg("300").arg(paths::root().join("deploy/container/build.sh")).arg(archive).arg(&image);
    prints(build.env("SOURCE_DATE_EPOCH", "1700000000").env("REVISION", "tested"));
    image
}

impl Image {
    fn open(archive: PathBuf) -> Self {
        let parts = archive.with_extension("parts");
        fs::create_dir_all(&parts).unwrap();
        prints(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&parts));
        let read = |path: PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
        let blob = |of: &Value| {
            let digest = of["digest"].as_str().unwrap();
            parts.join("blobs").join(digest.replace(':', "/"))
        };
        let index = read(parts.join("index.json"));
        let manifest = read(blob(&index["manifests"][0]));
        let config = read(blob(&manifest["config"]));
        let layers = manifest["layers"].as_array().unwrap().iter().map(blob).collect();
        Self { archive, config, layers }
    }

    /// Its files, in a directory.
    pub(crate) fn unpack(&self, root: &Path) {
        fs::create_dir_all(root).unwrap();
        for layer in &self.layers {
            prints(Command::new("tar").arg("-xpzf").arg(layer).arg("-C").arg(root));
        }
    }
}

/// Everything below a directory, by its path.
fn tree(root: &Path) -> BTreeSet<String> {
    let listed = prints(Command::new("find").arg(root).args(["-mindepth", "1", "!", "-type", "d", "-printf", "/%P\n"]));
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn the_image_has_weir_and_nothing_that_could_be_used_against_it() {
    weir_testkit::require!(containers());
    let root = paths::run_dir("image").join("data");
    image().unpack(&root);
    let files = [
        "/etc/weir/acl/catalogue.yaml",
        "/etc/weir/acl/never.yaml",
        "/etc/weir/acl/tiers.yaml",
        "/usr/bin/weir",
        "/usr/share/doc/weir/LICENSE",
        "/usr/share/doc/weir/third-party-licences.txt",
        "/usr/share/doc/weir/weir.cdx.json",
    ];
    assert_eq!(tree(&root), files.map(str::to_owned).into(), "no shell, no library, no key, no configuration");
    for name in ["catalogue", "never", "tiers"] {
        let link = fs::read_link(root.join(format!("etc/weir/acl/{name}.yaml"))).unwrap();
        assert_eq!(link, Path::new(&format!("../conf/{name}.yaml")));
    }
    for path in files.iter().filter(|path| !path.starts_with("/etc")) {
        let found = fs::metadata(root.join(&path[1..])).unwrap();
        let mode = if path.ends_with("/bin/weir") { 0o755 } else { 0o644 };
        assert_eq!((found.permissions().mode() & 0o7777, found.uid(), found.gid()), (mode, 0, 0), "{path}");
    }
    let config = &image().config["config"];
    assert_eq!(config["User"], "65532:65532", "a number that is not root's");
    assert_eq!(config["Entrypoint"], json!(["/usr/bin/weir"]));
    assert_eq!(config["Cmd"], json!(["serve", "-c", "/etc/weir/weir.yaml"]));
    assert_eq!((&config["StopSignal"], &config["ExposedPorts"]), (&json!("SIGTERM"), &json!({"9093/tcp": {}})));
    let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].as_str().unwrap_or_default();
    assert_eq!((label("version"), label("revision")), (env!("CARGO_PKG_VERSION"), "tested"));
    assert_eq!((label("title"), label("licenses")), ("weir", "Apache-2.0"));
    assert_eq!(image().config["created"], "2023-11-14T22:13:20Z");
}

#[test]
fn the_same_archive_gives_the_same_image() {
    weir_testkit::require!(containers());
    let first = &image().archive;
    let dir = paths::run_dir("image").join("data");
    fs::create_dir_all(&dir).unwrap();
    let archive = format!("weir-{}-x86_64-linux.tar.gz", env!("CARGO_PKG_VERSION"));
    let second = build(&dir, &first.with_file_name(archive));
    assert!(fs::read(first).unwrap() == fs::read(second).unwrap(), "an image of the same parts differs");
}

#[test]
fn hostile_what_was_left_in_the_checkout_comes_into_no_image() {
    let here = tempfile::tempdir().unwrap();
    prints(Command::new("cp").arg("-a").arg(paths::root().join("deploy/container/.")).arg(here.path()));
    fs::write(here.path().join("root/etc/weir/server.key"), "a key").unwrap();
    let image = here.path().join("image.tar");
    let mut build = Command::new(here.path().join("build.sh"));
    build.arg("weir-1.0.0-x86_64-linux.tar.gz").arg(&image).env("SOURCE_DATE_EPOCH", "1700000000");
    let output = build.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(told(&output).contains("not for an image, move it away: "), "{}", told(&output));
    assert!(!image.exists());
}
