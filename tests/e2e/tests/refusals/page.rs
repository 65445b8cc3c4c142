//! docs/refusals.md: written from the rows and from what the clients did, and read back for what they did last time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use kafka_protocol::ResponseError;
use weir_kafka::refusal::code_of;
use weir_testkit::paths;

use crate::no_row::NO_ROW;
use crate::row::{CLIENTS, Case, Counted, Met, Row, Why};
use crate::rows::{CONNECTIONS, REQUESTS, SLOW};

/// What a client did, by the row's name and the client's directory.
pub type Cells = BTreeMap<(String, String), String>;

/// Nothing is known yet.
const UNKNOWN: &str = "?";

const HEAD: &str = "# Refusals: what a client's program sees

What each client library does when Weir says no, and what its user should do then. The names in the first column are
those of the log, of the metrics `weir_refused_total` and `weir_connections_closed_total`, and of `weir explain`.
[operate/quotas.md](operate/quotas.md) has the limits.

This page is written by a test that makes each library meet each reason before a real broker, with the versions of
[tests/clients](../tests/clients/README.md). `make test` fails where Weir refuses with another code or not at all, or
where a client does not go on; what a library words otherwise it prints as `differs`. `make refusals` fails where one
word is another, and `WEIR_BLESS=1 make refusals` writes the page anew. confluent-kafka for Python stands for
librdkafka.

## What the columns say

- `call`: `Error` (29): that call of the library gives that error to the program; 29 is Kafka's code, where the error has
  one. An error that came by a callback or an event has its name in the place of the call. Of several errors without a
  code, one stands here.
- *asks nothing*: the library gives that error without asking Weir.
- *asks again*: the program is told nothing within six seconds; the library has asked more than once. Its log may say so.
- *goes on*: when the test took the reason away, the same client, with no more than the same call again, read or committed
  within half a minute. *stops*: the library says that it will not; the program must make a new client. Where neither
  stands, the test cannot take the reason away under a client.
- *no error*: every call succeeds, and in *no error; slower* later than without the limit.
- *not met*: no step of the five programs leads to it; the column *where* says why. *cannot*: this library does not.

So that the test need not wait, metadata was refreshed every second, pauses between connections were no longer than that,
calls that take a time-out had three seconds, and kafkajs gave up after four retries; libraries wait longer by default.
";

/// The whole page.
pub fn text(cells: &Cells) -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n## Refused in an answer, or at the door\n\n");
    table(&mut page, REQUESTS, cells);
    page.push_str("\n## Connections that end\n\n");
    table(&mut page, CONNECTIONS, cells);
    page.push_str("\n## Without an error\n\n");
    table(&mut page, SLOW, cells);
    page.push_str("\n## What to do\n\n");
    for row in rows() {
        writeln!(page, "- **{}**: {}", row.name(), row.advice).expect("a string takes text");
    }
    page.push_str("\n## Ends of connections without a row\n\nThe client connects again, with a pause that grows.\n\n");
    page.push_str("| reason | why |\n|---|---|\n");
    for (reason, why) in NO_ROW {
        writeln!(page, "| {reason} | {why} |").expect("a string takes text");
    }
    page
}

/// Every row, in the order of the page.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    REQUESTS.iter().chain(CONNECTIONS).chain(SLOW)
}

/// Where it is.
pub fn path() -> PathBuf {
    paths::root().join("docs/refusals.md")
}

/// What the clients did, as the page has it.
pub fn read() -> Cells {
    let page = std::fs::read_to_string(path()).unwrap_or_default();
    let mut cells = Cells::new();
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let parts: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let Some(did) = parts.len().checked_sub(CLIENTS.len()).filter(|first| *first == 4) else { continue };
        for ((client, _), cell) in CLIENTS.iter().zip(&parts[did..]) {
            cells.insert((parts[0].to_string(), (*client).to_string()), (*cell).to_string());
        }
    }
    cells
}

fn table(page: &mut String, rows: &[Row], cells: &Cells) {
    let names = CLIENTS.map(|(_, shown)| shown).join(" | ");
    writeln!(page, "| reason | meaning | where | Kafka says | {names} |\n|---|---|---|---|---|---|---|---|---|")
        .expect("a string takes text");
    for row in rows {
        let did = CLIENTS.map(|(client, _)| did(row, client, cells)).join(" | ");
        let place = match row.met {
            Met::Not(why) => format!("{}; not met here: {why}", row.place),
            Met::By(_) => row.place.into(),
        };
        writeln!(page, "| {} | {} | {place} | {} | {did} |", row.name(), row.meaning(), says(row))
            .expect("a string takes text");
    }
}

fn did(row: &Row, client: &str, cells: &Cells) -> String {
    match &row.met {
        Met::Not(_) => "not met".into(),
        Met::By(case) => match case.cannot.iter().find(|(name, _)| *name == client) {
            Some((_, why)) => format!("cannot: {why}"),
            None => cells.get(&(row.name().into(), client.into())).cloned().unwrap_or_else(|| UNKNOWN.into()),
        },
    }
}

fn says(row: &Row) -> String {
    match (row.why, &row.met) {
        (_, Met::By(Case { counted: Counted::NoError, .. })) => "nothing".into(),
        (Why::Slow(..), _) => "throttle_time_ms".into(),
        (Why::Close(_), _) | (_, Met::By(Case { counted: Counted::Closed(_), .. })) => match row.place {
            "TLS handshake" => "a TLS alert".into(),
            _ => "closed".into(),
        },
        (Why::Reason(reason), _) => named(code_of(reason)),
    }
}

/// Kafka's own name of a code.
fn named(code: i16) -> String {
    let name = ResponseError::try_from_code(code).map(|error| format!("{error:?}")).unwrap_or_default();
    let mut shown = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !shown.is_empty() {
            shown.push('_');
        }
        shown.extend(letter.to_uppercase());
    }
    format!("{code} {shown}")
}
