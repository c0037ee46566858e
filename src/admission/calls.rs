//! Calls: the times at which the head of each line passed a place, as this gateway saw them on the boards.
//!
//! The lane does not keep the time at which it called a visitor who was away. The boards show that time to about a
//! second: a place that would stand before the first one in line was called, or its visitor left. A gateway does not
//! know the time if it has just started, or if nobody asked it about the room meanwhile. Then it gives none.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dashmap::DashMap;
use foldhash::fast::RandomState;

use crate::facts::ids::EventId;
use crate::facts::room::Mode;
use crate::facts::time::Millis;
use crate::lane::board::Board;

/// Most steps of the head that are remembered for a room, about one a second. Beyond that the older half is forgotten.
const STEPS_MAX: usize = 4_096;
/// Longest time between two boards, ms, for which the time of a call between them counts as known.
const GAP_MAX_MS: Millis = 30_000;

/// Lower than any score.
const NOBODY: i64 = i64::MIN;

/// A short history of each room; `keep` forgets the rooms that it does not name.
#[derive(Debug, Default)]
pub struct Calls(DashMap<EventId, Heads, RandomState>);

/// Whether a place was called. `Before`: at a time that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// Not as far as this gateway knows.
    Unknown,
    Before,
    At(Millis),
}

#[derive(Debug)]
struct Heads {
    round: i64,
    epoch: i64,
    /// The highest score seen in line; [`NOBODY`] until one is seen.
    top: AtomicI64,
    steps: Vec<CallStep>,
}

/// At `since`, all places with a score below `head` had been called. At `until`, `head` itself had not.
#[derive(Debug, Clone, Copy)]
struct CallStep {
    head: i64,
    since: Millis,
    until: Millis,
}

impl Calls {
    /// Takes note of a board.
    pub fn look(&self, now_ms: Millis, event: &EventId, board: &Arc<Board>) {
        self.0.entry(event.clone()).or_default().look(now_ms, board);
    }

    /// Takes note of somebody in line, who may be called before any board shows them.
    pub fn waits(&self, event: &EventId, round: i64, score: i64) {
        if let Some(heads) = self.0.get(event).filter(|heads| heads.round == round) {
            heads.top.fetch_max(score, Ordering::Relaxed);
        }
    }

    /// Whether the place of this score was called in this round.
    pub fn of(&self, event: &EventId, round: i64, score: i64) -> Called {
        self.0.get(event).filter(|heads| heads.round == round).map_or(Called::Unknown, |heads| heads.of(score))
    }

    /// Forgets rooms that are gone.
    pub fn keep(&self, still_there: impl Fn(&EventId) -> bool) {
        self.0.retain(|event, _| still_there(event));
    }
}

impl Default for Heads {
    fn default() -> Self {
        Self { round: 0, epoch: 0, top: AtomicI64::new(NOBODY), steps: Vec::new() }
    }
}

impl Heads {
    fn look(&mut self, now_ms: Millis, board: &Board) {
        let counts = &board.counts;
        if (self.round, self.epoch) != (counts.round, counts.epoch) {
            *self = Self { round: counts.round, epoch: counts.epoch, ..Self::default() };
        }
        // Before the opening of a draw, a newcomer may still draw a better place. While a line is rebuilt, visitors
        // from before its first place may still come back. In both cases the first place does not show who was called.
        if counts.drawing || counts.mode == Mode::Recovering {
            return;
        }
        let last = board.knots.last().map(|(_, score)| *score).or(board.first.last().copied());
        let top = self.top.get_mut();
        *top = (*top).max(last.unwrap_or(NOBODY));
        // When the line is empty, everybody who was seen in it has gone.
        let Some(head) = board.first.first().copied().or((*top > NOBODY).then_some(*top + 1)) else { return };
        match self.steps.last_mut() {
            Some(step) if head <= step.head => step.until = step.until.max(now_ms),
            Some(_) | None => self.steps.push(CallStep { head, since: now_ms, until: now_ms }),
        }
        if self.steps.len() > STEPS_MAX {
            self.steps.drain(..STEPS_MAX / 2);
        }
    }

    fn of(&self, score: i64) -> Called {
        let at = self.steps.partition_point(|step| step.head <= score);
        let Some(passed) = self.steps.get(at) else { return Called::Unknown };
        match at.checked_sub(1).map(|before| self.steps[before]) {
            Some(before) if passed.since - before.until <= GAP_MAX_MS => Called::At(passed.since),
            Some(_) | None => Called::Before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::room::RoomCounts;

    fn counts() -> RoomCounts {
        RoomCounts { capacity: 1, rate_per_min: 60, ..RoomCounts::untouched() }
    }

    fn look(calls: &Calls, now_ms: Millis, first: &[i64], counts: RoomCounts) {
        let board = Board { counts, head: 0, back: 0, first: first.to_vec(), knots: Vec::new() };
        calls.look(now_ms, &"hall".into(), &Arc::new(board));
    }

    fn of(calls: &Calls, score: i64) -> Called {
        calls.of(&"hall".into(), 1, score)
    }

    #[test]
    fn a_place_was_called_when_the_head_of_the_line_passed_it() {
        let calls = Calls::default();
        assert_eq!(of(&calls, 3), Called::Unknown, "nobody has looked");
        look(&calls, 1_000, &[3, 5, 9], counts());
        assert_eq!((of(&calls, 2), of(&calls, 3)), (Called::Before, Called::Unknown));
        look(&calls, 9_000, &[3, 5, 9], counts());
        look(&calls, 10_000, &[5, 9], counts());
        assert_eq!((of(&calls, 3), of(&calls, 5)), (Called::At(10_000), Called::Unknown));
        // An empty line has passed all who were in it, and nobody who comes later.
        look(&calls, 11_000, &[], counts());
        assert_eq!(
            (of(&calls, 5), of(&calls, 9), of(&calls, 10)),
            (Called::At(11_000), Called::At(11_000), Called::Unknown)
        );
        assert_eq!(calls.of(&"hall".into(), 2, 5), Called::Unknown, "another round's place");
    }

    #[test]
    fn who_is_called_before_any_board_shows_them_was_called() {
        let calls = Calls::default();
        look(&calls, 1_000, &[], counts());
        calls.waits(&"hall".into(), 1, 7);
        calls.waits(&"hall".into(), 2, 70);
        assert_eq!(of(&calls, 7), Called::Unknown);
        look(&calls, 2_000, &[], counts());
        assert_eq!((of(&calls, 7), of(&calls, 8)), (Called::Before, Called::Unknown));
    }

    #[test]
    fn a_time_that_was_not_seen_is_not_told() {
        let calls = Calls::default();
        look(&calls, 1_000, &[3], counts());
        look(&calls, 1_001 + GAP_MAX_MS, &[5], counts());
        assert_eq!(of(&calls, 3), Called::Before);
        // A time from before the lane was rebuilt, or from before the opening of a draw, is not told either.
        look(&calls, 40_000, &[7], RoomCounts { epoch: 2, ..counts() });
        look(&calls, 41_000, &[8], RoomCounts { epoch: 2, drawing: true, ..counts() });
        assert_eq!((of(&calls, 5), of(&calls, 7)), (Called::Before, Called::Unknown));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let calls = Calls::default();
        for step in 0..10 * STEPS_MAX as i64 {
            look(&calls, step * 1_000, &[step * 2], counts());
        }
        let heads = calls.0.get("hall").expect("looked at");
        assert!(heads.steps.len() <= STEPS_MAX);
        let last = 20 * STEPS_MAX as i64 - 2;
        assert_eq!(heads.of(last - 1), Called::At(last / 2 * 1_000));
        assert_eq!(heads.of(1), Called::Before, "when, is forgotten");
    }
}
