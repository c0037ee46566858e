//! A room as the ledger remembers it, so that it can be rebuilt when its lane is lost.
//!
//! The places inside are at most the capacity, and spent scores are bits, so every look contains all of them. In a
//! lottery a million draws may be spent. So a lane numbers every change of spent draws from the beginning of a round,
//! and a look contains only the changes since the last look, up to a maximum.

use serde::{Deserialize, Serialize};

use crate::facts::hold::HoldFact;
use crate::facts::ids::{SeatIndex, VisitorId};
use crate::facts::order::OrderFact;
use crate::facts::seat::SeatState;
use crate::facts::time::Millis;

/// Scores in one [`SpentChunk`].
pub const CHUNK_SCORES: i64 = 1_024;

/// Most changes of spent draws in one look.
pub const DRAWS_MAX: usize = 5_000;

/// A room at one moment, without the visitors who wait (their places are in their tokens) and without spent draws (see
/// [`DrawChanges`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    pub round: i64,
    pub epoch: i64,
    /// The last serial given; the next entry gets one more.
    pub serial: i64,
    pub admitted_total: i64,
    /// Highest score called from the line in this round; [`NO_HEAD`](crate::facts::room::NO_HEAD) when none was.
    pub head: i64,
    /// Of a room with a draw: it has not opened yet.
    pub drawing: bool,
    /// An operator closed the room: the round is over.
    pub closed: bool,
    /// In order of visitor id.
    pub inside: Vec<Insider>,
    /// Spent scores, in order of chunk; no chunk is empty.
    pub spent: Vec<SpentChunk>,
}

/// Which changes of spent draws the ledger has already, and how many it can take now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawsTaken {
    pub round: i64,
    /// How many changes of that round the ledger has.
    pub changes: i64,
    /// 1 to [`DRAWS_MAX`].
    pub max: usize,
}

/// One look at a room: the room itself, and the changes of its spent draws since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    pub room: Checkpoint,
    pub draws: DrawChanges,
}

/// Changes of a round's spent draws, in the order in which they happened. They begin with the round's first change when
/// [`DrawsTaken`] names another round, or more changes than there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DrawChanges {
    /// How many changes of this round there are up to the last of these.
    pub upto: i64,
    pub changes: Vec<DrawChange>,
    /// More changes follow these.
    pub more: bool,
    /// How many draws are spent in the room now.
    pub spent: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DrawChange {
    /// This visitor's draw is spent.
    Spent(VisitorId),
    /// It is not spent any more: the visitor entered again before the opening.
    Unspent(VisitorId),
}

/// A place inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insider {
    pub visitor: VisitorId,
    pub score: i64,
    pub expires_ms: Millis,
    /// `false`: called, and not claimed yet.
    pub claimed: bool,
}

/// Which of the 1,024 scores from `chunk · 1024` on are spent: score `s` is bit `s mod 8` of byte `(s mod 1024) / 8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpentChunk {
    pub chunk: i64,
    pub bits: [u8; 128],
}

impl Checkpoint {
    /// How many scores are spent.
    pub fn spent_count(&self) -> usize {
        let bits = |chunk: &SpentChunk| chunk.bits.iter().map(|byte| byte.count_ones() as usize).sum::<usize>();
        self.spent.iter().map(bits).sum()
    }
}

impl SpentChunk {
    /// Marks a score of this chunk.
    pub fn mark(&mut self, score: i64) {
        let at = usize::try_from(score.rem_euclid(CHUNK_SCORES)).expect("below 1,024");
        self.bits[at / 8] |= 1 << (at % 8);
    }

    /// The scores that are spent, in order.
    pub fn scores(&self) -> impl Iterator<Item = i64> {
        let is_spent = |at: &i64| self.bits[(*at / 8) as usize] & (1 << (at % 8)) != 0;
        (0..CHUNK_SCORES).filter(is_spent).map(|at| self.chunk * CHUNK_SCORES + at)
    }
}

#[derive(Debug, Clone)]
pub struct RestoredOrder {
    pub fact: OrderFact,
    pub hold: HoldFact,
    /// Live seats of the order: all `Paying` or all `Sold`.
    pub seats: Vec<(SeatIndex, SeatState)>,
    /// As in [`Conclusion`](super::conclusion::Conclusion).
    pub refundable_until_ms: Millis,
}
