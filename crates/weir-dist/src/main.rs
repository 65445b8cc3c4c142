//! What ships beside the `weir` binary: man pages, completions, the list of what is in it, and the licences of that.
//!
//! `deploy/dist.sh` calls it and packs what it writes. The same sources give the same bytes: nothing here may ask the
//! clock, or write where it was run.

mod commands;
mod notices;
mod packages;
mod sbom;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Why something cannot be made, in words.
type Problem = Box<dyn std::error::Error>;

/// Writes what ships beside the `weir` binary.
#[derive(Debug, Parser)]
enum Make {
    /// One man page for each command, in section 1.
    Man { directory: PathBuf },
    /// Completions for bash (`weir`), zsh (`_weir`) and fish (`weir.fish`).
    Completions { directory: PathBuf },
    /// The list of what is in the binary: CycloneDX 1.5, JSON.
    Sbom(sbom::Wanted),
    /// The licence texts of all that is in the binary.
    Notices(notices::Wanted),
}

fn main() -> ExitCode {
    let made = match Make::parse() {
        Make::Man { directory } => commands::write_man_pages(&directory),
        Make::Completions { directory } => commands::write_completions(&directory),
        Make::Sbom(wanted) => sbom::write(&wanted),
        Make::Notices(wanted) => notices::write(&wanted),
    };
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("weir-dist: {problem}");
            ExitCode::FAILURE
        }
    }
}
