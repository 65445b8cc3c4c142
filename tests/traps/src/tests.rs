//! Where the tests of the repository are: each function with a test attribute, and how Cargo calls its target.
//!
//! Must never: build anything, or look into what was built or fetched.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A target that Cargo runs tests of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The package's name.
    pub package: String,
    /// What chooses the target: `--lib`, or `--test` and its name, or `--bin` and its name.
    pub choice: Vec<String>,
    /// Whether its tests start processes of Weir.
    pub starts_weir: bool,
}

/// Every test function, by its name, with the files that have one of that name.
///
/// # Errors
/// A directory or source that cannot be read.
pub fn all(root: &Path) -> Result<BTreeMap<String, Vec<PathBuf>>, String> {
    let mut found: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let mut left = vec![root.join("crates"), root.join("tests")];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))? {
            let path = entry.map_err(|error| format!("{}: {error}", directory.display()))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && name != "target" && name != "node_modules" && !name.starts_with('.') {
                left.push(path);
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                for test in in_source(&text) {
                    found.entry(test.to_owned()).or_default().push(path.clone());
                }
            }
        }
    }
    Ok(found)
}

/// The functions of a source that carry a test attribute and are not ignored.
fn in_source(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut is_test, mut ignored) = (false, false);
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            ignored |= line.starts_with("#[ignore");
        } else if let Some(name) = function(line) {
            if is_test && !ignored {
                found.push(name);
            }
            (is_test, ignored) = (false, false);
        }
    }
    found
}

/// The name, where a function begins on this line.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

/// The target that a source's tests are in.
///
/// # Errors
/// A source that belongs to no target that can be told by its path.
pub fn target(source: &Path) -> Result<Target, String> {
    let unknown = || format!("{}: which target this belongs to is not known", source.display());
    let home = source.ancestors().skip(1).find(|above| above.join("Cargo.toml").is_file()).ok_or_else(unknown)?;
    let manifest =
        fs::read_to_string(home.join("Cargo.toml")).map_err(|error| format!("{}: {error}", home.display()))?;
    let package = manifest.split("name = \"").nth(1).and_then(|rest| rest.split('"').next()).ok_or_else(unknown)?;
    let inside = source.strip_prefix(home).map_err(|_| unknown())?;
    let parts: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let choice = match parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tests", file] => vec!["--test".into(), file.trim_end_matches(".rs").into()],
        ["tests", directory, ..] => {
            let test = integration_test(home, directory, &parts[1..].join("/")).ok_or_else(unknown)?;
            vec!["--test".into(), test]
        }
        ["src", "bin", file, ..] => vec!["--bin".into(), file.trim_end_matches(".rs").into()],
        ["src", ..] if home.join("src/lib.rs").is_file() => vec!["--lib".into()],
        ["src", ..] => vec!["--bin".into(), package.into()],
        _ => return Err(unknown()),
    };
    let starts_weir = manifest.contains("weir-testkit");
    Ok(Target { package: package.to_owned(), choice, starts_weir })
}

/// The test that a source in a directory of `tests/` belongs to: that of the directory, or the one that names it.
fn integration_test(home: &Path, directory: &str, source: &str) -> Option<String> {
    let tests = home.join("tests");
    if tests.join(directory).join("main.rs").is_file() || tests.join(format!("{directory}.rs")).is_file() {
        return Some(directory.to_owned());
    }
    let names_it = |path: &Path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.contains(&format!("#[path = \"{source}\"]"))
    };
    let mut files = fs::read_dir(&tests).ok()?.flatten().map(|entry| entry.path());
    let file = files.find(|path| path.is_file() && names_it(path))?;
    Some(file.file_stem()?.to_string_lossy().into_owned())
}
