//! The polling pace: the server tells each visitor when to poll again.

use crate::facts::time::Millis;

/// Bounds of `poll_after_ms`.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub min_ms: u64,
    pub max_ms: u64,
}

/// With this many ahead, the pace is slowest.
const FAR: f64 = 20_000.0;

/// A room's patience never shortens a wait below this, ms.
const LEAST_MS: i64 = 250;

impl Pace {
    /// For a visitor behind `ahead` others; `jitter` in `0.0..1.0` spreads visitors who came together.
    pub fn waiting(self, ahead: i64, jitter: f64) -> i64 {
        let far = (ahead.max(0) as f64 / FAR).min(1.0).sqrt();
        let span = self.span();
        let base = self.min_ms as f64 + 0.75 * span * far;
        (base * (1.0 + jitter / 3.0)).clamp(self.min_ms as f64, self.max_ms.max(self.min_ms) as f64) as i64
    }

    /// Before the opening: slow while it is more than `max_ms` away, then spread over `min_ms` to `max_ms`.
    pub fn scheduled(self, until_open_ms: Millis, jitter: f64) -> i64 {
        let spread = self.min_ms as f64 + self.span() * jitter;
        if until_open_ms as f64 > self.max_ms as f64 { self.waiting(i64::MAX, jitter) } else { spread as i64 }
    }

    fn span(self) -> f64 {
        self.max_ms.saturating_sub(self.min_ms) as f64
    }

    /// For visitors who are inside or through, or whose room is closed or recovering: only to notice a change.
    pub fn resting(self, jitter: f64) -> i64 {
        self.waiting(i64::MAX, jitter)
    }
}

/// Shortens a wait so that a visitor who keeps to it never counts as absent when called. It is a third of the patience,
/// because the first poll after the call may be answered from a board that is a moment older. The second one is not.
pub fn patient(poll_after_ms: i64, patience_ms: i64) -> i64 {
    poll_after_ms.min((patience_ms / 3).max(LEAST_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { min_ms: 1_000, max_ms: 15_000 };

    #[test]
    fn the_front_polls_often_and_the_back_seldom() {
        assert_eq!(PACE.waiting(0, 0.0), 1_000);
        assert!(PACE.waiting(0, 0.999) < 2_000);
        assert!((3_000..5_000).contains(&PACE.waiting(1_234, 0.5)), "{}", PACE.waiting(1_234, 0.5));
        assert!(PACE.waiting(1_000_000, 0.0) > 11_000);
        assert_eq!(PACE.waiting(1_000_000, 1.0), 15_000);
        let mut last = 0;
        for ahead in 0..30_000 {
            assert!(PACE.waiting(ahead, 0.5) >= last);
            last = PACE.waiting(ahead, 0.5);
        }
    }

    #[test]
    fn an_opening_is_not_met_by_everyone_at_once() {
        assert_eq!(PACE.scheduled(0, 0.0), 1_000);
        assert_eq!(PACE.scheduled(0, 1.0), 15_000);
        assert!(PACE.scheduled(3_600_000, 0.0) > 11_000);
    }

    #[test]
    fn who_obeys_is_never_absent() {
        assert_eq!(patient(15_000, 60_000), 15_000);
        assert_eq!(patient(15_000, 3_000), 1_000);
        assert_eq!(patient(15_000, 0), 250);
    }
}
