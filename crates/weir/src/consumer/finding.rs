//! What a step found: what is wrong, and what shows it.
//!
//! Must never: hold text of somebody else's that did not go through `text::plain`.

use serde_json::{Map, Value};

use super::fault::Fault;

/// Why a step was not gone.
#[derive(Debug)]
pub(crate) struct Finding {
    /// What is wrong.
    pub(crate) fault: Fault,
    /// What was seen, in a line of plain text.
    pub(crate) seen: String,
    /// The same for programs.
    pub(crate) details: Map<String, Value>,
}

impl Finding {
    /// `seen` is shown as it is: what somebody else wrote goes through `text::plain` before.
    pub(crate) fn new(fault: Fault, seen: impl Into<String>) -> Self {
        Self { fault, seen: seen.into(), details: Map::new() }
    }

    /// With one more detail.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// A step that was gone.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// What was seen, in a line of plain text.
    pub(crate) seen: String,
    /// The same for programs.
    pub(crate) details: Map<String, Value>,
}

impl Passed {
    pub(crate) fn new(seen: impl Into<String>) -> Self {
        Self { seen: seen.into(), details: Map::new() }
    }

    /// With one more detail.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}
