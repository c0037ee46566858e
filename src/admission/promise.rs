//! Promises: what visitors were told about their wait, and whether it came true.
//!
//! Each visitor's first promise is remembered, and one more from halfway on, for a bounded number of visitors. Both are
//! compared with the wait when the visitor is let in. A visitor who was not there when called does not count, because
//! such a wait does not test the promise.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use foldhash::quality::RandomState;
use metrics::{Counter, Histogram, counter, histogram};

use super::speed::Eta;
use crate::facts::place::Token;
use crate::facts::time::Millis;
use crate::metrics::{ADMISSION_ETA_ERROR_SECONDS, ADMISSION_ETA_PROMISES};

/// Most visitors whose promises are remembered.
const REMEMBERED_MAX: usize = 20_000;
/// Beyond half of that, only one visitor in this many is remembered.
const SHARE: u64 = 16;
/// A visitor who has not polled for this long has gone, ms.
const GIVEN_UP_MS: Millis = 600_000;

pub struct Promises {
    of: DashMap<u64, ToldRange, RandomState>,
    /// Length of `of`, roughly: dashmap's own count locks every shard.
    count: AtomicUsize,
    hasher: RandomState,
    error: Histogram,
    kept: Counter,
    early: Counter,
    late: Counter,
}

#[derive(Debug, Clone, Copy)]
struct ToldRange {
    first: Promise,
    halfway: Option<Promise>,
    /// How many were ahead at the first promise.
    ahead: i64,
    seen_ms: Millis,
}

#[derive(Debug, Clone, Copy)]
struct Promise {
    at_ms: Millis,
    eta: Eta,
}

/// How a wait compares with its promise. The numbers are seconds before or after the promised range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PromiseOutcome {
    Kept,
    Early(f64),
    Late(f64),
}

impl PromiseOutcome {
    /// Compares a wait with its promise. A promise is in whole seconds, so its last second counts in full.
    pub fn of(eta: Eta, waited_ms: Millis) -> Self {
        let waited_s = waited_ms as f64 / 1000.0;
        match (eta.low_s as f64, eta.high_s as f64) {
            (low, _) if waited_s < low => Self::Early(low - waited_s),
            (_, high) if waited_s >= high + 1.0 => Self::Late(waited_s - high),
            _ => Self::Kept,
        }
    }
}

impl Default for Promises {
    fn default() -> Self {
        let outcome = |outcome: &'static str| counter!(ADMISSION_ETA_PROMISES, "outcome" => outcome);
        Self {
            of: DashMap::default(),
            count: AtomicUsize::new(0),
            hasher: RandomState::default(),
            error: histogram!(ADMISSION_ETA_ERROR_SECONDS),
            kept: outcome("kept"),
            early: outcome("early"),
            late: outcome("late"),
        }
    }
}

impl Promises {
    /// Notes what a visitor who waits was told.
    pub fn told(&self, now_ms: Millis, token: &Token, ahead: i64, eta: Option<Eta>) {
        if eta.is_none() && self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let key = self.key(token);
        if let Some(mut told) = self.of.get_mut(&key) {
            told.seen_ms = now_ms;
            if let (None, Some(eta)) = (told.halfway, eta)
                && ahead <= told.ahead / 2
            {
                told.halfway = Some(Promise { at_ms: now_ms, eta });
            }
            return;
        }
        let Some(eta) = eta else { return };
        let count = self.count.load(Ordering::Relaxed);
        if count >= REMEMBERED_MAX || (count >= REMEMBERED_MAX / 2 && !key.is_multiple_of(SHARE)) {
            return;
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        let first = Promise { at_ms: now_ms, eta };
        self.of.insert(key, ToldRange { first, halfway: None, ahead, seen_ms: now_ms });
    }

    /// Compares the promises made to a visitor with their wait, once the visitor is let in.
    pub fn admitted(&self, now_ms: Millis, absent_ms: i64, token: &Token) {
        let Some(told) = self.take(token) else { return };
        if now_ms - told.seen_ms >= absent_ms {
            return;
        }
        for Promise { at_ms, eta } in [Some(told.first), told.halfway].into_iter().flatten() {
            let (counter, off_s) = match PromiseOutcome::of(eta, now_ms - at_ms) {
                PromiseOutcome::Kept => (&self.kept, 0.0),
                PromiseOutcome::Early(off_s) => (&self.early, off_s),
                PromiseOutcome::Late(off_s) => (&self.late, off_s),
            };
            counter.increment(1);
            self.error.record(off_s);
        }
    }

    /// Forgets a visitor who left.
    pub fn forget(&self, token: &Token) {
        self.take(token);
    }

    /// Forgets visitors who stopped coming.
    pub fn prune(&self, now_ms: Millis) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        self.of.retain(|_, told| now_ms - told.seen_ms < GIVEN_UP_MS);
        self.count.store(self.of.len(), Ordering::Relaxed);
    }

    fn take(&self, token: &Token) -> Option<ToldRange> {
        let (_, told) = self.of.remove(&self.key(token))?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        Some(told)
    }

    fn key(&self, token: &Token) -> u64 {
        self.hasher.hash_one((&token.event, &token.visitor, token.score))
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::facts::ids::VisitorId;

    fn token(n: i64) -> Token {
        Token { event: "hall".into(), visitor: VisitorId::from(format!("v{n}")), score: n, round: 1 }
    }

    const ETA: Eta = Eta { low_s: 10, high_s: 20 };

    /// What the metrics say after `act`.
    fn told(act: impl FnOnce(&Promises)) -> [String; 4] {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || act(&Promises::default()));
        let text = recorder.handle().render();
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.rsplit(' ').next()).unwrap_or("none").to_owned()
        };
        [
            "stanchion_admission_eta_promises_total{outcome=\"kept\"}",
            "stanchion_admission_eta_promises_total{outcome=\"early\"}",
            "stanchion_admission_eta_promises_total{outcome=\"late\"}",
            "stanchion_admission_eta_error_seconds_sum",
        ]
        .map(value)
    }

    #[test]
    fn the_first_promise_and_one_from_halfway_are_held_against_the_wait() {
        let counted = told(|promises| {
            promises.told(0, &token(1), 100, None);
            promises.told(1_000, &token(1), 90, Some(ETA));
            promises.told(2_000, &token(1), 80, Some(Eta { low_s: 0, high_s: 0 }));
            promises.told(3_000, &token(1), 45, Some(ETA));
            promises.told(4_000, &token(1), 3, Some(Eta { low_s: 0, high_s: 0 }));
            // 24 s after the first promise, 22 s after the one from halfway.
            promises.admitted(25_000, 60_000, &token(1));
            promises.admitted(25_000, 60_000, &token(1));
        });
        assert_eq!(counted, ["0", "0", "2", "6"]);
        let counted = told(|promises| {
            for (n, waited_ms) in [(1, 9_000), (2, 10_000), (3, 20_900)] {
                promises.told(0, &token(n), 100, Some(ETA));
                promises.admitted(waited_ms, 60_000, &token(n));
            }
        });
        assert_eq!(counted, ["2", "1", "0", "1"]);
    }

    #[test]
    fn who_left_or_was_away_does_not_count() {
        let counted = told(|promises| {
            promises.told(0, &token(1), 100, Some(ETA));
            promises.forget(&token(1));
            promises.admitted(15_000, 60_000, &token(1));
            promises.told(0, &token(2), 100, Some(ETA));
            promises.admitted(60_000, 60_000, &token(2));
        });
        assert_eq!(counted, ["0", "0", "0", "0"]);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_pruned() {
        let promises = Promises::default();
        for n in 0..100_000 {
            promises.told(0, &token(n), n, Some(ETA));
        }
        assert!((12_000..=REMEMBERED_MAX).contains(&promises.of.len()), "{}", promises.of.len());
        promises.prune(GIVEN_UP_MS);
        assert_eq!(promises.of.len(), 0);
        promises.told(0, &token(1), 1, Some(ETA));
        assert_eq!(promises.of.len(), 1);
    }
}
