//! What a drill found, beside its bar.

use std::fmt;
use std::time::Duration;

/// One figure of a drill.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// What it was.
    pub found: String,
    /// What it must be.
    pub bar: String,
    /// Whether it is.
    pub held: bool,
    /// It is a time, which a machine that is busy for a moment makes longer.
    pub is_time: bool,
}

impl Figure {
    /// A number that may be no larger.
    #[must_use]
    pub fn at_most(what: impl Into<String>, found: u64, bar: u64) -> Self {
        Self {
            what: what.into(),
            found: found.to_string(),
            bar: format!("<= {bar}"),
            held: found <= bar,
            is_time: false,
        }
    }

    /// A number that may be no smaller.
    #[must_use]
    pub fn at_least(what: impl Into<String>, found: u64, bar: u64) -> Self {
        Self {
            what: what.into(),
            found: found.to_string(),
            bar: format!(">= {bar}"),
            held: found >= bar,
            is_time: false,
        }
    }

    /// A number that must be just this one.
    #[must_use]
    pub fn exactly(what: impl Into<String>, found: u64, bar: u64) -> Self {
        Self {
            what: what.into(),
            found: found.to_string(),
            bar: format!("= {bar}"),
            held: found == bar,
            is_time: false,
        }
    }

    /// A number that may be a tenth more or less than this one.
    #[must_use]
    pub fn near(what: impl Into<String>, found: u64, wanted: u64) -> Self {
        let (least, most) = (wanted - wanted / 10, wanted + wanted / 10);
        let held = (least..=most).contains(&found);
        Self { what: what.into(), found: found.to_string(), bar: format!("{least} to {most}"), held, is_time: false }
    }

    /// A time that may be no longer.
    #[must_use]
    pub fn within(what: impl Into<String>, found: Duration, bar: Duration) -> Self {
        Self {
            what: what.into(),
            found: format!("{} ms", found.as_millis()),
            bar: format!("<= {} ms", bar.as_millis()),
            held: found <= bar,
            is_time: true,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, found, bar, held, .. } = self;
        let verdict = if *held { "held" } else { "BROKEN" };
        write!(formatter, "{what}: {found} ({bar}) {verdict}")
    }
}

/// All that one drill found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The drill.
    pub name: &'static str,
    /// With what it tries.
    pub figures: Vec<Figure>,
    /// Without: at least one of these must miss its bar. Nothing in the short form.
    pub control: Option<Vec<Figure>>,
}

impl Report {
    /// Whether every bar was held, and the control missed one.
    #[must_use]
    pub fn held(&self) -> bool {
        !self.figures.is_empty() && self.figures.iter().all(|figure| figure.held) && self.control_missed()
    }

    /// Whether it was held, but for times.
    #[must_use]
    pub fn held_but_for_times(&self) -> bool {
        !self.figures.is_empty() && self.figures.iter().all(|figure| figure.held || figure.is_time)
    }

    fn control_missed(&self) -> bool {
        self.control.as_ref().is_none_or(|control| control.iter().any(|figure| !figure.held))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures: Vec<_> = self.figures.iter().map(ToString::to_string).collect();
        let control = match &self.control {
            None => String::new(),
            Some(control) if self.control_missed() => {
                let missed: Vec<_> = control.iter().filter(|figure| !figure.held).map(ToString::to_string).collect();
                format!("; control: {}", missed.join(", "))
            }
            Some(control) => {
                let control: Vec<_> = control.iter().map(ToString::to_string).collect();
                format!("; THE CONTROL HELD THE BARS, so the drill sees nothing: {}", control.join(", "))
            }
        };
        let verdict = if self.held() { "held  " } else { "BROKEN" };
        write!(formatter, "{verdict} {}: {}{control}", self.name, figures.join(", "))
    }
}
