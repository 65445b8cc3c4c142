//! Collects what is wrong with one file.

use weir_policy::{ConfigErrors, Problem};

use super::place::Place;

/// The problems of one file, in the order in which they were found.
#[derive(Debug)]
pub struct Problems {
    file: String,
    found: Vec<Problem>,
}

impl Problems {
    /// None yet, in a file that is named so in messages.
    #[must_use]
    pub fn new(file: &str) -> Self {
        Self { file: file.to_owned(), found: Vec::new() }
    }

    /// Notes one: where, what is wrong, and what to write instead.
    pub fn add(&mut self, place: Place, what: impl Into<String>, fix: impl Into<String>) {
        let place = (place.line > 0).then(|| weir_policy::Place {
            file: self.file.clone(),
            line: place.line,
            column: place.column,
        });
        self.found.push(Problem { place, what: what.into(), fix: fix.into() });
    }

    /// Notes the problems of other files.
    pub fn append(&mut self, other: ConfigErrors) {
        self.found.extend(other.0);
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them, by place.
    #[must_use]
    pub fn into_errors(mut self) -> ConfigErrors {
        self.found.sort_by(|one, other| one.place.cmp(&other.place));
        ConfigErrors(self.found)
    }
}
