//! Man pages and completions, from the definition that the binary itself parses its arguments with.

use std::fs;
use std::path::Path;

use clap_complete::Shell;

use crate::Problem;

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// `weir.1`, `weir-check.1`, `weir-groups-list.1` and so on.
pub(crate) fn write_man_pages(directory: &Path) -> Result<(), Problem> {
    fs::create_dir_all(directory)?;
    clap_mangen::generate_to(weir::commands(), directory)?;
    Ok(())
}

/// Each under the name that its shell looks for.
pub(crate) fn write_completions(directory: &Path) -> Result<(), Problem> {
    fs::create_dir_all(directory)?;
    for shell in SHELLS {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut weir::commands(), "weir", &mut script);
        let name = match shell {
            Shell::Zsh => "_weir",
            Shell::Fish => "weir.fish",
            _ => "weir",
        };
        fs::write(directory.join(name), script)?;
    }
    Ok(())
}
