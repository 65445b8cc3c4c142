//! What is told: a table and a line for people, or one JSON object.
//!
//! Must never: say that something was committed that was not found there afterwards.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Order;
use super::find::Start;
use super::when::{When, millis};
use crate::consumer::offsets::Offsets;
use crate::consumer::report::{Report, extend};
use crate::consumer::text::plain;

/// What there is to tell.
#[derive(Debug)]
pub(super) struct Told {
    group: String,
    at: When,
    now: OffsetDateTime,
    json: bool,
    dry_run: bool,
    rows: Vec<Row>,
    /// All of it is there.
    pub(super) committed: bool,
}

/// One partition.
#[derive(Debug)]
struct Row {
    start: Start,
    clock: Option<String>,
    before: Option<i64>,
}

impl Told {
    pub(super) fn new(order: &Order) -> Self {
        Self {
            group: plain(&order.group),
            at: order.at,
            now: order.holder.clock(),
            json: order.json,
            dry_run: order.dry_run,
            rows: Vec::new(),
            committed: false,
        }
    }

    /// What was found, before anything is committed.
    pub(super) fn found(
        &mut self,
        starts: &[Start],
        clocks: &BTreeMap<String, String>,
        before: &Offsets,
        server: Option<&str>,
    ) {
        let row = |start: &Start| Row {
            clock: clocks.get(&start.partition.0).cloned(),
            before: before.get(&start.partition).copied(),
            start: start.clone(),
        };
        self.rows = starts.iter().map(row).collect();
        if !self.json {
            println!("group {} at {}, from {}", self.group, server.unwrap_or_default(), self.at.shown(self.now));
            print!("{}", self.table());
        }
    }

    /// The last line.
    pub(super) fn summary(&self) -> String {
        let count = self.rows.len();
        let ends = self.rows.iter().filter(|row| row.start.is_end).count();
        let ends = match ends {
            0 => String::new(),
            _ => format!("; {ends} of them at the end: no record there is as new"),
        };
        if self.dry_run {
            format!("nothing was committed (--dry-run): {count} partitions{ends}")
        } else {
            format!("committed: {count} partitions{ends}")
        }
    }

    /// For programs.
    pub(super) fn object(&self, report: &Report) -> Value {
        let rows = self.rows.iter().map(Row::object);
        let mut object = json!({
            "version": 1,
            "well": report.failed_at().is_none(),
            "principal": report.names.principal,
            "server": report.names.server,
            "group": self.group,
            "at": self.at.shown(self.now),
            "dry_run": self.dry_run,
            "committed": self.committed,
            "partitions": rows.collect::<Vec<_>>(),
        });
        if let Some(failure) = report.failure() {
            extend(&mut object, failure);
        }
        object
    }

    fn table(&self) -> String {
        let heads =
            ["topic", "partition", "offset", "committed", "clock", "time of the record there"].map(str::to_owned);
        let lines: Vec<_> = std::iter::once(heads).chain(self.rows.iter().map(Row::cells)).collect();
        let mut table = String::new();
        for cells in &lines {
            for (column, cell) in cells.iter().enumerate() {
                let longest = lines.iter().filter_map(|line| line.get(column)).map(String::len).max();
                let width = if column == cells.len().saturating_sub(1) { 0 } else { longest.unwrap_or(0) };
                let gap = if column == 0 { "" } else { "  " };
                table.push_str(&format!("{gap}{cell:<width$}"));
            }
            table.push('\n');
        }
        table
    }
}

impl Row {
    fn cells(&self) -> [String; 6] {
        let (topic, partition) = &self.start.partition;
        let time = match self.start.timestamp {
            Some(timestamp) => millis(timestamp),
            None if self.start.is_end => "none: the end".to_owned(),
            None => "-".to_owned(),
        };
        [
            plain(topic),
            partition.to_string(),
            self.start.offset.to_string(),
            self.before.map_or_else(|| "-".to_owned(), |before| before.to_string()),
            self.clock.clone().unwrap_or_else(|| "not told".to_owned()),
            time,
        ]
    }

    fn object(&self) -> Value {
        let (topic, partition) = &self.start.partition;
        json!({
            "topic": plain(topic),
            "partition": partition,
            "offset": self.start.offset,
            "time": self.start.timestamp.map(millis),
            "is_end": self.start.is_end,
            "clock": self.clock,
            "committed_before": self.before,
        })
    }
}
