//! What a row reports: lines of the table, each with what Weir, its baseline and its peers were measured at.
//!
//! Must never: hold a figure that was not taken in this run.

use crate::bar::{Figure, Sense};
use crate::stats::Series;

/// A figure that was taken several times.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// The one that the least disturbed: the smallest of costs, the largest of rates.
    pub best: f64,
    /// The one in the middle.
    pub median: f64,
}

impl Taken {
    /// Of something that is good when it is small.
    pub fn cost(series: &Series) -> Self {
        Self { best: series.minimum(), median: series.median() }
    }

    /// Of something that is good when it is large.
    pub fn rate(series: &Series) -> Self {
        Self { best: series.maximum(), median: series.median() }
    }

    /// Taken once, or exact by its nature.
    pub fn once(value: f64) -> Self {
        Self { best: value, median: value }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it is, with the way in which it was taken.
    pub figure: String,
    /// The unit of what is measured.
    pub unit: &'static str,
    /// Weir's.
    pub weir: Taken,
    /// What Weir is compared with, by name.
    pub baseline: Option<(String, Taken)>,
    /// The others, by name; or why there is no figure.
    pub peers: Vec<(String, Result<Taken, String>)>,
    /// What it must be; none for a line that is only told.
    pub bar: Option<&'static Figure>,
    /// What it must be in this run, where the bar depends on something else that was measured.
    pub must: Option<f64>,
}

impl Line {
    /// A line that is judged by a figure of the bar.
    pub fn of(bar: &'static Figure, weir: Taken) -> Self {
        Self { bar: Some(bar), must: Some(bar.must), ..Self::told(bar.name, bar.unit, weir) }
    }

    /// A line that is only told.
    pub fn told(figure: impl Into<String>, unit: &'static str, weir: Taken) -> Self {
        Self { figure: figure.into(), unit, weir, baseline: None, peers: Vec::new(), bar: None, must: None }
    }

    /// The same, taken in one of several ways.
    #[must_use]
    pub fn way(mut self, way: &str) -> Self {
        self.figure = format!("{}: {way}", self.figure);
        self
    }

    /// The same, with what it is compared with.
    #[must_use]
    pub fn against(mut self, name: &str, baseline: Taken) -> Self {
        self.baseline = Some((name.to_owned(), baseline));
        self
    }

    /// The same, with what another program was measured at, or why it was not.
    #[must_use]
    pub fn beside(mut self, name: &str, taken: Result<Taken, String>) -> Self {
        self.peers.push((name.to_owned(), taken));
        self
    }

    /// Weir's figure divided by its baseline's.
    pub fn ratio(&self) -> Option<f64> {
        self.baseline.as_ref().map(|(_, baseline)| self.weir.best / baseline.best)
    }

    /// Whether it is what it must be; none where nothing is demanded, or the baseline is missing.
    pub fn is_met(&self) -> Option<bool> {
        let (bar, must) = (self.bar?, self.must?);
        Some(bar.holds(self.judged()?, must))
    }

    /// Whether it is what it shall be.
    pub fn is_aim_met(&self) -> Option<bool> {
        let bar = self.bar?;
        Some(bar.holds(self.judged()?, bar.aim))
    }

    fn judged(&self) -> Option<f64> {
        if self.bar?.is_ratio { self.ratio() } else { Some(self.weir.best) }
    }
}

/// What a row found.
#[derive(Debug, Default)]
pub struct Found {
    /// Its lines.
    pub lines: Vec<Line>,
    /// What else a reader should see, below the lines.
    pub told: Vec<String>,
    /// Why the run says nothing, where that is so.
    pub void: Option<String>,
}

/// How a mark is written.
pub fn mark(figure: &Figure, mark: f64) -> String {
    let unit = if figure.is_ratio { "x" } else { figure.unit };
    match figure.sense {
        Sense::AtMost => format!("<= {mark:.4} {unit}"),
        Sense::AtLeast => format!(">= {mark:.4} {unit}"),
    }
    .replace(".0000 ", " ")
}

/// How a figure is written.
pub fn number(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bar::BULK_FETCH;

    #[test]
    fn a_ratio_is_judged_against_its_baseline_and_not_without_one() {
        let line = Line::of(&BULK_FETCH, Taken::once(1.2));
        assert_eq!(line.is_met(), None);
        assert_eq!(line.clone().against("relay", Taken::once(1.0)).is_met(), Some(false));
        assert_eq!(line.clone().against("relay", Taken::once(1.1)).is_met(), Some(true));
        assert_eq!(line.against("relay", Taken::once(1.1)).is_aim_met(), Some(false));
    }

    #[test]
    fn what_is_only_told_is_never_missed() {
        assert_eq!(Line::told("told", "us", Taken::once(1e9)).is_met(), None);
    }
}
