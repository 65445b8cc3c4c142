//! `weir cert list` and `weir cert expiring`: what a CA has issued, by its index. No key is needed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use weir_pki::{CaDirectory, Entry, Event};

use super::{Done, issue, told};

/// What is shown of a CA.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// The directory of the CA.
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// Expired and revoked certificates, too.
    #[arg(long)]
    all: bool,
    /// All that was ever done instead: who, when, for which ticket.
    #[arg(long, conflicts_with = "all")]
    history: bool,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

/// What ends soon.
#[derive(Debug, Args)]
pub(crate) struct Expiring {
    /// The directory of the CA.
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// How soon: days (`30d`), hours (`12h`) or weeks (`6w`). The certificates of the CA and the CA itself; its list within a
    /// week at the most, for it is made anew more often.
    #[arg(long, value_name = "TIME", value_parser = span)]
    within: Duration,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

pub(super) fn list(order: &List) -> Done {
    let ca = CaDirectory::open(&order.ca)?;
    let now = OffsetDateTime::now_utc();
    let shown: Vec<&Entry> = ca.entries().iter().filter(|entry| order.all || entry.is_live(now)).collect();
    if order.json {
        let told = match order.history {
            true => json!({"history": ca.history().iter().map(event).collect::<Vec<_>>()}),
            false => json!({
                "certificates": shown.iter().map(|entry| told::entry(entry, now)).collect::<Vec<_>>(),
                "not_after": told::instant(ca.facts().not_after),
                "list": ca.crl().as_ref().map(told::list),
            }),
        };
        println!("{told}");
    } else if order.history {
        ca.history().iter().for_each(|event| println!("{}", event_line(event)));
    } else {
        print!("{}", table(&shown, now));
        let left = ca.entries().len().saturating_sub(shown.len());
        if left > 0 {
            println!("and {left} that are expired or revoked: `--all` shows them");
        }
    }
    issue::remarks(&ca);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn expiring(order: &Expiring) -> Done {
    let ca = CaDirectory::open(&order.ca)?;
    let now = OffsetDateTime::now_utc();
    let end = now.saturating_add(order.within);
    let due: Vec<&Entry> =
        ca.entries().iter().filter(|entry| is_last(entry, &ca, now) && entry.not_after <= end).collect();
    let own = own(&ca, end, end.min(now.saturating_add(Duration::WEEK)));
    if order.json {
        let certificates: Vec<Value> = due.iter().map(|entry| told::entry(entry, now)).collect();
        let own: Vec<Value> =
            own.iter().map(|(what, at)| json!({"file": ca.path().join(what), "at": told::instant(*at)})).collect();
        println!(
            "{}",
            json!({"within_seconds": order.within.whole_seconds(), "certificates": certificates, "own": own})
        );
    } else {
        if !due.is_empty() {
            print!("{}", table(&due, now));
        }
        for (what, at) in &own {
            println!("{}: {}", ca.path().join(what).display(), told::minute(*at));
        }
    }
    Ok(if due.is_empty() && own.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether a certificate is in use and has no successor that lives longer: of an overlap only the last is told.
fn is_last(entry: &Entry, ca: &CaDirectory, now: OffsetDateTime) -> bool {
    let follows = |other: &Entry| {
        let same = other.purpose == entry.purpose && other.name == entry.name;
        same && other.is_live(now) && other.not_after > entry.not_after
    };
    entry.is_live(now) && !ca.entries().iter().any(follows)
}

/// The CA's own files that end, or whose successor is due, by then.
fn own(ca: &CaDirectory, end: OffsetDateTime, list_end: OffsetDateTime) -> Vec<(&'static str, OffsetDateTime)> {
    let certificate = Some(("ca.pem", ca.facts().not_after)).filter(|(_, at)| *at <= end);
    let list = ca.crl().map(|list| ("crl.pem", list.next_update)).filter(|(_, at)| *at <= list_end);
    [certificate, list].into_iter().flatten().collect()
}

fn table(entries: &[&Entry], now: OffsetDateTime) -> String {
    let heading = ["NAME", "FOR", "STANDING", "UNTIL", "BY", "TICKET", "SERIAL"].map(str::to_owned).to_vec();
    let row = |entry: &&Entry| {
        let by = &entry.issued_by;
        vec![
            told::plain(&entry.name),
            entry.purpose.name().to_owned(),
            told::standing(entry.standing(now)).to_owned(),
            told::day(entry.not_after),
            told::plain(&by.operator),
            told::plain(by.ticket.as_deref().unwrap_or("-")),
            entry.serial.as_str().to_owned(),
        ]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(entries.iter().map(row)).collect();
    told::table(&rows)
}

fn event(event: &Event) -> Value {
    json!({
        "at": told::instant(event.at),
        "by": event.by.operator,
        "ticket": event.by.ticket,
        "what": event.what,
    })
}

fn event_line(event: &Event) -> String {
    let ticket = event.by.ticket.as_deref().map(|ticket| format!(", ticket {ticket}")).unwrap_or_default();
    let line = format!("{} {}{ticket}: {}", told::instant(event.at), event.by.operator, event.what);
    told::plain(&line)
}

fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number and its unit, like `30d`, `12h` or `6w`".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let number = text.strip_suffix(unit).and_then(|digits| digits.parse::<u16>().ok()).ok_or_else(wrong)?;
    let number = i64::from(number);
    match unit {
        'h' => Ok(Duration::hours(number)),
        'd' => Ok(Duration::days(number)),
        'w' => Ok(Duration::weeks(number)),
        _ => Err(wrong()),
    }
}
