//! Chance for synthetic events (SplitMix64). Must never make anything secret: it can be foretold.

/// A stream of pseudo-random choices.
pub struct Chance {
    state: u64,
}

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance { state: seed }
    }

    /// From 0 up to, not including, `end`; 0 for an empty range.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// From `start` up to, not including, `end`.
    pub fn between(&mut self, start: u64, end: u64) -> u64 {
        start + self.below(end - start)
    }

    pub fn one_in(&mut self, share: u64) -> bool {
        self.below(share) == 0
    }

    /// One of `from`, which must not be empty.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let index = self.below(from.len() as u64);
        &from[index as usize]
    }

    /// One of `from`, the first ones far more often: a few wikis get most of the edits.
    pub fn pick_early<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let limit = self.between(1, from.len() as u64 + 1);
        let index = self.below(limit);
        &from[index as usize]
    }

    /// Between 0 and 1, with four decimals.
    pub fn fraction(&mut self) -> f64 {
        self.below(10_000) as f64 / 10_000.0
    }

    /// A base-36 text like MediaWiki's form of a SHA-1.
    pub fn sha1_base36(&mut self) -> String {
        const DIGITS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        (0..31).map(|_| char::from(*self.pick(DIGITS))).collect()
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
