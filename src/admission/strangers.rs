//! When the board alone is enough to answer a visitor whom this gateway does not know.
//!
//! A gateway knows a visitor if it has lately told the lane of them, or lately heard of them from the lane. When each
//! poll goes to a random gateway, most polls come from strangers. A stranger's token says which place is theirs, its
//! signature is verified, and the board says how many stand before that place. The board does not say whether the place
//! was given up, or whether the lane takes the visitor for absent. The next batch of presence tells the lane of the
//! visitor. The lane answers who does not wait, and the next poll of such a visitor asks the lane.

use super::speed::moves;
use crate::facts::place::Token;
use crate::facts::room::Room;
use crate::facts::room::{Mode, RoomCounts};
use crate::facts::time::Millis;
use crate::lane::board::Board;

/// Longest time from a board's look at the line until the lane has said what it knows of a visitor who was answered
/// from that board, ms: the board's age, the batch's wait, and the call.
const UNHEARD_MS: Millis = 4_000;
/// A room that waits for late visitors for less than this may spend a place before a batch can bring it back, ms.
const GRACE_LEAST_MS: Millis = 10_000;

/// What becomes of a stranger's poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangers {
    /// The board answers; the lane is told with the next batch.
    Answered,
    /// The lane is asked.
    Asked,
    /// A rebuilt room waits for everybody. The board answers, and what the lane said before it was lost does not count.
    Awaited,
}

impl Strangers {
    /// What becomes of the poll of a place that this board shows behind `ahead` others.
    pub fn of(now_ms: Millis, room: &Room, token: &Token, board: &Board, ahead: i64) -> Self {
        // Everybody who was called has a score up to the head. They may be inside, or late.
        let may_be_called = token.score <= board.head;
        // A visitor who comes back after a long sleep must be seen before their turn, not a moment after it.
        let may_be_next = ahead < called_unheard(now_ms, &board.counts);
        // If many are away, their turns may pass at once. Only a long grace surely outlasts the batch.
        let may_be_spent = room.grace_ms < GRACE_LEAST_MS;
        if may_be_called || may_be_next || may_be_spent { Self::Asked } else { Self::Answered }
    }
}

/// How many may be let in before the lane hears of a visitor.
fn called_unheard(now_ms: Millis, counts: &RoomCounts) -> i64 {
    let opens = counts.mode == Mode::Scheduled && counts.opens_at_ms > 0 && counts.opens_at_ms - now_ms <= UNHEARD_MS;
    if !opens && !moves(counts) {
        return 0;
    }
    // The admissions that come into the bucket by then, and the second's worth that it holds.
    let by_rate = counts.rate().saturating_mul(UNHEARD_MS + 1_000) / 60_000 + 1;
    by_rate.min(counts.capacity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ids::LaneId;

    fn room(grace_ms: Millis) -> Room {
        Room {
            event: "hall".into(),
            lane: LaneId(0),
            patience_ms: 60_000,
            absent_ms: 60_000,
            grace_ms,
            stay_ms: 60_000,
            recover_ms: 75_000,
            draw: None,
            birth: None,
        }
    }

    fn of(score: i64, ahead: i64, counts: RoomCounts, grace_ms: Millis) -> Strangers {
        let token = Token { event: "hall".into(), visitor: "v".into(), score, round: 1 };
        let board = Board { counts, head: 100, back: 0, first: vec![], knots: vec![] };
        Strangers::of(9_000, &room(grace_ms), &token, &board, ahead)
    }

    fn counts() -> RoomCounts {
        RoomCounts { capacity: 1_000, rate_per_min: 600, ..RoomCounts::untouched() }
    }

    #[test]
    fn who_may_have_been_called_is_asked_for() {
        assert_eq!(of(101, 51, counts(), 300_000), Strangers::Answered);
        assert_eq!(of(100, 51, counts(), 300_000), Strangers::Asked);
    }

    #[test]
    fn who_may_be_called_before_the_lane_hears_of_them_is_asked_for() {
        assert_eq!(of(101, 50, counts(), 300_000), Strangers::Asked, "ten a second, in five seconds");
        for nobody in [
            RoomCounts { mode: Mode::Paused, ..counts() },
            RoomCounts { rate_per_min: 0, ..counts() },
            RoomCounts { capacity: 0, ..counts() },
            RoomCounts { mode: Mode::Scheduled, ..counts() },
            RoomCounts { mode: Mode::Scheduled, opens_at_ms: 13_001, ..counts() },
        ] {
            assert_eq!(of(101, 0, nobody.clone(), 300_000), Strangers::Answered, "{nobody:?}");
        }
        let opening = RoomCounts { mode: Mode::Scheduled, opens_at_ms: 13_000, ..counts() };
        assert_eq!(of(101, 0, opening, 300_000), Strangers::Asked);
    }

    #[test]
    fn where_a_late_place_is_soon_spent_all_are_asked_for() {
        assert_eq!(of(101, 900, counts(), GRACE_LEAST_MS), Strangers::Answered);
        assert_eq!(of(101, 900, counts(), GRACE_LEAST_MS - 1), Strangers::Asked);
    }
}
