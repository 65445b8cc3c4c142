//! Patches that break a guard, and what a source is with one applied.
//!
//! A hunk is found by its lines and not by its numbers, so that lines that move about it do no harm.
//! Must never: apply a hunk that fits nowhere, or in two places.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::root;

/// The patch of one trap.
#[derive(Clone, Debug)]
pub struct Patch {
    hunks: Vec<Hunk>,
}

#[derive(Clone, Debug, Default)]
struct Hunk {
    file: String,
    old: String,
    new: String,
}

/// Where the patches are.
pub fn directory() -> PathBuf {
    root().join("tests/traps/broken")
}

/// The ids that have a patch.
///
/// # Errors
/// A directory that cannot be read.
pub fn ids() -> Result<Vec<String>, String> {
    let entries = fs::read_dir(directory()).map_err(|error| format!("{}: {error}", directory().display()))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.map(|name| name.trim_end_matches(".patch").to_owned()).collect())
}

/// The patch of a trap.
///
/// # Errors
/// None is there, or it is no unified diff with paths from the root.
pub fn of(id: &str) -> Result<Patch, String> {
    let path = directory().join(format!("{id}.patch"));
    let text =
        fs::read_to_string(&path).map_err(|error| format!("{id}: it needs tests/traps/broken/{id}.patch: {error}"))?;
    let patch = parse(&text).map_err(|wrong| format!("{id}.patch: {wrong}"))?;
    if patch.hunks.is_empty() {
        return Err(format!("{id}.patch: it changes nothing; write a unified diff, as `git diff` does"));
    }
    Ok(patch)
}

impl Patch {
    /// The files that change, from the root, each with its text when the patch is applied to the tree there.
    ///
    /// # Errors
    /// A file that is not there, or a hunk that does not fit exactly once.
    pub fn apply(&self, tree: &Path) -> Result<BTreeMap<String, String>, String> {
        let mut changed: BTreeMap<String, String> = BTreeMap::new();
        for hunk in &self.hunks {
            let text = match changed.remove(&hunk.file) {
                Some(text) => text,
                None => fs::read_to_string(tree.join(&hunk.file)).map_err(|error| format!("{}: {error}", hunk.file))?,
            };
            let fits = text.match_indices(&hunk.old).count();
            if fits != 1 {
                return Err(format!("{}: a hunk fits {fits} times; make the patch anew:\n{}", hunk.file, hunk.old));
            }
            changed.insert(hunk.file.clone(), text.replace(&hunk.old, &hunk.new));
        }
        Ok(changed)
    }
}

fn parse(text: &str) -> Result<Patch, String> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut file: Option<&str> = None;
    let mut inside = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("+++ ") {
            file = Some(name.strip_prefix("b/").ok_or("a path begins with `b/`")?);
            inside = false;
        } else if line.starts_with("@@ ") {
            let file = file.ok_or("a hunk comes before its file")?.to_owned();
            hunks.push(Hunk { file, ..Hunk::default() });
            inside = true;
        } else if line.starts_with("diff ") || line.starts_with("--- a/") {
            inside = false;
        } else if let Some(hunk) = hunks.last_mut().filter(|_| inside) {
            take(hunk, line)?;
        }
    }
    Ok(Patch { hunks })
}

/// One line of a hunk.
fn take(hunk: &mut Hunk, line: &str) -> Result<(), String> {
    let (kind, rest) = line.split_at_checked(1).unwrap_or((" ", ""));
    let (in_old, in_new) = match kind {
        " " => (true, true),
        "-" => (true, false),
        "+" => (false, true),
        _ => return Err(format!("no line of a hunk: {line}")),
    };
    for (text, is_in) in [(&mut hunk.old, in_old), (&mut hunk.new, in_new)] {
        if is_in {
            text.push_str(rest);
            text.push('\n');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str =
        "--- a/one.rs\n+++ b/one.rs\n@@ -7,3 +7,3 @@ fn x()\n fn x() {\n-    keep();\n+    lose();\n }\n";

    fn applied_to(text: &str) -> Result<BTreeMap<String, String>, String> {
        let directory = std::env::temp_dir().join(format!("weir-traps-{}-{}", std::process::id(), text.len()));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("one.rs"), text).unwrap();
        let applied = parse(PATCH).unwrap().apply(&directory);
        fs::remove_dir_all(directory).unwrap();
        applied
    }

    #[test]
    fn a_hunk_is_found_by_its_lines() {
        let changed = applied_to("// moved\n\nfn x() {\n    keep();\n}\n").unwrap();
        assert_eq!(changed["one.rs"], "// moved\n\nfn x() {\n    lose();\n}\n");
    }

    #[test]
    fn a_hunk_that_fits_nowhere_or_twice_is_refused() {
        assert!(applied_to("fn x() {\n    other();\n}\n").unwrap_err().contains("fits 0 times"));
        let twice = "fn x() {\n    keep();\n}\n".repeat(2);
        assert!(applied_to(&twice).unwrap_err().contains("fits 2 times"));
    }
}
