//! Events as their lane has them: a string of seats and a room.

#![deny(missing_docs)]

use crate::facts::ids::{EventId, SeatIndex};
use crate::facts::room::RoomSettings;
use crate::facts::time::Millis;
use crate::lane::Result;
use async_trait::async_trait;

/// How events come into a lane and leave it.
#[async_trait]
pub trait Events {
    /// Creates an event or changes its layout and room, all or nothing. It never frees what is taken.
    ///
    /// The seat string is only ever extended. An index in `blocked` becomes blocked, unless it is held, paying or sold.
    /// An index that was blocked and is not in `blocked` becomes free.
    ///
    /// Checked in this order:
    /// 1. ranges that are empty, not ascending, overlapping or past `seats`:
    ///    [`Fault::Contract`](crate::facts::fault::Fault);
    /// 2. an older version: `Stale`;
    /// 3. fewer `seats` than before: `Contract`;
    /// 4. `SeatsTaken`, lowest first. A hold that ran out and is not swept still counts as held.
    ///
    /// When the *stored* mode was closed and the new one is not, a new round begins: round and epoch go up by one, and
    /// all places, all spent marks and the bindings of visitors to users are dropped. Serial, counts of open holds,
    /// holds and orders stay.
    async fn put_event(&self, now_ms: Millis, put: EventPut) -> Result<PutEvent>;

    /// Drops an event that is over, with its orders, and remembers the version at which it left. From then on only a
    /// rebuilding brings it back. (A rebuilding forgets which events have left; the writer tells the lane again.)
    /// Nothing is changed when the lane has a newer version, or when anybody waits, is late, is inside, holds or pays.
    /// An event that the lane does not have is remembered as gone.
    async fn retire_event(&self, now_ms: Millis, event: &EventId, version: i64) -> Result<Retired>;
}

/// The operations of [`Events`], as metrics name them.
pub const OPERATIONS: &[&str] = &["put_event", "retire_event"];

/// The whole wanted state of an event's layout and room.
#[derive(Debug, Clone)]
pub struct EventPut {
    /// Slug of the event.
    pub event: EventId,
    /// The ledger's version; an older one than the lane's is refused `Stale`, an equal one applied again.
    pub version: i64,
    /// Length of the seat string, blocked ones included. Never less than before.
    pub seats: u32,
    /// Seats that are not on sale: half-open ranges of indexes, ascending, disjoint.
    pub blocked: Vec<(SeatIndex, SeatIndex)>,
    /// Settings of the room.
    pub room: RoomSettings,
    /// The event has left a lane before. A lane that does not have it gets it only by a rebuilding, because only the
    /// ledger knows what was sold of it.
    pub returned: bool,
}

/// What became of an event that was to leave its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retired {
    /// It has left, now or before.
    Done,
    /// The lane has this newer version.
    Stale(i64),
    /// Somebody waits, is late, is inside, holds or pays.
    Busy,
}

/// What became of a `put_event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutEvent {
    /// The lane has the event as wanted.
    Done,
    /// The lane has this newer version.
    Stale(i64),
    /// These seats would be blocked but are held, paying or sold; nothing was changed. At most 20.
    SeatsTaken(Vec<SeatIndex>),
    /// The lane does not have the event, and the event left this lane or another one before: the lane has to be rebuilt
    /// with it.
    Missing,
}
