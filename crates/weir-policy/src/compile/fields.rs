//! What the readers of all files share: required keys, texts, dates, and problems with their place.
//!
//! Must never: stop at a problem; a reader notes it and goes on.

use serde_saphyr::{Location, Spanned};
use time::Date;
use time::macros::format_description;

use crate::SourceFile;
use crate::problem::{Place, Problems};

/// A text that may be missing.
pub(super) type Text = Option<Spanned<String>>;

/// The longest text, in bytes.
const LONGEST_TEXT: usize = 2000;

/// One file, and where its problems go.
pub(super) struct Fields<'a> {
    pub(super) source: &'a SourceFile,
    pub(super) problems: &'a mut Problems,
}

impl Fields<'_> {
    pub(super) fn place(&self, at: Location) -> Place {
        Place { file: self.source.path.clone(), line: at.line().max(1), column: at.column().max(1) }
    }

    pub(super) fn problem(&mut self, at: Location, what: impl Into<String>, fix: impl Into<String>) {
        let place = self.place(at);
        self.problems.add(Some(place), what, fix);
    }

    /// The value of a key that must be there; `entry` is where it should have been.
    pub(super) fn required<T>(&mut self, entry: Location, key: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.problem(entry, format!("the key `{key}` is missing or empty"), format!("add `{key}:` and its value"));
        }
        value
    }

    /// A required text of one line.
    pub(super) fn text(&mut self, entry: Location, key: &str, value: Text) -> Option<String> {
        let value = self.required(entry, key, value)?;
        let text = value.value.trim();
        if text.is_empty() {
            self.problem(value.referenced, format!("`{key}` is empty"), format!("write the {key}"));
            return None;
        }
        if text.len() > LONGEST_TEXT || text.contains(char::is_control) {
            let what = format!("`{key}` is longer than {LONGEST_TEXT} bytes or has more than one line");
            self.problem(value.referenced, what, "write it on one line, or folded after `>`");
            return None;
        }
        Some(text.to_owned())
    }

    /// The one key of several that is given.
    pub(super) fn exactly_one<const N: usize>(
        &mut self,
        entry: Location,
        keys: [(&'static str, Text); N],
    ) -> Option<(&'static str, Spanned<String>)> {
        let names = keys.each_ref().map(|(key, _)| format!("`{key}`")).join(", ");
        let mut given = keys.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let first = given.next();
        if first.is_none() || given.next().is_some() {
            self.problem(entry, format!("exactly one of {names} belongs here"), "keep one, with its value");
            return None;
        }
        first
    }

    /// A required day.
    pub(super) fn date(&mut self, entry: Location, key: &str, value: Text) -> Option<Date> {
        let value = self.required(entry, key, value)?;
        let date = Date::parse(&value.value, format_description!("[year]-[month]-[day]"));
        if date.is_err() {
            self.problem(value.referenced, format!("`{key}` is no day"), "write it as 2026-12-31");
        }
        date.ok()
    }

    /// A required name of `[A-Za-z0-9._-]{1,64}`, as metrics and logs carry it.
    pub(super) fn name(&mut self, entry: Location, key: &str, value: Text) -> Option<Spanned<String>> {
        let value = self.required(entry, key, value)?;
        let sound = (1..=64).contains(&value.value.len()) && crate::names::is_topic_text(&value.value);
        if !sound {
            let fix = "write 1 to 64 letters, digits, dots, underscores or dashes";
            self.problem(value.referenced, format!("`{key}` is no name"), fix);
        }
        sound.then_some(value)
    }
}
