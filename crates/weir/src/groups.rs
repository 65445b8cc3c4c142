//! `weir groups list` and `weir groups expire`: what one principal has at the brokers, and what of it may go.

mod told;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use weir_policy::Principal;
use weir_server::operator::{Fate, Group, GroupDesk, Groups};
use weir_server::snapshot::Snapshot;

use crate::{WRONG, explain};
use told::Told;

/// What is done with groups.
#[derive(Debug, Subcommand)]
pub(crate) enum Act {
    /// The principal's groups at the brokers, and how much of its limits they use up. Exits with 1 where a broker did not
    /// say all.
    List(List),
    /// Has the brokers delete groups that have no members, with what they committed. Exits with 1 where one was not.
    Expire(Expire),
}

/// Whose groups.
#[derive(Debug, Args)]
struct Whose {
    /// The principal's name.
    #[arg(long, value_name = "NAME")]
    principal: String,
    /// At this upstream alone. Without it: at all that have a listener.
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "weir.yaml")]
    config: PathBuf,
}

/// To be listed.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    whose: Whose,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// To be deleted.
#[derive(Debug, Args)]
pub(crate) struct Expire {
    #[command(flatten)]
    whose: Whose,
    /// The groups, as the principal names them.
    #[arg(value_name = "GROUP", required_unless_present = "all_empty", conflicts_with = "all_empty")]
    groups: Vec<String>,
    /// All that have no members.
    #[arg(long)]
    all_empty: bool,
    /// Do not ask first.
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(act: &Act) -> ExitCode {
    match act {
        Act::List(list) => on(&list.whose, |desk, principal| {
            let groups = desk.list();
            let told = Told { principal, groups: &groups };
            print!("{}", if list.json { told.json() } else { told.text() });
            say_untold(&groups);
            if groups.untold.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }),
        Act::Expire(expire) => on(&expire.whose, |desk, principal| run_expire(expire, desk, principal)),
    }
}

fn on(whose: &Whose, act: impl FnOnce(&GroupDesk, &Principal) -> ExitCode) -> ExitCode {
    match open(&whose.config, &whose.principal, whose.upstream.as_deref()) {
        Ok((desk, principal)) => act(&desk, &principal),
        Err(why) => {
            eprintln!("{why}");
            WRONG.into()
        }
    }
}

fn open(config: &Path, principal: &str, upstream: Option<&str>) -> Result<(GroupDesk, Arc<Principal>), String> {
    let snapshot = Snapshot::load(config).map_err(|errors| errors.to_string())?;
    let policy = Arc::clone(&snapshot.policy);
    let known = policy.principal(principal).ok_or_else(|| explain::unknown(principal, &policy))?;
    let desk = GroupDesk::open(snapshot, principal, upstream).map_err(|error| error.to_string())?;
    Ok((desk, known))
}

fn say_untold(groups: &Groups) {
    for untold in &groups.untold {
        eprintln!("not told: {untold}");
    }
}

fn run_expire(expire: &Expire, desk: &GroupDesk, principal: &Principal) -> ExitCode {
    let upstreams: Vec<&str> = desk.upstreams().collect();
    if upstreams.len() > 1 {
        eprintln!("say in which cluster: add `--upstream` with one of {}", upstreams.join(", "));
        return WRONG.into();
    }
    let groups = desk.list();
    say_untold(&groups);
    let (chosen, absent) = choose(expire, &groups);
    if !chosen.is_empty() && !expire.yes && !agreed(&chosen, principal) {
        eprintln!("nothing was deleted");
        return ExitCode::FAILURE;
    }
    let fates = desk.delete(&chosen);
    let is_done = fates.iter().all(|(_, fate)| fate.is_ok()) && absent.is_empty() && groups.untold.is_empty();
    for name in absent {
        // Where a broker did not tell all, it may have the group.
        let why = if groups.untold.is_empty() { "there is no such group" } else { "no broker that answered has it" };
        println!("{}: not deleted: {why}", name.escape_debug());
    }
    if fates.is_empty() && expire.all_empty {
        println!("no group without members was found");
    }
    fates.iter().for_each(|fate| println!("{}", line(fate)));
    if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Those that are meant, and the names that no group has.
fn choose<'a>(expire: &'a Expire, groups: &'a Groups) -> (Vec<&'a Group>, Vec<&'a str>) {
    if expire.all_empty {
        return (groups.all.iter().filter(|group| group.is_empty()).collect(), Vec::new());
    }
    let mut names: Vec<&str> = expire.groups.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let of_name = |name: &&str| groups.all.iter().find(|group| group.name == **name);
    let chosen = names.iter().filter_map(of_name).collect();
    (chosen, names.into_iter().filter(|name| of_name(name).is_none()).collect())
}

fn line((group, fate): &Fate<'_>) -> String {
    match fate {
        Ok(()) => format!("{}: deleted", group.name),
        Err(why) => format!("{}: not deleted: {why}", group.name),
    }
}

/// Whether a person says yes. Without one there is nobody to ask.
fn agreed(chosen: &[&Group], principal: &Principal) -> bool {
    if !std::io::stdin().is_terminal() {
        eprintln!("nobody is here to confirm; add `--yes`");
        return false;
    }
    for group in chosen {
        let partitions = group.partitions.map_or("?".to_owned(), |partitions| partitions.to_string());
        eprintln!("  {}, {partitions} partitions committed", group.name);
    }
    eprint!("Delete these {} groups of {}? What they committed is lost. [y/N] ", chosen.len(), principal.name);
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
