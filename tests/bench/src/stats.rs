//! Minimum, median and ratio of figures that were taken in turns.

/// Figures of one thing, in the order of the rounds.
#[derive(Clone, Debug, Default)]
pub struct Series(Vec<f64>);

impl Series {
    /// Adds the figure of the next round.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The smallest: what it costs where nothing else disturbs.
    pub fn minimum(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The largest: what it achieves where nothing else disturbs.
    pub fn maximum(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The one in the middle.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.as_slice() {
            [] => f64::NAN,
            figures if figures.len() % 2 == 1 => figures[middle],
            figures => f64::midpoint(figures[middle - 1], figures[middle]),
        }
    }

    /// This one's figures divided by those that another had in the same rounds.
    pub fn against(&self, other: &Series) -> Series {
        Series(self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect())
    }

    /// By how much this one's figures are above those that another had in the same rounds.
    pub fn minus(&self, other: &Series) -> Series {
        Series(self.0.iter().zip(&other.0).map(|(one, other)| one - other).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(figures: &[f64]) -> Series {
        Series(figures.to_vec())
    }

    #[test]
    fn minimum_and_median() {
        assert_eq!(series(&[3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(series(&[4.0, 1.0, 3.0, 2.0]).median(), 2.5);
        assert_eq!(series(&[4.0, 1.0, 3.0, 2.0]).minimum(), 1.0);
        assert_eq!(series(&[4.0, 1.0, 3.0, 2.0]).maximum(), 4.0);
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        // A noisy round disturbs both, and the ratio less than either.
        let ratios = series(&[1.1, 4.4, 1.1]).against(&series(&[1.0, 4.0, 1.0]));
        assert!((ratios.median() - 1.1).abs() < 1e-9);
    }
}
