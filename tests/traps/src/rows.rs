//! The rows of the table, as `rows/*.yaml` have them.
//!
//! Must never: take a row that says two things at once, or a key that it does not know.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;

use crate::root;

/// The parts of the table: the letter of its ids, how many there are, the file in `rows/`, and the heading.
pub const PARTS: [(char, usize, &str, &str); 6] = [
    ('L', 30, "leaks", "Leaks: what an answer could tell"),
    ('C', 50, "correctness", "Correctness: what a client could misunderstand"),
    ('S', 15, "privilege", "Privilege: what a client could do that it may not"),
    ('A', 25, "abuse", "Abuse: what a client could use up"),
    ('Q', 10, "throttling", "Throttling: what a limit could break"),
    ('K', 10, "clients", "Clients: what a library needs"),
];

/// The issues that build what is not there yet, by number, with their titles.
const ISSUES: [(u32, &str); 3] = [
    (6, "Quotas on what strangers leave behind, and a policy that is alive"),
    (7, "Certificates, and a stranger's first record"),
    (8, "The mirrored cluster, and a second wall behind Weir"),
];

/// One trap.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// `L1`.
    pub id: String,
    /// What is true of Weir, in one sentence.
    pub holds: String,
    /// The test function that fails when it is not.
    pub test: Option<String>,
    /// Why Weir cannot fall into this trap.
    pub not_applicable: Option<String>,
    /// The number of the issue that builds it.
    pub open: Option<u32>,
}

/// What keeps Weir from a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown<'a> {
    /// The test function of this name.
    Test(&'a str),
    /// It cannot happen, and this is why.
    NotApplicable(&'a str),
    /// Nothing yet; the issue of this title builds it.
    Open(&'static str),
}

impl Row {
    /// What keeps Weir from this trap.
    ///
    /// # Errors
    /// Says what is wrong with the row, and what to write instead.
    pub fn shown(&self) -> Result<Shown<'_>, String> {
        match (&self.test, &self.not_applicable, self.open) {
            (Some(test), None, None) => Ok(Shown::Test(test)),
            (None, Some(why), None) => Ok(Shown::NotApplicable(why)),
            (None, None, Some(number)) => {
                let issue = ISSUES.iter().find(|(known, _)| *known == number);
                let numbers = ISSUES.map(|(known, _)| known.to_string()).join(", ");
                issue.map(|(_, title)| Shown::Open(title)).ok_or(format!("{}: `open` is one of {numbers}", self.id))
            }
            _ => Err(format!("{}: a row has one of `test`, `not_applicable` and `open`", self.id)),
        }
    }

    /// The sentence is one, and a table can hold it.
    fn check(&self) -> Result<(), String> {
        let sentences = [Some(&self.holds), self.not_applicable.as_ref()];
        for sentence in sentences.into_iter().flatten() {
            if !sentence.ends_with('.') || sentence.contains(['|', '\n']) || !(20..=320).contains(&sentence.len()) {
                return Err(format!("{}: write one sentence of 20 to 320 bytes, without `|`: {sentence}", self.id));
            }
        }
        self.shown().map(|_| ())
    }
}

/// All ids in their order.
pub fn ids() -> impl Iterator<Item = String> {
    PARTS.into_iter().flat_map(|(letter, count, ..)| (1..=count).map(move |number| format!("{letter}{number}")))
}

/// All rows, by part and then by number.
///
/// # Errors
/// Says which file or row is wrong: no YAML, an id twice or in another part's file or out of order, a row that says
/// nothing or two things.
pub fn load() -> Result<Vec<Row>, String> {
    let places: BTreeMap<String, usize> = ids().enumerate().map(|(place, id)| (id, place)).collect();
    let mut all: Vec<Row> = Vec::new();
    for (letter, _, file, _) in PARTS {
        let path = root().join(format!("tests/traps/rows/{file}.yaml"));
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let rows: Option<Vec<Row>> = serde_saphyr::from_str(&text).map_err(|error| format!("{file}.yaml: {error}"))?;
        for row in rows.unwrap_or_default() {
            row.check()?;
            let place = places.get(&row.id).filter(|_| row.id.starts_with(letter));
            let place = place.ok_or(format!("{file}.yaml: {} is no id of this file", row.id))?;
            if all.last().is_some_and(|last| places[&last.id] >= *place) {
                return Err(format!("{file}.yaml: {} stands twice or out of order", row.id));
            }
            all.push(row);
        }
    }
    Ok(all)
}
