//! What a change of the policy means, in words: who may read more or less, and what is lost.
//!
//! Two keys are one right here: a grant and an entry of the catalogue are told as the topics that both name.
//! Must never: leave out a change of a verdict, or tell one where there is none.

mod access;
mod principals;
mod topics;

use std::fmt;

use crate::Policy;

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Somebody may more: `+`.
    Widens,
    /// Somebody may less: `-`.
    Narrows,
    /// Groups become other groups, or certificates other principals: `!`.
    Loses,
    /// Neither: `~`.
    Alters,
}

/// One change. Displayed with its sign before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it does.
    pub effect: Effect,
    /// What it is, without the sign.
    pub text: String,
}

/// All changes from one policy to another: those that concern everybody, then by principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff(pub Vec<Change>);

impl Effect {
    /// The sign before a change.
    #[must_use]
    pub const fn sign(self) -> char {
        match self {
            Self::Widens => '+',
            Self::Narrows => '-',
            Self::Loses => '!',
            Self::Alters => '~',
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.effect.sign(), self.text)
    }
}

impl Diff {
    /// What is different in `new`.
    #[must_use]
    pub fn between(old: &Policy, new: &Policy) -> Self {
        let mut diff = Self::default();
        topics::compare(&mut diff, old, new);
        principals::compare(&mut diff, old, new);
        diff
    }

    /// Whether somebody should look twice: something widens, or groups or certificates become somebody else's.
    #[must_use]
    pub fn needs_confirmation(&self) -> bool {
        self.0.iter().any(|change| match change.effect {
            Effect::Widens | Effect::Loses => true,
            Effect::Narrows | Effect::Alters => false,
        })
    }

    fn add(&mut self, effect: Effect, text: impl Into<String>) {
        self.0.push(Change { effect, text: text.into() });
    }
}

/// How many of a list are told; the others are counted.
const TOLD: usize = 5;

/// A remark in brackets, where there is something to remark.
fn remark(what: &str, list: &[&str]) -> String {
    let told = list.iter().take(TOLD).copied().collect::<Vec<_>>().join(", ");
    match list.len().checked_sub(TOLD) {
        _ if list.is_empty() => String::new(),
        None | Some(0) => format!(" ({what} {told})"),
        Some(more) => format!(" ({what} {told} and {more} more)"),
    }
}
