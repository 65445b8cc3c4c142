//! Whether what a client did is what the page says. What is Weir's doing must be so: that it refused, with which code,
//! and that the client goes on when nothing is in its way. How a library words it, and when, is its own mood and the
//! machine's: that is told, and fails only where it is much.
//!
//! Must never let pass another code, an error where the page has none, or a client that does not go on.

use std::collections::BTreeMap;
use std::io::Write as _;

use weir_testkit::paths;

use crate::Seen;
use crate::page::{self, Cells};

/// A client that was refused once and has neither told its program nor asked again. The page never says so.
pub const SILENT: &str = "is silent";
/// One cell in so many may differ in what is a library's.
const DIFFERS_OF: usize = 10;
/// So many clients of one row may. Where more do, it is not their mood.
const DIFFERS_OF_ROW: usize = 2;

/// How near it is to what the page says, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Word for word.
    Same,
    /// What is Weir's doing is the same.
    Differs,
    /// It is not; why.
    Fails(&'static str),
}

impl Verdict {
    /// How far it is from the page.
    pub fn distance(self) -> u8 {
        match self {
            Self::Same => 0,
            Self::Differs => 1,
            Self::Fails(_) => 2,
        }
    }
}

/// What the program was told, as far as Weir has to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// The library did not ask.
    Unasked,
    /// Each call succeeded.
    NoError,
    /// Nothing yet.
    Nothing,
    /// An error, with Kafka's code where it has one.
    Error(Option<i64>),
}

/// Whether every word counts: in `make refusals`, and where the page is written.
pub fn is_exact() -> bool {
    is_blessing() || std::env::var("WEIR_REFUSALS").as_deref() == Ok("exact")
}

/// What the page says against what was done, or why that cannot be said.
pub fn of(said: &str, held: &Result<String, String>) -> Verdict {
    match held {
        Ok(did) => compare(said, did),
        Err(_) => Verdict::Fails("it was not met"),
    }
}

/// Kafka's code in the words of an error.
pub fn code(words: &str) -> Option<i64> {
    words.strip_suffix(')')?.rsplit_once(" (")?.1.parse().ok()
}

/// Java gives Kafka's code 7 to time-outs of its own, of which Weir has told nothing.
pub fn is_own_timeout(words: &str, said: Option<i64>) -> bool {
    words.contains("`TimeoutException` (7)") && said != Some(7)
}

/// The part of a cell before what became of it.
pub fn told(cell: &str) -> &str {
    split(cell).0
}

/// Compares with the page, or writes it.
///
/// # Panics
/// Where it is not as the page says; the last lines say where.
pub fn judge(seen: &[Seen]) {
    let before = page::read();
    if is_blessing() {
        bless(before, seen);
        return;
    }
    let (mut details, mut failed, mut differs) = (Vec::new(), Vec::new(), Vec::new());
    let mut of_row: BTreeMap<&str, usize> = BTreeMap::new();
    for (row, client, held) in seen {
        let said = before.get(&(row.clone(), client.clone())).map_or("nothing", String::as_str);
        let did = held.as_ref().map_or("nothing that can be said", String::as_str);
        let line = format!("{row}, {client}: the page says: {said}; it did: {did}");
        match of(said, held) {
            Verdict::Same => {}
            Verdict::Differs if !is_exact() => {
                *of_row.entry(row).or_default() += 1;
                differs.push(line);
            }
            Verdict::Differs => failed.push(line),
            Verdict::Fails(why) => failed.push(format!("{line}: {why}")),
        }
        details.extend(held.as_ref().err().map(|why| format!("{row}, {client}: {why}")));
    }
    tell(&differs);
    let many = of_row.into_iter().filter(|(_, differ)| *differ > DIFFERS_OF_ROW);
    failed.extend(many.map(|(row, differ)| format!("{row}: {differ} clients differ, more than {DIFFERS_OF_ROW}")));
    if differs.len() > seen.len().div_ceil(DIFFERS_OF) {
        failed.push(format!("{} of {} cells differ, more than one in {DIFFERS_OF}", differs.len(), seen.len()));
    }
    let (details, count) = (details.join("\n"), failed.len());
    assert!(failed.is_empty(), "{details}\n\n{count} differences from docs/refusals.md:\n{}", failed.join("\n"));
}

fn bless(mut cells: Cells, seen: &[Seen]) {
    let mut failed = Vec::new();
    for (row, client, held) in seen {
        match held {
            Ok(did) if told(did) != SILENT => drop(cells.insert((row.clone(), client.clone()), did.clone())),
            Ok(_) => failed.push(format!("{row}, {client}: it {SILENT}")),
            Err(why) => failed.push(format!("{row}, {client}: {why}")),
        }
    }
    std::fs::write(page::path(), page::text(&cells)).expect("the page can be written");
    assert!(failed.is_empty(), "{} cells could not be written\n{}", failed.len(), failed.join("\n"));
}

/// Says what differs where libtest does not capture it, and where `tests/run.sh` finds it.
fn tell(differs: &[String]) {
    let lines: String = differs.iter().map(|line| format!("differs: {line}\n")).collect();
    let _ = std::io::stderr().write_all(lines.as_bytes());
    let file = std::fs::File::options().create(true).append(true).open(paths::target().join("differs"));
    file.and_then(|mut file| file.write_all(lines.as_bytes())).expect("target/differs can be written");
}

fn is_blessing() -> bool {
    std::env::var_os("WEIR_BLESS").is_some()
}

fn compare(said: &str, did: &str) -> Verdict {
    if said == did {
        return Verdict::Same;
    }
    let ((told_said, after_said), (told_did, after_did)) = (split(said), split(did));
    let said_code = code(told_said);
    let (Some(was), Some(is)) = (read(told_said, said_code), read(told_did, said_code)) else {
        return Verdict::Fails("one of them is none of the page's words");
    };
    let (told, after) = (compare_told(was, is), compare_after(after_said, after_did, told_said == told_did));
    if told.distance() < after.distance() { after } else { told }
}

fn compare_told(said: Told, did: Told) -> Verdict {
    use Told::{Error, NoError, Nothing, Unasked};
    match (said, did) {
        (Error(Some(said)), Error(Some(did))) if said != did => Verdict::Fails("another code"),
        (Error(None) | Nothing, Error(Some(_))) => Verdict::Fails("a code where the page has none"),
        (NoError, Error(_)) => Verdict::Fails("an error where the page has none"),
        (Error(_) | Nothing, NoError) => Verdict::Fails("no error, and the page has one"),
        (Unasked, Unasked) => Verdict::Differs,
        (Unasked, _) | (_, Unasked) => Verdict::Fails("one of them asked and the other did not"),
        (Error(_) | Nothing | NoError, Nothing) | (NoError, NoError) | (Nothing | Error(_), Error(_)) => {
            Verdict::Differs
        }
    }
}

/// Who goes on where the page has it stop was told otherwise, or something has changed.
fn compare_after(said: &str, did: &str, told_the_same: bool) -> Verdict {
    match (said, did) {
        _ if said == did => Verdict::Same,
        (GOES_ON, _) => Verdict::Fails("it does not go on"),
        (STOPS | STAYS, GOES_ON) if told_the_same => Verdict::Fails("it goes on"),
        (STOPS | STAYS, GOES_ON | STOPS | STAYS) => Verdict::Differs,
        _ => Verdict::Fails("what was in its way was taken away in one of them only"),
    }
}

/// What a cell says of an error, where it is words of the page's.
fn read(told: &str, said: Option<i64>) -> Option<Told> {
    match told {
        "asks again" | SILENT => Some(Told::Nothing),
        _ if told.starts_with("asks nothing: ") => Some(Told::Unasked),
        _ if told.starts_with("no error") => Some(Told::NoError),
        _ if is_own_timeout(told, said) => Some(Told::Error(None)),
        _ if told.starts_with('`') => Some(Told::Error(code(told))),
        _ => None,
    }
}

/// What becomes of a client, as the page words it.
pub const GOES_ON: &str = "; goes on";
/// The library says so.
pub const STOPS: &str = "; stops";
/// It has said nothing, and does nothing.
pub const STAYS: &str = "; does not go on";

fn split(cell: &str) -> (&str, &'static str) {
    let ends = [GOES_ON, STOPS, STAYS].into_iter();
    ends.filter_map(|end| cell.strip_suffix(end).map(|told| (told, end))).next().unwrap_or((cell, ""))
}

/// What is Weir's doing is held, however the page or the client words it.
#[test]
fn what_weir_does_may_not_differ() {
    use Verdict::{Differs, Same};
    let coded = "`poll`: `TopicAuthorizationException` (29); goes on";
    let bare = "`error_cb`: `_TRANSPORT`; goes on";
    let crash = "`CRASH event`: `A`; stops";
    for (said, did, verdict) in [
        (coded, coded, Same),
        (coded, "`error_cb`: `TopicAuthorizationException` (29); goes on", Differs),
        (coded, "is silent; goes on", Differs),
        (coded, "`poll`: `TimeoutException` (7); goes on", Differs),
        (bare, "asks again; goes on", Differs),
        ("asks again; goes on", bare, Differs),
        (bare, "`error_cb`: `_ALL_BROKERS_DOWN`; goes on", Differs),
        (crash, "`CRASH event`: `B`; goes on", Differs),
        ("no error; slower", "no error; as fast", Differs),
    ] {
        assert_eq!(compare(said, did), verdict, "{said} | {did}");
    }
    for (said, did) in [
        (coded, "`poll`: `GroupAuthorizationException` (30); goes on"),
        (coded, "`poll`: `TopicAuthorizationException` (29)"),
        (coded, "`poll`: `TopicAuthorizationException` (29); stops"),
        (coded, "is silent; does not go on"),
        (coded, "no error; goes on"),
        (coded, "asks nothing: `poll`: `TopicAuthorizationException` (29); goes on"),
        (bare, coded),
        ("asks again; goes on", coded),
        ("asks again", "no error"),
        (bare, "`error_cb`: `_ALL_BROKERS_DOWN`; stops"),
        (crash, "`CRASH event`: `A`; goes on"),
        ("`times`: `TimeoutException` (7)", "`times`: `GroupAuthorizationException` (30)"),
        ("no error", bare),
        ("nothing", coded),
        ("?", "asks again"),
    ] {
        assert!(matches!(compare(said, did), Verdict::Fails(_)), "{said} | {did}");
    }
    assert!(matches!(of(coded, &Err("met nothing".into())), Verdict::Fails(_)));
}
