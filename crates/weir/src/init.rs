//! `weir init`: a first configuration and policy from a few answers, made of the examples that Weir ships.
//!
//! Must never: replace a file, leave half of them behind, make a key, or decide on personal data.

mod answers;
mod texts;

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::WRONG;
use answers::Answers;

/// What is known before anybody is asked.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Where the files go. It is made where it is not there.
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The name that clients dial. It and `*.` before it must lead to this machine, and broker 3 is shown as `b3.HOST`.
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// The brokers to ask first, as HOST:PORT, with commas between them.
    #[arg(long, value_name = "BROKERS", value_delimiter = ',')]
    bootstrap: Vec<String>,
    /// Where clients are taken, as IP:PORT; 0.0.0.0:9093 without it.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where metrics are told, on loopback; 127.0.0.1:9180 without it.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
    /// The directory of the audit. Without it /var/lib/weir/audit for a configuration in /etc/weir, and `audit` beside
    /// any other.
    #[arg(long, value_name = "DIR")]
    audit: Option<PathBuf>,
    /// The first who may connect: a name for them.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// How to reach them.
    #[arg(long, value_name = "ADDRESS", requires = "principal")]
    contact: Option<String>,
    /// A topic that may leave once somebody has decided so, and that the principal may read. May be repeated.
    #[arg(long = "topic", value_name = "TOPIC", value_delimiter = ',')]
    topics: Vec<String>,
    /// Ask nothing: what is not said has its default, and `--host` and `--bootstrap` must be said.
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(order: &Init) -> ExitCode {
    let stdin = io::stdin();
    let asks = stdin.is_terminal() && !order.yes;
    let answers = if asks { Answers::ask(order, &mut stdin.lock(), &mut io::stderr()) } else { Answers::of(order) };
    let done = answers.and_then(|answers| {
        let files = texts::all(&answers)?;
        write(&order.dir, &files)?;
        Ok((answers, files))
    });
    match done {
        Ok((answers, files)) => {
            for (path, _) in &files {
                println!("{}", order.dir.join(path).display());
            }
            print!("{}", texts::next_steps(&answers, &order.dir));
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            WRONG.into()
        }
    }
}

/// Writes all files, or none.
fn write(directory: &Path, files: &[(PathBuf, String)]) -> Result<(), String> {
    let there: Vec<String> = files
        .iter()
        .map(|(path, _)| directory.join(path))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| path.display().to_string())
        .collect();
    if !there.is_empty() {
        let fix = "nothing was written: name another directory with `--dir`, or move them away";
        return Err(format!(
            "{} {} there already; {fix}",
            there.join(", "),
            if there.len() == 1 { "is" } else { "are" }
        ));
    }
    let failed = |path: &Path, error| format!("{}: {error}; run this as a user who may write there", path.display());
    let principals = directory.join("acl/principals");
    let made = DirBuilder::new().recursive(true).mode(0o755).create(&principals);
    made.map_err(|error| failed(&principals, error))?;
    let mut written: Vec<PathBuf> = Vec::new();
    for (path, text) in files {
        let path = directory.join(path);
        if let Err(error) = write_one(&path, text) {
            written.iter().for_each(|path| drop(fs::remove_file(path)));
            return Err(failed(&path, error));
        }
        written.push(path);
    }
    Ok(())
}

fn write_one(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all())
}
