//! What a seed decides. Each who throws has dice of their own, so that one more throw of one moves nobody else.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

pub struct Dice(StdRng);

impl Dice {
    /// The dice of `who` in the history of `seed`.
    pub fn of(seed: u64, who: u64) -> Self {
        // Neighbours in either number get dice that have nothing in common.
        Self(StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ who.rotate_left(32)))
    }

    /// From `low` to `high`, both possible.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.random_range(low..=high)
    }

    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.0.random_range(0..1_000) < per_mille
    }

    pub fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.0.random_range(0..of.len())]
    }
}
