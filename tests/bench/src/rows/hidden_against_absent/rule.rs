//! The rule: whether medians differ by more than the medians of hidden topics differ among themselves.

use std::time::{Duration, Instant};

/// Random halvings that tell what the noise is.
const HALVINGS: usize = 1000;
/// Reads of the clock that tell its step.
const READS: usize = 10_000;

/// Times of one population, in nanoseconds, each with the place of the name that was asked for.
#[derive(Clone, Default)]
pub struct Times(Vec<(usize, u64)>);

impl Times {
    /// Adds one.
    pub fn push(&mut self, name: usize, took: Duration) {
        self.0.push((name, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)));
    }

    fn median(&self) -> f64 {
        median(&mut self.0.iter().map(|(_, took)| *took).collect::<Vec<_>>())
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

/// Judges times of which the first two are hidden topics'. Names are halved, not requests: what belongs to a name, such as
/// where in memory it lies, differs from name to name among hidden ones as well.
pub fn judge(times: &[Times], dice: &mut Dice) -> Judged {
    let medians: Vec<f64> = times.iter().map(Times::median).collect();
    let names = times.iter().take(1).flat_map(|times| &times.0).map(|(name, _)| name + 1).max().unwrap_or(0);
    // The second population's names stand behind the first's.
    let hidden: Vec<(usize, u64)> = times
        .iter()
        .take(2)
        .enumerate()
        .flat_map(|(population, times)| times.0.iter().map(move |(name, took)| (population * names + name, *took)))
        .collect();
    let mut order: Vec<usize> = (0..2 * names).collect();
    let mut noise = clock_step();
    for _ in 0..HALVINGS {
        // The populations as they are come first.
        let mut is_of_one = vec![false; order.len()];
        order.iter().take(names).for_each(|name| is_of_one[*name] = true);
        let half =
            |one: bool| hidden.iter().filter(|(name, _)| is_of_one[*name] == one).map(|(_, took)| *took).collect();
        let (mut one, mut other): (Vec<u64>, Vec<u64>) = (half(true), half(false));
        noise = noise.max((median(&mut one) - median(&mut other)).abs());
        dice.shuffle(&mut order);
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
                let name = dice.below(250);
                times.push(name, if population == 2 { took + longer } else { took });
            }
        }
        judge(&times, &mut dice)
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
