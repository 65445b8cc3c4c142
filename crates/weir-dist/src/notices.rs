//! The licence texts of all that is linked into the binary: most licences want them to go with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::Problem;
use crate::packages;

/// How a file is called that holds a licence.
const NAMES: [&str; 6] = ["license", "licence", "copying", "copyright", "notice", "unlicense"];
/// The extensions of files that are called so and hold none.
const CODE: [&str; 9] = ["c", "go", "h", "json", "pl", "py", "rs", "sh", "toml"];
/// How deep licences lie in a package that carries other people's code.
const DEPTH: usize = 5;

/// For which binary.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// As rustc names it: `x86_64-unknown-linux-musl`.
    #[arg(long)]
    target: String,
    /// NAME=FILE: the licence of something that is linked in and no package.
    #[arg(long, value_name = "NAME=FILE")]
    also: Vec<String>,
}

/// Prints who is in the binary under which licence, and then each text once, with those that it came with.
pub(crate) fn write(wanted: &Wanted) -> Result<(), Problem> {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    println!("What is linked into this binary, beside Weir's own code, and under which licence.\n");
    for ((name, version), package) in packages::read(&wanted.target)? {
        if !package.is_linked || package.checksum.is_none() {
            continue;
        }
        let license = package.license.as_deref().unwrap_or("see its text");
        let files = licences_in(&package.sources, DEPTH)?;
        let note = if files.is_empty() { " (its package has no text)" } else { "" };
        println!("{name} {version}: {license}{note}");
        for file in files {
            note_text(&mut texts, &file, format!("{name} {version}"))?;
        }
    }
    for also in &wanted.also {
        let (name, file) = also.split_once('=').ok_or_else(|| format!("{also} is not NAME=FILE"))?;
        println!("{name}: see its text");
        note_text(&mut texts, Path::new(file), name.to_owned())?;
    }
    for (text, of) in texts {
        let of: Vec<String> = of.into_iter().collect();
        println!("\n{}\n{}\n\n{text}", "=".repeat(80), of.join(", "));
    }
    Ok(())
}

fn note_text(texts: &mut BTreeMap<String, BTreeSet<String>>, file: &Path, of: String) -> Result<(), Problem> {
    let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let text = String::from_utf8_lossy(&bytes).replace('\r', "");
    texts.entry(text.trim().to_owned()).or_default().insert(of);
    Ok(())
}

fn licences_in(directory: &Path, depth: usize) -> Result<Vec<PathBuf>, Problem> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_dir() && depth > 1 {
            found.extend(licences_in(&path, depth - 1)?);
        } else if path.is_file() && is_licence(&name) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// `LICENSE`, `LICENSE-MIT`, `COPYING.txt`, and no `license.rs`.
fn is_licence(name: &str) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default().to_string_lossy();
    !CODE.contains(&&*extension) && NAMES.iter().any(|start| name.starts_with(start))
}
