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
    /// Number of the round, from 1.
    pub round: i64,
    /// The epoch of the next entry's score.
    pub epoch: i64,
    /// The last serial given; the next entry gets one more.
    pub serial: i64,
    /// Admissions since the event was created, in all rounds.
    pub admitted_total: i64,
    /// Highest score whose turn came in this round, even when its visitor was not there;
    /// [`NO_HEAD`](crate::facts::room::NO_HEAD) before the first.
    pub head: i64,
    /// The room has a draw and has not opened yet.
    pub drawing: bool,
    /// An operator closed the room: the round is over.
    pub closed: bool,
    /// All places inside, in order of visitor id.
    pub inside: Vec<Insider>,
    /// Spent scores, in order of chunk; no chunk is empty.
    pub spent: Vec<SpentChunk>,
}

/// Which changes of spent draws the ledger has already, and how many it can take now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawsTaken {
    /// The round that `changes` counts; 0: the ledger has nothing of the room.
    pub round: i64,
    /// How many changes of that round the ledger has.
    pub changes: i64,
    /// 1 to [`DRAWS_MAX`].
    pub max: usize,
}

/// One look at a room: the room itself, and the changes of its spent draws since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// The room at that moment.
    pub room: Checkpoint,
    /// Changes of its spent draws that the ledger does not have, at most [`DrawsTaken::max`].
    pub draws: DrawChanges,
}

/// Changes of a round's spent draws, in the order in which they happened. They begin with the round's first change when
/// [`DrawsTaken`] names another round, or more changes than there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DrawChanges {
    /// How many changes of the round the ledger has once it has stored these.
    pub upto: i64,
    /// The changes, the oldest first.
    pub changes: Vec<DrawChange>,
    /// More changes follow these.
    pub more: bool,
    /// How many draws are spent in the room now.
    pub spent: usize,
}

/// A change of one visitor's draw.
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
    /// The visitor whose place it is.
    pub visitor: VisitorId,
    /// The score of the place.
    pub score: i64,
    /// When the place expires.
    pub expires_ms: Millis,
    /// The visitor has claimed the place. `false`: called, and not claimed yet.
    pub claimed: bool,
    /// Called a second time, and not claimed yet: the first call was in vain.
    pub again: bool,
    /// The place's own end, once a hold or an order has made the place last longer.
    pub ends_ms: Option<Millis>,
}

/// Which of the 1,024 scores from `chunk · 1024` on are spent: score `s` is bit `s mod 8` of byte `(s mod 1024) / 8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpentChunk {
    /// Number of the chunk: the score divided by 1,024, rounded down.
    pub chunk: i64,
    /// One bit for each score of the chunk; 1: spent.
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
    /// Marks a score as spent. The score must be one of this chunk.
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

/// An order that is not over, as the ledger has it, to be put into its lane again.
#[derive(Debug, Clone)]
pub struct RestoredOrder {
    /// The public status of the order.
    pub fact: OrderFact,
    /// The hold that the order came from, `Ordered` by it.
    pub hold: HoldFact,
    /// The order's live seats: all `Paying` or all `Sold`.
    pub seats: Vec<(SeatIndex, SeatState)>,
    /// Until when the lane keeps the order for refunds, as in [`Conclusion`](super::conclusion::Conclusion).
    pub refundable_until_ms: Millis,
}
