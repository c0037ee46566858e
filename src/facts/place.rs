//! A visitor's place in a room.

use crate::facts::ids::{EventId, VisitorId};
use crate::facts::room::RoomCounts;
use crate::facts::time::Millis;

/// The place that a queue token names. The token's signature has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub event: EventId,
    pub visitor: VisitorId,
    /// One of [`SCORES`](crate::facts::room::SCORES).
    pub score: i64,
    pub round: i64,
}

/// Where a visitor stands, with the room's counts after the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub state: PlaceState,
    pub counts: RoomCounts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceState {
    /// In line before the opening. `ahead` is known but not shown.
    Scheduled,
    /// `ahead` visitors stand before this one; 0 for a visitor who is back from being late.
    Waiting {
        ahead: i64,
    },
    /// Inside until `expires_ms`.
    Admitted {
        expires_ms: Millis,
    },
    /// The place is over: the visitor left, bought, stayed until it expired or did not answer the call in time; or it
    /// is of another round.
    Done,
    Closed,
}
