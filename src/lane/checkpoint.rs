//! A room as the ledger remembers it, to rebuild it from when its lane is lost. Knows no SQL and no tokens.

use crate::clock::Millis;
use crate::ids::VisitorId;

/// Most of the drawn read at once.
pub const DRAWN_MAX: usize = 5_000;

/// Scores of a [`SpentChunk`].
pub const CHUNK_SCORES: i64 = 1_024;

/// A room's line of one moment, but for who waits: their places are in their tokens.
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
    /// By visitor.
    pub inside: Vec<Insider>,
    /// Scores that are through, by chunk; no chunk is empty.
    pub spent: Vec<SpentChunk>,
    /// Visitors of a draw who are through, in order.
    pub spent_draws: Vec<VisitorId>,
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
    /// How many places are through.
    pub fn spent_count(&self) -> usize {
        let bits = |chunk: &SpentChunk| chunk.bits.iter().map(|byte| byte.count_ones() as usize).sum::<usize>();
        self.spent.iter().map(bits).sum::<usize>() + self.spent_draws.len()
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
