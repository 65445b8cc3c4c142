//! The packages that `weir` is built from for one target, as Cargo resolves them with the committed lock file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Problem;

/// Name and version.
pub(crate) type Key = (String, String);

/// One package.
#[derive(Debug, Default)]
pub(crate) struct Package {
    /// Its code is in the binary; otherwise it only ran while the binary was built.
    pub(crate) is_linked: bool,
    /// What it needs itself.
    pub(crate) needs: BTreeSet<Key>,
    /// An SPDX expression.
    pub(crate) license: Option<String>,
    pub(crate) repository: Option<String>,
    /// The SHA-256 of the archive that it came in; a crate of this repository has none.
    pub(crate) checksum: Option<String>,
    /// Where its sources are on this machine.
    pub(crate) sources: PathBuf,
}

/// All of them, `weir` itself too.
///
/// # Errors
/// Where Cargo says no, or says something that cannot be read.
pub(crate) fn read(target: &str) -> Result<BTreeMap<Key, Package>, Problem> {
    let mut packages = BTreeMap::new();
    note_tree(
        &mut packages,
        &cargo(&["tree", "-p", "weir", "--target", target, "-e", "normal,build", "--prefix=depth"])?,
    )?;
    let linked = cargo(&["tree", "-p", "weir", "--target", target, "-e", "normal,no-proc-macro", "--prefix=none"])?;
    for line in linked.lines() {
        packages.get_mut(&key(line)?).ok_or_else(|| format!("{line} is linked and not in the tree"))?.is_linked = true;
    }
    note_facts(&mut packages, &cargo(&["metadata", "--format-version=1", "--filter-platform", target])?)?;
    note_checksums(&mut packages, &fs::read_to_string(root()?.join("Cargo.lock"))?);
    Ok(packages)
}

/// The root of the repository: where Cargo says the workspace is.
pub(crate) fn root() -> Result<PathBuf, Problem> {
    let manifest = cargo(&["locate-project", "--workspace", "--message-format=plain"])?;
    Ok(Path::new(manifest.trim()).parent().ok_or("the workspace has no directory")?.to_owned())
}

/// Lines of a depth and a package; each stands under the nearest line before it that is one less deep.
fn note_tree(packages: &mut BTreeMap<Key, Package>, tree: &str) -> Result<(), Problem> {
    let mut above: Vec<Key> = Vec::new();
    for line in tree.lines() {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let (depth, rest) = line.split_at(digits);
        let (depth, key): (usize, _) = (depth.parse()?, key(rest)?);
        packages.entry(key.clone()).or_default();
        above.truncate(depth);
        if let Some(needing) = above.last().and_then(|parent| packages.get_mut(parent)) {
            needing.needs.insert(key.clone());
        }
        above.push(key);
    }
    Ok(())
}

/// `serde v1.0.219 (*)` and the like.
fn key(line: &str) -> Result<Key, Problem> {
    let mut words = line.split_whitespace();
    let (name, version) = (words.next(), words.next().and_then(|word| word.strip_prefix('v')));
    let (name, version) = name.zip(version).ok_or_else(|| format!("cargo tree: {line:?} names no package"))?;
    Ok((name.to_owned(), version.to_owned()))
}

fn note_facts(packages: &mut BTreeMap<Key, Package>, metadata: &str) -> Result<(), Problem> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let all = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    for found in all {
        let text = |name: &str| found[name].as_str().map(str::to_owned);
        let Some(key) = text("name").zip(text("version")) else { continue };
        let Some(package) = packages.get_mut(&key) else { continue };
        // An old way to write `OR`.
        package.license = text("license").map(|license| license.replace('/', " OR "));
        package.repository = text("repository");
        let manifest = text("manifest_path").ok_or("a package has no manifest")?;
        package.sources = Path::new(&manifest).parent().ok_or("a manifest has no directory")?.to_owned();
    }
    match packages.iter().find(|(_, package)| package.sources.as_os_str().is_empty()) {
        Some(((name, version), _)) => Err(format!("cargo metadata does not know {name} {version}").into()),
        None => Ok(()),
    }
}

fn note_checksums(packages: &mut BTreeMap<Key, Package>, lock: &str) {
    for entry in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let value = entry.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
            value.map(|value| value.trim_end_matches('"').to_owned())
        };
        let package = field("name").zip(field("version")).and_then(|key| packages.get_mut(&key));
        if let Some(package) = package {
            package.checksum = field("checksum");
        }
    }
}

fn cargo(arguments: &[&str]) -> Result<String, Problem> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program).args(arguments).arg("--locked").output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("cargo {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into())
}
