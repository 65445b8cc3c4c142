//! Why the demo stopped, in words for the person in front of it.

use std::fmt;

/// One sentence or more: what went wrong, and what to do where that is known.
#[derive(Debug)]
pub struct Failure {
    text: String,
}

impl Failure {
    pub fn new(text: impl Into<String>) -> Failure {
        Failure { text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
