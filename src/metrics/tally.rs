//! A counter that many threads add to at once.
//!
//! Threads that add to one number take turns at its memory, and that costs a short request more than the rest of its
//! accounting. Here each thread adds to a number of its own, and the sum goes to the metric when somebody reads it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use metrics::Counter;
use parking_lot::Mutex;

/// Threads beyond this number share stripes.
const STRIPES: usize = 16;

/// A number alone in the block of memory that processors exchange at once.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

pub struct Tally {
    stripes: [Stripe; STRIPES],
    counter: Counter,
    /// How much of the sum the counter has.
    told: Mutex<u64>,
}

impl Tally {
    pub fn new(counter: Counter) -> Self {
        Self { stripes: Default::default(), counter, told: Mutex::default() }
    }

    pub fn add_one(&self) {
        self.stripes[stripe()].0.fetch_add(1, Ordering::Relaxed);
    }

    /// Brings the counter up to date, for a reader that is about to come.
    pub fn tell(&self) {
        let mut told = self.told.lock();
        let sum = self.stripes.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum();
        self.counter.increment(sum - *told);
        *told = sum;
    }
}

/// The stripe of this thread.
fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
    }
    MINE.with(|mine| *mine)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use metrics::CounterFn;

    use super::*;

    #[derive(Default)]
    struct Read(AtomicU64);

    impl CounterFn for Read {
        fn increment(&self, value: u64) {
            self.0.fetch_add(value, Ordering::Relaxed);
        }

        fn absolute(&self, value: u64) {
            self.0.store(value, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_all_threads_add_is_told_once() {
        let read = Arc::new(Read::default());
        let tally = Tally::new(Counter::from_arc(read.clone()));
        thread::scope(|scope| {
            for _ in 0..2 * STRIPES {
                scope.spawn(|| (0..1_000).for_each(|_| tally.add_one()));
            }
            // Told in between, too.
            (0..100).for_each(|_| tally.tell());
        });
        tally.tell();
        tally.tell();
        assert_eq!(read.0.load(Ordering::Relaxed), 2 * STRIPES as u64 * 1_000);
    }
}
