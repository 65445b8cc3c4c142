//! What a step found: what is wrong, and what shows it.
//!
//! Must never: hold text of somebody else's that did not go through `text::plain`.

use serde_json::{Map, Value};

use super::fault::Fault;

/// Why a step was not gone.
#[derive(Debug)]
pub(super) struct Finding {
    /// What is wrong.
    pub(super) fault: Fault,
    /// What was seen, in a line of plain text.
    pub(super) seen: String,
    /// The same for programs.
    pub(super) details: Map<String, Value>,
}

impl Finding {
    /// `seen` is shown as it is: what somebody else wrote goes through `text::plain` before.
    pub(super) fn new(fault: Fault, seen: impl Into<String>) -> Self {
        Self { fault, seen: seen.into(), details: Map::new() }
    }

    /// With one more detail.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// A step that was gone.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// What was seen, in a line of plain text.
    pub(super) seen: String,
    /// The same for programs.
    pub(super) details: Map<String, Value>,
}

impl Passed {
    pub(super) fn new(seen: impl Into<String>) -> Self {
        Self { seen: seen.into(), details: Map::new() }
    }

    /// With one more detail.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}
