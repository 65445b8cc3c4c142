//! YAML, read strictly: the keys that are known, each once, of their type, and nothing that stands for something else.
//!
//! Anchors, aliases, merges and tags are refused: a reviewer reads what is there, and nothing can multiply.
//! Must never: show a snippet (a file may hold secrets), or lose the place of a problem.

use serde::de::DeserializeOwned;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{DefaultMessageFormatter, Error, MergeKeyPolicy, MessageFormatter};

use crate::policy::SourceFile;
use crate::problem::{Place, Problem};

/// The longest file, in bytes: a catalogue of 10,000 streams is about a quarter of it.
const LONGEST_FILE: usize = 16 * 1024 * 1024;

/// Reads one document of a strict type: derive `Deserialize` with `deny_unknown_fields`, and wrap in
/// [`serde_saphyr::Spanned`] what may be wrong in meaning.
///
/// # Errors
/// The first thing in the file that is no YAML or not of the type, with its place.
pub(crate) fn read_yaml<T: DeserializeOwned>(source: &SourceFile) -> Result<T, Problem> {
    if source.text.len() > LONGEST_FILE {
        return Err(Problem {
            place: Some(Place { file: source.path.clone(), line: 1, column: 1 }),
            what: format!("the file is longer than {LONGEST_FILE} bytes"),
            fix: "split it, or remove what nobody uses".to_owned(),
        });
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_depth: 32,
            max_documents: 1,
            max_nodes: 2_000_000,
            max_events: 4_000_000,
        },
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        no_schema: true,
        reject_unsupported_tags: true,
        reject_tagged_field_names: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(&source.text, options).map_err(|error| problem(source, &error))
}

fn problem(source: &SourceFile, error: &Error) -> Problem {
    let error = error.without_snippet();
    let (line, column) = error.location().map_or((1, 1), |location| (location.line().max(1), location.column().max(1)));
    let (what, fix) = sentences(error);
    Problem { place: Some(Place { file: source.path.clone(), line, column }), what, fix }
}

/// What is wrong, and what to write instead.
fn sentences(error: &Error) -> (String, String) {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown key `{}`", printable(field)), format!("the keys here are {}", list(expected)))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("unknown value `{}`", printable(variant)), format!("write one of {}", list(expected)))
        }
        Error::SerdeMissingField { field, .. } => (format!("the key `{field}` is missing"), format!("add `{field}:`")),
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_ref().map_or_else(|| "a key".to_owned(), |key| format!("the key `{}`", printable(key)));
            (format!("{key} stands twice"), "keep one of them".to_owned())
        }
        Error::QuotingRequired { .. } => {
            ("this text reads as a number or as true or false".to_owned(), "put it in quotes".to_owned())
        }
        Error::Unexpected { expected: "sequence start", .. } => wrong_type("a list"),
        Error::Unexpected { expected: "mapping start", .. } => wrong_type("keys with values"),
        Error::Unexpected { expected: "string scalar", .. } | Error::NullIntoString { .. } => wrong_type("a text"),
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => wrong_type(expected),
        Error::MergeKeyNotAllowed { .. } | Error::UnknownAnchor { .. } => no_references(),
        Error::Budget { breach, .. } => over_budget(breach),
        Error::MultipleDocuments { .. } => second_document(),
        Error::UnsupportedTag { tag, .. } | Error::TaggedStructFieldName { tag, .. } => {
            (format!("the tag `{}` has no meaning here", printable(tag)), "remove it".to_owned())
        }
        other => {
            let message = DefaultMessageFormatter.format_message(other);
            let fix = "look at the quotes, brackets and indentation here and above";
            (format!("this is not the YAML that belongs here: {}", printable(&message)), fix.to_owned())
        }
    }
}

fn over_budget(breach: &BudgetBreach) -> (String, String) {
    match breach {
        BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. } => no_references(),
        BudgetBreach::Documents { .. } => second_document(),
        _ => ("the file is too large or too deeply nested".to_owned(), "remove what nobody uses".to_owned()),
    }
}

fn wrong_type(expected: &str) -> (String, String) {
    ("this value has the wrong type".to_owned(), format!("write {expected}"))
}

fn no_references() -> (String, String) {
    ("YAML anchors, aliases and merges are not read".to_owned(), "write the value out".to_owned())
}

fn second_document() -> (String, String) {
    ("a second document begins here".to_owned(), "keep one document in each file".to_owned())
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The text without what could break a line.
fn printable(text: &str) -> String {
    text.chars().map(|next| if next.is_control() { ' ' } else { next }).collect()
}
