//! The repository as the house tests read it: its files, its crates, and what they depend on.
//!
//! Must never: build anything, ask the network, or look into what was built or fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/weir has a root above it").to_owned()
}

/// A file's text, by its path from the root.
pub fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a directory, as paths from the root. What was built or fetched is left out.
pub fn files(below: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![root().join(below)];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let skipped = name == "target" || name == "node_modules" || name.starts_with('.');
            if path.is_dir() && !skipped {
                left.push(path);
            } else if path.is_file() {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Files with an extension.
pub fn files_of(below: &str, extension: &str) -> Vec<PathBuf> {
    files(below).into_iter().filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

/// Rust sources below a directory that are no tests, each with its text up to its tests.
pub fn product_code(below: &str) -> Vec<(PathBuf, String)> {
    let is_product = |path: &PathBuf| {
        let tests = path.components().any(|part| part.as_os_str() == "tests");
        !tests && !path.ends_with("tests.rs")
    };
    let cut = |path: PathBuf| {
        let whole = text(&path);
        let code = whole.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
        (path, code)
    };
    files_of(below, "rs").into_iter().filter(is_product).map(cut).collect()
}

/// The pages that people read.
pub fn pages() -> Vec<PathBuf> {
    files_of(".", "md").into_iter().filter(|path| !path.starts_with("tests")).collect()
}

/// What stands between backticks in a text, fenced blocks left out.
pub fn quoted(text: &str) -> Vec<&str> {
    let outside = text.split("```").step_by(2);
    outside.flat_map(|part| part.lines()).flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// Which dependencies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Those that the program is built with.
    Product,
    /// Those of tests and benches alone.
    Tests,
}

/// One workspace crate.
pub struct Crate {
    pub directory: PathBuf,
    pub product: BTreeSet<String>,
    pub tests: BTreeSet<String>,
}

/// Every workspace crate with its direct dependencies, by name.
pub fn crates() -> &'static BTreeMap<String, Crate> {
    static CRATES: OnceLock<BTreeMap<String, Crate>> = OnceLock::new();
    CRATES.get_or_init(read_crates)
}

fn read_crates() -> BTreeMap<String, Crate> {
    let mut crates: BTreeMap<String, Crate> = BTreeMap::new();
    for (kind, edges) in [(Kind::Product, "normal,build"), (Kind::Tests, "dev")] {
        let listed = cargo_tree(&["--workspace", "--depth", "1", "--prefix", "depth", "--no-dedupe", "-e", edges]);
        let mut current = String::new();
        for line in listed.lines() {
            let (depth, package) = line.split_at(usize::from(!line.is_empty()));
            let mut words = package.split_whitespace();
            let Some(name) = words.next() else { continue };
            if depth == "0" {
                name.clone_into(&mut current);
                let directory = package.split(['(', ')']).nth(1).map(PathBuf::from).unwrap_or_default();
                let new = || Crate { directory, product: BTreeSet::new(), tests: BTreeSet::new() };
                crates.entry(current.clone()).or_insert_with(new);
            } else if let Some(of) = crates.get_mut(&current) {
                let into = if kind == Kind::Product { &mut of.product } else { &mut of.tests };
                into.insert(name.to_owned());
            }
        }
    }
    crates
}

/// All that one crate is built with, directly or not.
pub fn tree_of(package: &str) -> BTreeSet<String> {
    let listed = cargo_tree(&["-p", package, "--prefix", "none", "-e", "normal,build"]);
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

fn cargo_tree(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(["tree", "--offline"]).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
