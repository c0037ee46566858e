//! A room as the ledger remembers it, to rebuild it from when its lane is lost. Knows no SQL and no tokens.

use crate::clock::Millis;
use crate::ids::VisitorId;

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
    /// Highest score let in or called in this round; lowest possible when nobody was.
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
