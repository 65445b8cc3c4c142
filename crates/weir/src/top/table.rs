//! The table: rates from two pages, sorted and written.
//!
//! Must never: write anything but printable ASCII.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use weir_server::observe::{TopPage, TopPrincipal};

use super::Order;

const HEAD: [&str; 9] =
    ["PRINCIPAL", "CONN", "BYTES/S", "REQ/S", "COMMIT/S", "GROUPS", "REFUSED/S", "THROTTLED", "SOFTWARE"];

/// The table of one look.
#[derive(Debug, Default)]
pub(super) struct Table {
    summary: String,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    cells: [String; HEAD.len()],
    rank: (u64, u64),
}

/// What happened in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rates {
    bytes: u64,
    requests: u64,
    commits: u64,
    refused: u64,
    /// Of the time of its connections.
    throttled_percent: u64,
}

impl Table {
    /// What happened in the time that has passed between two pages.
    pub(super) fn new(now: &TopPage, before: Option<&TopPage>, passed: Duration, order: Order) -> Self {
        let before: HashMap<&str, &TopPrincipal> = before
            .map(|page| page.principals.iter().map(|one| (one.principal.as_str(), one)).collect())
            .unwrap_or_default();
        let (mut all, mut connections, mut rows) = (Rates::default(), 0_u64, Vec::new());
        for one in &now.principals {
            let rates = before.get(one.principal.as_str()).map_or_else(Rates::default, |was| rates(was, one, passed));
            all.bytes = all.bytes.saturating_add(rates.bytes);
            all.requests = all.requests.saturating_add(rates.requests);
            connections = connections.saturating_add(one.connections);
            rows.push(row(one, rates, order));
        }
        rows.sort_by(|one, other| Reverse(one.rank).cmp(&Reverse(other.rank)).then(one.cells.cmp(&other.cells)));
        let summary = format!(
            "{} principals, {connections} connections, {}B/s, {} requests/s, by {}",
            rows.len(),
            short(all.bytes),
            short(all.requests),
            order.name()
        );
        Self { summary, rows }
    }

    /// So many lines at the most, none of them longer than `width`.
    pub(super) fn lines(&self, width: usize, most: usize) -> Vec<String> {
        let head = HEAD.map(str::to_owned);
        let shown: Vec<_> =
            std::iter::once(&head).chain(self.rows.iter().map(|row| &row.cells)).take(most.saturating_sub(1)).collect();
        let longest = |column: usize| shown.iter().filter_map(|cells| cells.get(column)).map(String::len).max();
        let widths: Vec<usize> = (0..HEAD.len()).map(|column| longest(column).unwrap_or_default()).collect();
        let line = |cells: &[String; HEAD.len()]| {
            let cells = cells.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ if column == HEAD.len() - 1 => format!("  {cell}"),
                _ => format!("  {cell:>width$}"),
            });
            cells.collect::<String>()
        };
        let lines = std::iter::once(self.summary.clone()).chain(shown.into_iter().map(line));
        lines.map(|line| line.chars().take(width).collect()).collect()
    }
}

impl Order {
    fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Commits => "commits",
            Self::Groups => "groups",
            Self::Refusals => "refusals",
        }
    }
}

fn row(one: &TopPrincipal, rates: Rates, order: Order) -> Row {
    // Where nothing happens now, what happened until now comes first.
    let rank = match order {
        Order::Bytes => (rates.bytes, one.bytes_out),
        Order::Commits => (rates.commits, one.committed_partitions),
        Order::Groups => (one.groups, one.partitions_with_offset),
        Order::Refusals => (rates.refused, one.refused.all()),
    };
    let software: Vec<String> =
        one.software.iter().map(|said| format!("{} {}", printable(&said.name), printable(&said.version))).collect();
    let cells = [
        printable(&one.principal),
        one.connections.to_string(),
        short(rates.bytes),
        short(rates.requests),
        short(rates.commits),
        one.groups.to_string(),
        short(rates.refused),
        format!("{}%", rates.throttled_percent),
        software.join(", "),
    ];
    Row { cells, rank }
}

fn rates(before: &TopPrincipal, now: &TopPrincipal, passed: Duration) -> Rates {
    let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = |before: u64, now: u64| now.saturating_sub(before).saturating_mul(1000) / millis;
    let time = millis.saturating_mul(now.connections.max(before.connections).max(1));
    Rates {
        bytes: rate(before.bytes_out, now.bytes_out),
        requests: rate(before.requests, now.requests),
        commits: rate(before.committed_partitions, now.committed_partitions),
        refused: rate(before.refused.all(), now.refused.all()),
        throttled_percent: now.throttled_ms.saturating_sub(before.throttled_ms).saturating_mul(100) / time,
    }
}

/// A number of at most four digits, and what it is a thousand of.
fn short(number: u64) -> String {
    const STEPS: [(u64, &str); 4] = [(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    match STEPS.iter().find(|(step, _)| number >= step.saturating_mul(10)) {
        Some((step, unit)) => format!("{}{unit}", number / step),
        None => number.to_string(),
    }
}

/// What a terminal shows and does nothing else with.
fn printable(text: &str) -> String {
    let one = |next: char| if next.is_ascii_graphic() { next.to_string() } else { next.escape_default().to_string() };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use weir_server::observe::{RefusedItems, TopSoftware};

    use super::*;

    fn principal(name: &str, bytes_out: u64, groups: u64) -> TopPrincipal {
        let refused = RefusedItems { topic: 3, quota: bytes_out / 10, ..RefusedItems::default() };
        TopPrincipal { principal: name.to_owned(), connections: 2, bytes_out, groups, refused, ..Default::default() }
    }

    fn page(principals: Vec<TopPrincipal>) -> TopPage {
        TopPage { uptime_ms: 1, principals }
    }

    fn names(table: &Table) -> Vec<String> {
        let lines = table.lines(200, 100);
        lines[2..].iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn rates_are_differences_over_time() {
        let before = page(vec![principal("tool", 1_000, 1)]);
        let mut now = page(vec![principal("tool", 41_000, 1), principal("new", 7, 0)]);
        now.principals[0].throttled_ms = 1_000;
        now.principals[0].requests = 60;
        let table = Table::new(&now, Some(&before), Duration::from_secs(2), Order::Bytes);
        assert_eq!(
            table.lines(200, 100),
            [
                "2 principals, 4 connections, 20kB/s, 30 requests/s, by bytes",
                "PRINCIPAL  CONN  BYTES/S  REQ/S  COMMIT/S  GROUPS  REFUSED/S  THROTTLED  SOFTWARE",
                "tool          2      20k     30         0       1       2000        25%  ",
                "new           2        0      0         0       0          0         0%  ",
            ]
        );
        assert_eq!(table.lines(9, 3), ["2 princip", "PRINCIPAL", "tool     "], "no more than there is room for");
        let first = Table::new(&now, None, Duration::ZERO, Order::Bytes);
        assert!(first.lines(200, 100)[2].contains(" 0      0 "), "one look tells no rate");
    }

    #[test]
    fn each_order_has_its_own_first() {
        let before = page(vec![principal("a", 0, 0), principal("b", 0, 9), principal("c", 50, 1)]);
        let now = page(vec![principal("a", 30, 0), principal("b", 10, 9), principal("c", 50, 1)]);
        let of = |order| names(&Table::new(&now, Some(&before), Duration::from_secs(1), order));
        assert_eq!(of(Order::Bytes), ["a", "b", "c"]);
        assert_eq!(of(Order::Groups), ["b", "c", "a"]);
        assert_eq!(of(Order::Refusals), ["a", "b", "c"]);
        assert_eq!(of(Order::Commits), ["a", "b", "c"]);
        let still = |order| names(&Table::new(&now, Some(&now), Duration::from_secs(1), order));
        assert_eq!(still(Order::Bytes), ["c", "a", "b"], "what happened until now decides where nothing happens");
    }

    #[test]
    fn hostile_m13_what_came_from_elsewhere_is_text_and_nothing_else() {
        let mut one = principal("t\u{1b}[2Jool", 0, 0);
        let version = "1\u{9b}31m\u{202e}".to_owned();
        one.software = vec![TopSoftware { name: "a\r\nb".to_owned(), version, connections: 1 }];
        let lines = Table::new(&page(vec![one]), None, Duration::ZERO, Order::Bytes).lines(500, 100);
        assert!(lines.iter().all(|line| line.bytes().all(|byte| (b' '..=b'~').contains(&byte))), "{lines:?}");
        assert!(lines[2].starts_with("t\\u{1b}[2Jool") && lines[2].contains("a\\r\\nb 1\\u{9b}31m"), "{lines:?}");
    }

    #[test]
    fn numbers_are_short() {
        let told = [0, 9_999, 10_000, 9_999_999, 10_000_000, u64::MAX].map(short);
        assert_eq!(told, ["0", "9999", "10k", "9999k", "10M", "18446744T"]);
    }
}
