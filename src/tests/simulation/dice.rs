//! Random numbers from a seed. Each part that draws has dice of its own. So one more throw of one part changes nothing
//! for the others.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

pub struct Dice(StdRng);

impl Dice {
    /// The dice of `who` in the history of `seed`.
    pub fn of(seed: u64, who: u64) -> Self {
        // Neighbouring numbers, in `seed` or `who`, get unrelated dice.
        Self(StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ who.rotate_left(32)))
    }

    /// A number from `low` to `high`, both included.
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
