//! The one place that draws random numbers, except for the jitter of retries and for keys.
//!
//! They come from the system, through one generator per thread. A simulation gives its thread a seed; from then on
//! everything drawn here on that thread follows from it.

use std::cell::RefCell;

use rand::rngs::StdRng;
use rand::{Rng, RngExt as _, SeedableRng as _};

thread_local! {
    static SEEDED: RefCell<Option<StdRng>> = const { RefCell::new(None) };
}

/// `N` random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    draw(|from| from.random())
}

/// From 0 up to 1, which is left out.
pub fn fraction() -> f64 {
    draw(|from| from.random())
}

/// From 0 up to `end`, which is left out; `end` is above 0.
pub fn below(end: u64) -> u64 {
    draw(|from| from.random_range(0..end))
}

/// Bytes that nobody may guess, from the generator of the cryptographic library.
pub fn secret<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    match SEEDED.with_borrow_mut(|seeded| seeded.as_mut().map(|from| from.fill_bytes(&mut bytes))) {
        Some(()) => {}
        None => aws_lc_rs::rand::fill(&mut bytes).expect("the system gives random bytes"),
    }
    bytes
}

/// From here on everything that this thread draws follows from `seed`: anyone who knows the seed knows every id. Only
/// tests may call this, and a test of the house checks that.
pub fn seed_this_thread(seed: u64) {
    SEEDED.set(Some(StdRng::seed_from_u64(seed)));
}

fn draw<T>(draw: impl FnOnce(&mut dyn Rng) -> T) -> T {
    SEEDED.with_borrow_mut(|seeded| match seeded {
        Some(seeded) => draw(seeded),
        None => draw(&mut rand::rng()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_ends_with_its_thread() {
        let drawn = || (bytes::<8>(), fraction().to_bits(), below(1_000), secret::<8>());
        let seeded = |seed| {
            std::thread::spawn(move || {
                seed_this_thread(seed);
                drawn()
            })
        };
        let (one, same, other) = (seeded(7), seeded(7), seeded(8));
        let (one, same, other) = (one.join().unwrap(), same.join().unwrap(), other.join().unwrap());
        assert_eq!(one, same);
        assert_ne!(one, other);
        assert_ne!(drawn(), drawn());
    }
}
