//! How fast the heads of the lines move, as this gateway sees it, and the promise made of it.
//! Knows no visitors.

use std::collections::VecDeque;

use dashmap::DashMap;

use crate::clock::Millis;
use crate::ids::EventId;
use crate::lane::RoomCounts;

/// How far back is looked.
const WINDOW_MS: Millis = 120_000;
/// Samples stand at least so far apart: at most 120 a room.
const STEP_MS: Millis = 1_000;
/// Less than this says nothing about a speed.
const LEAST_MS: Millis = 5_000;

/// One short list of samples a room; a room is forgotten when `keep` does not name it.
#[derive(Debug, Default)]
pub struct Speeds(DashMap<EventId, Samples>);

#[derive(Debug, Default)]
struct Samples {
    round: i64,
    /// (when, admitted in all), oldest first.
    points: VecDeque<(Millis, i64)>,
}

/// Seconds until one's turn: a range, because the head's speed is only measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    pub low_s: i64,
    pub high_s: i64,
}

impl Speeds {
    pub fn observe(&self, now_ms: Millis, event: &EventId, counts: &RoomCounts) {
        // Mostly there is nothing to note: look before locking for writing.
        if self.0.get(event).is_some_and(|samples| samples.is_fresh(now_ms, counts.round)) {
            return;
        }
        self.0.entry(event.clone()).or_default().note(now_ms, counts);
    }

    /// Until `ahead` more have been let in; `None` while nothing moves.
    pub fn eta(&self, now_ms: Millis, event: &EventId, ahead: i64) -> Option<Eta> {
        let (admitted, over_ms) = self.0.get(event)?.moved(now_ms)?;
        let wait_s = ahead as f64 * over_ms as f64 / 1000.0 / admitted as f64;
        Some(Eta { low_s: (wait_s * 0.8).floor() as i64, high_s: (wait_s * 1.3).ceil() as i64 + 1 })
    }

    /// Forgets rooms that are no more.
    pub fn keep(&self, still_there: impl Fn(&EventId) -> bool) {
        self.0.retain(|event, _| still_there(event));
    }
}

impl Samples {
    fn is_fresh(&self, now_ms: Millis, round: i64) -> bool {
        self.round == round && self.points.back().is_some_and(|(at, _)| now_ms - at < STEP_MS)
    }

    fn note(&mut self, now_ms: Millis, counts: &RoomCounts) {
        // A new round, or a lane rebuilt: the old speed says nothing.
        let restarted = self.points.back().is_some_and(|(_, total)| *total > counts.admitted_total);
        if self.round != counts.round || restarted {
            self.round = counts.round;
            self.points.clear();
        }
        if !self.is_fresh(now_ms, counts.round) {
            self.points.push_back((now_ms, counts.admitted_total));
        }
        while self.points.front().is_some_and(|(at, _)| now_ms - at > WINDOW_MS) {
            self.points.pop_front();
        }
    }

    /// How many were let in over how long.
    fn moved(&self, now_ms: Millis) -> Option<(i64, Millis)> {
        let mut recent = self.points.iter().filter(|(at, _)| now_ms - at <= WINDOW_MS);
        let (first_ms, first) = recent.next()?;
        let (last_ms, last) = recent.next_back()?;
        let moved = last - first;
        (last_ms - first_ms >= LEAST_MS && moved > 0).then_some((moved, last_ms - first_ms))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lane::room::Mode;

    pub fn counts(admitted_total: i64) -> RoomCounts {
        RoomCounts {
            mode: Mode::Open,
            opens_at_ms: 0,
            waiting: 10,
            inside: 0,
            late: 0,
            capacity: 10,
            rate_per_min: 60,
            admitted_total,
            round: 1,
            epoch: 1,
            drawing: false,
            pace: 1_000,
            free: 0,
            held: 0,
            paying: 0,
            sold: 0,
            blocked: 0,
        }
    }

    #[test]
    fn an_eta_follows_the_head() {
        let (speeds, hall) = (Speeds::default(), EventId::from("hall"));
        for second in 0..=60 {
            speeds.observe(second * 1000, &hall, &counts(second * 10));
        }
        // Ten a second: 1,000 ahead take about 100 s.
        assert_eq!(speeds.eta(60_000, &hall, 1_000), Some(Eta { low_s: 80, high_s: 131 }));
        assert_eq!(speeds.eta(60_000, &hall, 0), Some(Eta { low_s: 0, high_s: 1 }));
    }

    #[test]
    fn without_movement_there_is_no_promise() {
        let (speeds, hall) = (Speeds::default(), EventId::from("hall"));
        assert_eq!(speeds.eta(0, &hall, 5), None);
        speeds.observe(0, &hall, &counts(7));
        speeds.observe(4_000, &hall, &counts(9));
        assert_eq!(speeds.eta(4_000, &hall, 5), None, "too short a look");
        speeds.observe(5_000, &hall, &counts(9));
        assert!(speeds.eta(5_000, &hall, 5).is_some());
        speeds.observe(6_000, &hall, &RoomCounts { round: 2, ..counts(0) });
        assert_eq!(speeds.eta(6_000, &hall, 5), None, "a new round");
        speeds.keep(|_| false);
        assert!(speeds.0.is_empty());
    }

    #[test]
    fn samples_are_bounded() {
        let (speeds, hall) = (Speeds::default(), EventId::from("hall"));
        for step in 0..10_000 {
            speeds.observe(step * 100, &hall, &counts(step));
        }
        assert!(speeds.0.get(&hall).expect("observed").points.len() <= 121);
    }
}
