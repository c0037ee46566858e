//! How long to wait before trying again: growing, jittered, bounded, without end.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

/// Delays of something that is tried again for ever.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delays {
    pub first: Duration,
    pub most: Duration,
}

/// For databases and lanes: work goes on within seconds once they are back.
pub(super) const STORE: Delays = Delays { first: Duration::from_millis(20), most: Duration::from_secs(2) };

/// For providers: they are asked again soon at first, then less and less often.
pub(super) const PROVIDER: Delays = Delays { first: Duration::from_millis(200), most: Duration::from_secs(30) };

impl Delays {
    pub fn iter(self) -> impl Iterator<Item = Duration> + Send {
        // The jitter adds up to as much again.
        let growing =
            ExponentialBuilder::default().with_min_delay(self.first).with_max_delay(self.most / 2).with_jitter();
        growing.without_max_times().build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_are_bounded_and_never_end() {
        let delays: Vec<Duration> = STORE.iter().take(1_000).collect();
        assert_eq!(delays.len(), 1_000);
        assert!(delays[0] >= STORE.first && delays[0] <= 2 * STORE.first, "{:?}", delays[0]);
        assert!(delays.iter().all(|delay| *delay <= STORE.most), "{:?}", delays.iter().max());
        assert!(delays[20..].iter().all(|delay| *delay >= STORE.most / 2), "{:?}", delays[20..].iter().min());
    }
}
