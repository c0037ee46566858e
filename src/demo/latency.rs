//! A histogram of durations: bounded memory however long the run, no lock, 1.6 % wide buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets per doubling: the relative error of a quantile is below 1/64.
const STEPS: u64 = 64;
/// Exact below 64 µs, then 64 buckets for each of the 26 doublings up to more than an hour.
const BUCKETS: usize = 64 * 27;

#[derive(Debug)]
pub struct Latency {
    buckets: Vec<AtomicU64>,
    max_us: AtomicU64,
}

/// What a report shows of a [`Latency`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quantiles {
    pub count: u64,
    pub p50: Duration,
    pub p95: Duration,
    pub p99: Duration,
    pub max: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), max_us: AtomicU64::new(0) }
    }
}

impl Latency {
    pub fn record(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(us)].fetch_add(1, Ordering::Relaxed);
        self.max_us.fetch_max(us, Ordering::Relaxed);
    }

    pub fn quantiles(&self) -> Quantiles {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
        let count = counts.iter().sum();
        let max_us = self.max_us.load(Ordering::Relaxed);
        let at = |per_cent: u64| Duration::from_micros(quantile_us(&counts, count, per_cent).min(max_us));
        Quantiles { count, p50: at(50), p95: at(95), p99: at(99), max: Duration::from_micros(max_us) }
    }
}

fn bucket(us: u64) -> usize {
    if us < STEPS {
        return us as usize;
    }
    // The doubling that `us` lies in, counted from 64 µs, and the six bits below its highest one.
    let doubling = u64::from(us.ilog2()) - 6;
    let step = (us >> doubling) - STEPS;
    usize::try_from((doubling + 1) * STEPS + step).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The largest duration that falls into a bucket.
fn upper_us(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let doubling = bucket / STEPS - 1;
    ((bucket % STEPS + STEPS + 1) << doubling) - 1
}

fn quantile_us(counts: &[u64], total: u64, per_cent: u64) -> u64 {
    let wanted = (total * per_cent).div_ceil(100);
    let mut seen = 0;
    for (i, count) in counts.iter().enumerate() {
        seen += count;
        if seen >= wanted && *count > 0 {
            return upper_us(i);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_measured_is_zero() {
        assert_eq!(Latency::default().quantiles(), Quantiles::default());
    }

    #[test]
    fn every_duration_lies_in_its_bucket() {
        for us in (0..200_000).chain([1 << 20, (1 << 32) - 1]) {
            let i = bucket(us);
            assert!(us <= upper_us(i) && (i == 0 || us > upper_us(i - 1)), "{us} µs in bucket {i}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_within_a_64th() {
        let latency = Latency::default();
        for us in 1..=10_000 {
            latency.record(Duration::from_micros(us));
        }
        let q = latency.quantiles();
        assert_eq!((q.count, q.max), (10_000, Duration::from_micros(10_000)));
        for (got, true_us) in [(q.p50, 5_000), (q.p95, 9_500), (q.p99, 9_900)] {
            let got = got.as_micros();
            assert!(got >= true_us && got <= true_us + true_us / 64 + 1, "{got} for {true_us}");
        }
    }
}
