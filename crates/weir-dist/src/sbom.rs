//! The software bill of materials: CycloneDX, without a random number and without a path of the machine that built it.

use std::process::Command;

use clap::Args;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Problem;
use crate::packages::{self, Key, Package};

/// For which binary.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// As rustc names it: `x86_64-unknown-linux-musl`.
    #[arg(long)]
    target: String,
    /// The SHA-256 of the binary, in hex.
    #[arg(long)]
    sha256: Option<String>,
    /// The version of musl that is linked in.
    #[arg(long)]
    musl: Option<String>,
}

/// Prints it. Its time is `SOURCE_DATE_EPOCH`.
pub(crate) fn write(wanted: &Wanted) -> Result<(), Problem> {
    let packages = packages::read(&wanted.target)?;
    let (mut components, mut dependencies) = (Vec::new(), Vec::new());
    let mut itself = Value::Null;
    for (key, package) in &packages {
        let is_itself = key.0 == "weir";
        let mut needs: Vec<String> = package.needs.iter().map(reference).collect();
        if is_itself {
            itself = application(key, package, wanted);
            let runtime = runtime(wanted)?;
            needs.extend(runtime.iter().filter_map(|found| Some(found["bom-ref"].as_str()?.to_owned())));
            components.extend(runtime);
        } else {
            components.push(library(key, package));
        }
        dependencies.push(json!({ "ref": reference(key), "dependsOn": needs }));
    }
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": timestamp()?,
            "tools": { "components": [{ "type": "application", "name": "weir-dist", "version": env!("CARGO_PKG_VERSION") }] },
            "component": itself,
            "properties": [{ "name": "weir:target", "value": wanted.target }],
        },
        "components": components,
        "dependencies": dependencies,
    });
    println!("{bill:#}");
    Ok(())
}

fn application(key: &Key, package: &Package, wanted: &Wanted) -> Value {
    let (name, version) = key;
    let mut component = json!({
        "type": "application",
        "bom-ref": reference(key),
        "name": name,
        "version": version,
        "purl": format!("pkg:generic/{name}@{version}"),
    });
    if let Some(license) = &package.license {
        component["licenses"] = json!([{ "expression": license }]);
    }
    if let Some(sha256) = &wanted.sha256 {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sha256 }]);
    }
    component
}

/// A crate. What only ran during the build, as macros do, is there and `excluded`.
fn library(key: &Key, package: &Package) -> Value {
    let (name, version) = key;
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(key),
        "name": name,
        "version": version,
        "scope": if package.is_linked { "required" } else { "excluded" },
    });
    if let Some(license) = &package.license {
        component["licenses"] = json!([{ "expression": license }]);
    }
    if let Some(repository) = &package.repository {
        component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    // Crates of this repository are in no registry.
    if let Some(checksum) = &package.checksum {
        component["purl"] = json!(format!("pkg:cargo/{name}@{version}"));
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

/// What is in every static binary and in no lock file: Rust's standard library, and musl.
fn runtime(wanted: &Wanted) -> Result<Vec<Value>, Problem> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = String::from_utf8(Command::new(rustc).arg("-vV").output()?.stdout)?;
    let field = |name: &str| told.lines().find_map(|line| line.strip_prefix(name));
    let (release, commit) = field("release: ").zip(field("commit-hash: ")).ok_or("rustc -vV tells no release")?;
    let std = json!({
        "type": "library",
        "bom-ref": format!("rust-std@{release}"),
        "name": "rust-std",
        "version": release,
        "description": format!("Rust's standard library, as rustc {release} ({commit}) brings it"),
        "scope": "required",
        "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        "purl": format!("pkg:github/rust-lang/rust@{release}"),
    });
    let musl = wanted.musl.as_ref().map(|version| {
        json!({
            "type": "library",
            "bom-ref": format!("musl@{version}"),
            "name": "musl",
            "version": version,
            "description": "The C library",
            "scope": "required",
            "licenses": [{ "expression": "MIT" }],
            "cpe": format!("cpe:2.3:a:musl-libc:musl:{version}:*:*:*:*:*:*:*"),
        })
    });
    Ok(std::iter::once(std).chain(musl).collect())
}

fn reference((name, version): &Key) -> String {
    format!("{name}@{version}")
}

fn timestamp() -> Result<String, Problem> {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").map_err(|_| "SOURCE_DATE_EPOCH is not set")?;
    Ok(OffsetDateTime::from_unix_timestamp(seconds.parse()?)?.format(&Rfc3339)?)
}
