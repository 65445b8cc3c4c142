//! Why the bench stopped, as one sentence for a person.

use std::fmt;

/// Why the bench stopped.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// A sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Says what an error prevented.
pub trait Context<T> {
    /// The error behind a sentence.
    fn context(self, sentence: &str) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> Context<T> for Result<T, E> {
    fn context(self, sentence: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("{sentence}: {error}")))
    }
}
