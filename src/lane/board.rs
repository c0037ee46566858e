//! A snapshot of a room's line, from which many polls can be answered.

#![deny(missing_docs)]

use crate::facts::ids::EventId;
use crate::facts::room::RoomCounts;

/// Most visitors one `presence` takes.
pub const PRESENT_MAX: usize = 1_000;

/// Which room's board to make, and how much of it.
#[derive(Debug, Clone)]
pub struct Showing {
    /// The event of the room.
    pub event: EventId,
    /// How many of the first who wait are shown with their exact scores, from 1 to [`EXACT_MAX`].
    pub exact: i64,
}

/// Most exact scores of a board.
pub const EXACT_MAX: i64 = 2_000;

/// The line at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// The room's counts at that moment.
    pub counts: RoomCounts,
    /// Highest score whose turn came in this round, even when its visitor was not there;
    /// [`NO_HEAD`](crate::facts::room::NO_HEAD) before the first.
    pub head: i64,
    /// How many visitors are back from being late. They go before all who wait.
    pub back: i64,
    /// Scores of the first `exact` who wait, in order.
    pub first: Vec<i64>,
    /// (rank, score) of the visitor at rank `exact`, then of each rank 1 % (and at least one) behind the one before,
    /// then of the last.
    pub knots: Vec<(i64, i64)>,
}

/// Where `presence` found a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The visitor waits.
    Waiting,
    /// The visitor is back from being late.
    Back,
    /// The place is inside, called or claimed. The visitor's own poll says which.
    Inside,
    /// The place is spent or has lapsed, the room is closed, or the token is of another round.
    Gone,
}

impl Board {
    /// The rank after this one on the grid.
    pub fn next_rank(rank: i64) -> i64 {
        (rank + 1).max(rank * 101 / 100)
    }

    /// How many stand before the visitor who waits with this score: exact among the first, within 1 % behind them.
    /// `None`: the board shows nobody there.
    pub fn ahead(&self, score: i64) -> Option<i64> {
        if self.first.last().is_some_and(|last| score <= *last) {
            let rank = self.first.binary_search(&score).ok()?;
            return Some(self.back + i64::try_from(rank).ok()?);
        }
        let at = self.knots.partition_point(|(_, knot)| *knot < score);
        let &(rank, knot) = self.knots.get(at)?;
        if knot == score {
            return Some(self.back + rank);
        }
        let before = at.checked_sub(1).map(|before| self.knots[before]);
        let (low, from) = before.or(self.first.last().map(|last| (count(self.first.len()) - 1, *last)))?;
        // Interpolates by score between two knots. Nobody there has the rank of either knot.
        let share = i128::from(score - from) * i128::from(rank - low) / i128::from(knot - from);
        let between = low + i64::try_from(share).ok()?;
        let (lowest, highest) = (low + 1, rank - 1);
        (lowest <= highest).then(|| self.back + between.clamp(lowest, highest))
    }
}

fn count(len: usize) -> i64 {
    i64::try_from(len).expect("a board fits in memory")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXACT: usize = 500;

    fn board_of(scores: &[i64], back: i64) -> Board {
        let (mut knots, mut rank) = (Vec::new(), EXACT);
        while rank < scores.len() {
            knots.push((count(rank), scores[rank]));
            let next = usize::try_from(Board::next_rank(count(rank))).expect("not negative");
            rank = if rank + 1 == scores.len() { scores.len() } else { next.min(scores.len() - 1) };
        }
        let counts = RoomCounts { waiting: count(scores.len()) + back, ..RoomCounts::untouched() };
        Board { counts, head: 0, back, first: scores.iter().take(EXACT).copied().collect(), knots }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// This holds even where people have left the line unevenly.
        #[test]
        fn positions_are_exact_in_front_and_within_a_hundredth_behind(
            gaps in prop::collection::vec(prop_oneof![9 => 1..3_i64, 1 => 1..5_000_i64], 0..6_000),
            back in 0..3_i64,
        ) {
            let scores: Vec<i64> = gaps.iter().scan(0, |score, gap| { *score += gap; Some(*score) }).collect();
            let board = board_of(&scores, back);
            let mut last = -1;
            for (rank, score) in scores.iter().enumerate() {
                let ahead = board.ahead(*score).expect("whoever waits is shown") - back;
                let rank = count(rank);
                let slack = if rank < count(EXACT) { 0 } else { rank / 100 };
                prop_assert!((ahead - rank).abs() <= slack, "{ahead} for {rank}");
                prop_assert!(ahead >= last, "who came before never stands behind");
                last = ahead;
            }
            prop_assert_eq!(board.ahead(scores.last().map_or(1, |last| last + 1)), None, "came after the board");
        }
    }

    #[test]
    fn who_is_not_among_the_first_is_not_shown() {
        let scores: Vec<i64> = (1..=600).map(|n| n * 2).collect();
        let board = board_of(&scores, 0);
        assert_eq!((board.ahead(3), board.ahead(1), board.ahead(2)), (None, None, Some(0)));
        assert_eq!(board_of(&[], 1).ahead(1), None);
    }
}
