//! The rule: whether medians differ by more than the medians of hidden topics differ among themselves.

use std::time::{Duration, Instant};

/// Random halvings that tell what the noise is.
const HALVINGS: usize = 1000;
/// Reads of the clock that tell its step.
const READS: usize = 10_000;

/// Times of one population, in nanoseconds.
#[derive(Clone, Default)]
pub struct Times(Vec<u64>);

impl Times {
    /// Adds one.
    pub fn push(&mut self, took: Duration) {
        self.0.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// What the rule says of one API. All in microseconds.
pub struct Judged {
    /// Of each population, the two hidden ones first.
    pub medians: Vec<f64>,
    /// What hidden topics differ by among themselves.
    pub noise: f64,
}

impl Judged {
    /// By how much a population differs from the first, where it is most.
    pub fn worst(&self) -> f64 {
        let [hidden, _, others @ ..] = &self.medians[..] else { return f64::NAN };
        others.iter().map(|other| (other - hidden).abs()).fold(0.0, f64::max)
    }

    /// The verdict.
    pub fn told(&self) -> String {
        let (worst, noise) = (self.worst(), self.noise);
        let verdict = if worst <= noise { "the same" } else { "DIFFERENT" };
        format!("{verdict}: medians differ by {worst:.3} us at most, those of hidden topics by {noise:.3} us")
    }
}

/// Judges times of which the first two are hidden topics'.
pub fn judge(times: Vec<Times>, dice: &mut Dice) -> Judged {
    let medians: Vec<f64> = times.iter().map(|times| median(&mut times.0.clone())).collect();
    let mut hidden: Vec<u64> = times.into_iter().take(2).flat_map(|times| times.0).collect();
    let half = hidden.len() / 2;
    let mut noise = clock_step();
    for _ in 0..HALVINGS {
        // The populations as they are come first.
        let (one, other) = hidden.split_at_mut(half);
        noise = noise.max((median(one) - median(other)).abs());
        dice.shuffle(&mut hidden);
    }
    Judged { medians, noise }
}

fn median(times: &mut [u64]) -> f64 {
    let middle = times.len() / 2;
    if times.is_empty() {
        return f64::NAN;
    }
    *times.select_nth_unstable(middle).1 as f64 / 1000.0
}

/// The smallest step that the clock makes.
fn clock_step() -> f64 {
    let steps = (0..READS).map(|_| {
        let began = Instant::now();
        began.elapsed()
    });
    steps.filter(|step| !step.is_zero()).min().map_or(0.0, |step| step.as_secs_f64() * 1e6)
}

/// Drawn numbers, the same in every run.
pub struct Dice(u64);

impl Default for Dice {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Dice {
    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % end.max(1) as u64) as usize
    }

    /// Puts things into any order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Populations whose middle is 50 us and which lie within 10 us of it, but for what the last takes longer.
    fn judged(longer: Duration) -> Judged {
        let mut dice = Dice::default();
        let mut times = vec![Times::default(); 3];
        for _ in 0..17_000 {
            for (population, times) in times.iter_mut().enumerate() {
                let took = Duration::from_nanos(40_000 + dice.below(20_000) as u64);
                times.push(if population == 2 { took + longer } else { took });
            }
        }
        judge(times, &mut dice)
    }

    #[test]
    fn what_is_drawn_alike_is_the_same_and_half_a_microsecond_is_not() {
        let same = judged(Duration::ZERO);
        assert!(same.worst() <= same.noise && same.noise < 0.5, "{}", same.told());
        let late = judged(Duration::from_nanos(500));
        assert!(late.worst() > late.noise, "{}", late.told());
    }

    #[test]
    fn shuffling_loses_nothing() {
        let mut things: Vec<usize> = (0..100).collect();
        Dice::default().shuffle(&mut things);
        assert_ne!(things, (0..100).collect::<Vec<_>>());
        things.sort_unstable();
        assert_eq!(things, (0..100).collect::<Vec<_>>());
    }
}
