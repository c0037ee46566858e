//! Points, as buyers ask to spend them.

use serde::{Deserialize, Serialize};

/// How many points an order is to spend. In JSON a number, or `"max"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PointsAsk {
    /// This many, or as many as are left to pay.
    Amount(i64),
    /// All that can be spent.
    Max(MaxWord),
}

/// The word `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxWord {
    /// The one value.
    Max,
}

impl PointsAsk {
    /// All that can be spent.
    pub const MAX: PointsAsk = PointsAsk::Max(MaxWord::Max);
    /// None.
    pub const NONE: PointsAsk = PointsAsk::Amount(0);
}
