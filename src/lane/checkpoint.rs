//! A room as the ledger remembers it, to rebuild it from when its lane is lost. Knows no SQL and no tokens.
//!
//! Who is inside is at most the capacity, and spent scores are bits: both are told whole at every look. Of a
//! lottery a million draws may be spent, so a lane numbers every change of them, from the beginning of a
//! round, and tells those that came since the last look, so many at a time.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::ids::VisitorId;

/// Most of the drawn read at once.
pub const DRAWN_MAX: usize = 5_000;

/// Scores of a [`SpentChunk`].
pub const CHUNK_SCORES: i64 = 1_024;

/// Most changes of spent draws told at once.
pub const DRAWS_MAX: usize = 5_000;

/// A room's line of one moment, but for who waits, whose places are in their tokens, and for spent draws.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    pub round: i64,
    pub epoch: i64,
    /// Last one given; the next entry gets one more.
    pub serial: i64,
    pub admitted_total: i64,
    /// Highest score called from the line in this round; [`super::room::NO_HEAD`] when none was.
    pub head: i64,
    /// In a room with a draw: still before the opening.
    pub drawing: bool,
    /// An operator closed the room: the round is over.
    pub closed: bool,
    /// By visitor.
    pub inside: Vec<Insider>,
    /// Scores that are through, by chunk; no chunk is empty.
    pub spent: Vec<SpentChunk>,
}

/// Which changes of spent draws the ledger has been told of, and how many it can take now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub round: i64,
    /// So many of that round's.
    pub changes: i64,
    /// 1 to [`DRAWS_MAX`].
    pub max: usize,
}

/// What a lane tells of a room at once: its line, and what came of its draws since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    pub room: Checkpoint,
    pub draws: Draws,
}

/// Changes of a round's spent draws, in the order in which they came about. From the round's first one when
/// another round had been told, or more than there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draws {
    /// How many there had been in this round when the last of these had come.
    pub upto: i64,
    pub changes: Vec<DrawChange>,
    /// There are more than these.
    pub more: bool,
    /// How many are spent, these counted or not.
    pub spent: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DrawChange {
    /// This visitor is through.
    Spent(VisitorId),
    /// Not any more: entered again before the opening.
    Unspent(VisitorId),
}

/// A place inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insider {
    pub visitor: VisitorId,
    pub score: i64,
    pub expires_ms: Millis,
    /// Called, if not claimed.
    pub claimed: bool,
}

/// Which of the scores from `chunk · 1024` on are spent: score `s` is bit `s mod 8` of byte
/// `(s mod 1024) / 8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpentChunk {
    pub chunk: i64,
    pub bits: [u8; 128],
}

impl Checkpoint {
    /// How many scores are through.
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
