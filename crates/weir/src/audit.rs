//! `weir audit verify`: whether an audit is as it was written.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use weir_server::audit::{Found, NotWhole, verify};

use crate::WRONG;

#[derive(Debug, Subcommand)]
pub(crate) enum Order {
    /// Look at every line of an audit and print what is there. Exits with 0 where it is whole, 1 at the first line that was
    /// changed, removed or moved, which is named, 2 where a file cannot be read or none is there. Changes nothing.
    Verify {
        /// The directory: `audit.directory` of the configuration.
        directory: PathBuf,
    },
}

pub(crate) fn run(order: &Order) -> ExitCode {
    let Order::Verify { directory } = order;
    match verify(directory) {
        // Nothing was looked at: to call that whole would hide a directory that somebody emptied, or a wrong one.
        Ok(found) if found.files.is_empty() && found.deleted == 0 => {
            eprintln!("{}: no audit is here; name the directory of `audit.directory`", directory.display());
            ExitCode::from(WRONG)
        }
        Ok(found) => {
            print!("{}", told(directory, &found));
            ExitCode::SUCCESS
        }
        Err(error @ NotWhole::Unreadable { .. }) => {
            eprintln!("{error}");
            ExitCode::from(WRONG)
        }
        Err(broken) => {
            println!("{broken}");
            ExitCode::FAILURE
        }
    }
}

fn told(directory: &Path, found: &Found) -> String {
    let files: String = found.files.iter().map(|(file, lines)| format!("  {file}: {lines} lines\n")).collect();
    let deleted = match found.deleted {
        0 => String::new(),
        days => format!("  {days} older days are deleted; the chain goes on where they ended\n"),
    };
    let half = match found.half_line {
        true => "  half a line at the end, which is written now or was when the process ended\n",
        false => "",
    };
    let (lines, seq, hash) = (found.lines, found.seq, &found.hash);
    format!("{}\n{deleted}{files}{half}whole: {lines} lines, the last is {seq} with {hash}\n", directory.display())
}
