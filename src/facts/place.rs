//! A visitor's place in a room.

use crate::facts::ids::{EventId, VisitorId};
use crate::facts::room::RoomCounts;
use crate::facts::time::Millis;

/// The place that a queue token names. The token's signature has been checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Token {
    /// The event of the room.
    pub event: EventId,
    /// The visitor whose place it is.
    pub visitor: VisitorId,
    /// The place's score, one of [`SCORES`](crate::facts::room::SCORES).
    pub score: i64,
    /// The round in which the place was given.
    pub round: i64,
}

/// Where a visitor stands, with the room's counts after the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where the visitor stands.
    pub state: PlaceState,
    /// The room's counts after the call.
    pub counts: RoomCounts,
}

/// Where a visitor stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceState {
    /// In line before the opening. The position is not shown.
    Scheduled,
    /// In line, after the opening.
    Waiting {
        /// How many visitors stand before this one; 0 for a visitor who is back from being late.
        ahead: i64,
    },
    /// Inside; the place is claimed.
    Admitted {
        /// When the place expires.
        expires_ms: Millis,
    },
    /// The place is over: the visitor left, bought, stayed until it expired or did not answer the call in time; or it
    /// is of another round.
    Done,
    /// The room is closed.
    Closed,
}
