//! The groups of a principal as `weir groups list` tells them.
//!
//! Must never: tell a number that the brokers did not tell.

use std::fmt::Write;

use serde_json::{Value, json};
use weir_policy::{Count, Mode, Principal};
use weir_server::operator::{Group, Groups};

/// What there is to tell.
pub(super) struct Told<'a> {
    pub(super) principal: &'a Principal,
    pub(super) groups: &'a Groups,
}

/// What stands where the brokers did not tell.
const UNTOLD: &str = "?";

impl Told<'_> {
    /// A table, and below it what of the limits is used up.
    pub(super) fn text(&self) -> String {
        let all = &self.groups.all;
        let first = all.first().map(|group| &group.upstream);
        let many = all.iter().any(|group| Some(&group.upstream) != first);
        let mut rows = vec![row(many, "UPSTREAM", ["GROUP", "STATE", "PROTOCOL", "MEMBERS", "PARTITIONS"])];
        rows.extend(all.iter().map(|group| row(many, &group.upstream, cells(group).each_ref().map(String::as_str))));
        let mut text = if all.is_empty() { String::new() } else { table(&rows) };
        let [groups, partitions] = self.used();
        let _ = writeln!(text, "{} groups", of(groups, self.principal.limits.groups, self.is_whole()));
        let whole = self.is_whole() && all.iter().all(|group| group.partitions.is_some());
        let most = self.principal.limits.committed_partitions;
        let _ = writeln!(text, "{} partitions with a committed offset", of(partitions, most, whole));
        text
    }

    pub(super) fn json(&self) -> String {
        let limits = &self.principal.limits;
        let [groups, partitions] = self.used();
        let limit = |used: usize, count: Count| json!({"used": used, "most": count.most, "mode": if count.mode == Mode::Observe { "observe" } else { "deny" }});
        let untold: Vec<String> = self.groups.untold.iter().map(ToString::to_string).collect();
        let told = json!({
            "principal": self.principal.name,
            "groups": self.groups.all.iter().map(object).collect::<Vec<Value>>(),
            "limits": {
                "groups": limit(groups, limits.groups),
                "committed_partitions": limit(partitions, limits.committed_partitions),
            },
            "not_told": untold,
        });
        format!("{told}\n")
    }

    fn used(&self) -> [usize; 2] {
        let partitions = self.groups.all.iter().filter_map(|group| group.partitions);
        [self.groups.all.len(), partitions.sum()]
    }

    fn is_whole(&self) -> bool {
        self.groups.untold.is_empty()
    }
}

fn of(used: usize, most: Count, is_whole: bool) -> String {
    let at_least = if is_whole { "" } else { "at least " };
    let observed = if most.mode == Mode::Observe { " (only observed)" } else { "" };
    format!("{at_least}{used} of {}{observed}", most.most)
}

fn object(group: &Group) -> Value {
    json!({
        "upstream": group.upstream,
        "group": group.name,
        "state": group.state,
        "protocol": group.protocol,
        "members": group.members,
        "partitions": group.partitions,
    })
}

fn cells(group: &Group) -> [String; 5] {
    let number = |number: Option<usize>| number.map_or(UNTOLD.to_owned(), |number| number.to_string());
    [
        group.name.clone(),
        group.state.clone().unwrap_or_else(|| UNTOLD.to_owned()),
        group.protocol.clone(),
        number(group.members),
        number(group.partitions),
    ]
}

fn row(many: bool, upstream: &str, cells: [&str; 5]) -> Vec<String> {
    many.then_some(upstream).into_iter().chain(cells).map(str::to_owned).collect()
}

/// Columns as wide as their widest cell, with two spaces between.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}
