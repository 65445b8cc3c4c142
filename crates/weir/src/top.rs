//! `weir top`: who does what now, live in a terminal or once for a script.
//!
//! Must never: give the terminal a byte that came from a client as anything but text.

mod page;
mod table;
mod terminal;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use weir_server::observe::TopPage;

use crate::asking::Running;
use table::Table;

/// Rates are of so long.
const PERIOD: Duration = Duration::from_secs(1);

/// What to watch.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    running: Running,
    /// Print one table, of one second, and exit: as where the output is no terminal.
    #[arg(long)]
    once: bool,
    /// What stands first.
    #[arg(long, value_enum, default_value_t = Order::Bytes)]
    sort: Order,
}

/// What principals are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// Bytes to clients in a second.
    Bytes,
    /// Partitions committed in a second.
    Commits,
    /// Groups at the brokers.
    Groups,
    /// Refused items in a second.
    Refusals,
}

/// Two looks, one after the other.
#[derive(Debug, Default)]
struct Looks {
    before: Option<(Instant, TopPage)>,
    now: Option<(Instant, TopPage)>,
}

pub(crate) fn run(watch: &Watch) -> ExitCode {
    let watched = || {
        let admin = watch.running.admin()?;
        if watch.once || !std::io::stdout().is_terminal() {
            once(admin, watch.sort)
        } else {
            terminal::watch(admin, watch.sort)
        }
    };
    match watched() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn once(admin: SocketAddr, order: Order) -> Result<(), String> {
    let mut looks = Looks::default();
    looks.look(admin)?;
    std::thread::sleep(PERIOD);
    looks.look(admin)?;
    looks.table(order).lines(usize::MAX, usize::MAX).iter().for_each(|line| println!("{line}"));
    Ok(())
}

impl Looks {
    fn look(&mut self, admin: SocketAddr) -> Result<(), String> {
        let page = page::get(admin)?;
        self.before = self.now.replace((Instant::now(), page));
        Ok(())
    }

    fn table(&self, order: Order) -> Table {
        let Some((at, now)) = &self.now else { return Table::default() };
        // What began anew has no rates yet.
        let before = self.before.as_ref().filter(|(_, before)| before.uptime_ms <= now.uptime_ms);
        let passed = before.map_or(Duration::ZERO, |(before, _)| at.saturating_duration_since(*before));
        Table::new(now, before.map(|(_, before)| before), passed, order)
    }
}
