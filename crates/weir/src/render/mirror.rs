//! `weir render mirror`: the properties of MirrorMaker 2 for each public cluster, and what runs differently.
//!
//! Must never: print a secret, or call the same what was not all compared.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use weir_server::mirror::{self, Difference, Mirrored};
use weir_server::snapshot::OfflinePolicy;

use super::files::{self, Rendered};
use crate::WRONG;

/// For which cluster.
#[derive(Debug, Args)]
pub(crate) struct Mirror {
    /// The configuration file; relative paths in it begin at its directory.
    #[arg(short, long, value_name = "FILE", default_value = "weir.yaml")]
    config: PathBuf,
    /// The public cluster; needed where several have a mirror and no directory is given.
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// Write a file `mirror-NAME.properties` for each cluster into this directory. Without it, one is printed.
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    out: Option<PathBuf>,
    /// Compare with what runs: the properties file of a MirrorMaker, or, for one that runs on Connect, what its
    /// `GET /connectors/NAME/config` says; `-` for standard input. `+` is copied and must not be, `-` is not and should,
    /// `~` is set to something else. Exits with 0 where nothing differs, 1 where something does, 2 where a file is wrong.
    #[arg(long, value_name = "RUNNING")]
    check: Option<PathBuf>,
    /// With --check: exit with 0, too, where all that differs is that the mirror does not copy every topic yet. It copies
    /// nothing that it must not, and may start.
    #[arg(long, requires = "check")]
    allow_missing: bool,
}

pub(crate) fn run(order: &Mirror) -> ExitCode {
    let mirrored = match rendered(order) {
        Ok(mirrored) => mirrored,
        Err(why) => {
            eprintln!("{why}");
            return WRONG.into();
        }
    };
    match (&order.check, &order.out, mirrored.as_slice()) {
        (Some(running), _, [one]) => check(one, running, order.allow_missing),
        (None, Some(directory), all) => write(directory, all),
        (None, None, [one]) => {
            tell_what_is_not_copied(one);
            print!("{}", one.text);
            ExitCode::SUCCESS
        }
        (_, _, several) => {
            let names: Vec<&str> = several.iter().map(|one| one.upstream.as_str()).collect();
            eprintln!(
                "{} have a mirror: say which with --upstream, or write all of them with --out DIR",
                names.join(", ")
            );
            WRONG.into()
        }
    }
}

/// At least one.
fn rendered(order: &Mirror) -> Result<Vec<Mirrored>, String> {
    let read = OfflinePolicy::of_config(&order.config, None).map_err(|errors| errors.to_string())?;
    let file = order.config.display().to_string();
    let mut mirrored = mirror::render(&file, &read).map_err(|errors| errors.to_string())?;
    if let Some(name) = &order.upstream {
        mirrored.retain(|one| one.upstream == *name);
    }
    if mirrored.is_empty() {
        let of =
            order.upstream.as_ref().map_or_else(|| "no upstream".to_owned(), |name| format!("no upstream `{name}`"));
        return Err(format!("{file}: {of} has a `mirror`; add one, docs/operate/mirror.md shows how"));
    }
    Ok(mirrored)
}

fn tell_what_is_not_copied(mirrored: &Mirrored) {
    for prefix in &mirrored.not_copied {
        eprintln!(
            "{}: topics of the catalogue's entry `prefix: {prefix}` are not copied; list by name those that should be",
            mirrored.upstream
        );
    }
}

fn write(directory: &Path, all: &[Mirrored]) -> ExitCode {
    all.iter().for_each(tell_what_is_not_copied);
    let named: Vec<(String, &str)> =
        all.iter().map(|one| (format!("mirror-{}.properties", one.upstream), one.text.as_str())).collect();
    let rendered: Vec<Rendered<'_>> =
        named.iter().map(|(name, text)| Rendered { name, text, is_program: false }).collect();
    match files::write(directory, &rendered) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// More than the properties of ten thousand topics.
const LONGEST: u64 = 16 << 20;

fn check(mirrored: &Mirrored, running: &Path, allow_missing: bool) -> ExitCode {
    let differences = text_of(running)
        .map_err(|error| error.to_string())
        .and_then(|text| mirror::drift(mirrored, &text))
        .map_err(|why| format!("{}: {why}", running.display()));
    match differences {
        Ok(differences) if differences.is_empty() => {
            println!("the mirror of {} runs as rendered", mirrored.upstream);
            ExitCode::SUCCESS
        }
        Ok(differences) => {
            differences.iter().for_each(|difference| println!("{difference}"));
            if allow_missing && differences.iter().all(Difference::is_only_less) {
                println!(
                    "the mirror of {} copies less than it should, and nothing that it must not",
                    mirrored.upstream
                );
                return ExitCode::SUCCESS;
            }
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("{why}");
            WRONG.into()
        }
    }
}

fn text_of(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(LONGEST).read_to_string(&mut text)?
    } else {
        std::fs::File::open(path)?.take(LONGEST).read_to_string(&mut text)?
    };
    if u64::try_from(read).is_ok_and(|read| read >= LONGEST) {
        return Err(std::io::Error::other("it is too long to be the properties of a mirror"));
    }
    Ok(text)
}
