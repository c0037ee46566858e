//! An event's seats as its lane sees them: one byte a seat. Knows no names, rows or prices.

use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::hold::HoldFact;
use super::order::OrderFact;
use super::room::{RoomCounts, RoomSettings};
use crate::clock::Millis;
use crate::ids::{EventId, SeatIndex, VisitorId};

/// State of a seat, a byte of the seat string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SeatState {
    Free,
    Held,
    Paying,
    Sold,
    Blocked,
}

impl SeatState {
    pub fn byte(self) -> u8 {
        match self {
            SeatState::Free => b'f',
            SeatState::Held => b'h',
            SeatState::Paying => b'p',
            SeatState::Sold => b's',
            SeatState::Blocked => b'b',
        }
    }

    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            b'f' => SeatState::Free,
            b'h' => SeatState::Held,
            b'p' => SeatState::Paying,
            b's' => SeatState::Sold,
            b'b' => SeatState::Blocked,
            _ => return None,
        })
    }
}

/// Arguments of `put_event`: the whole wanted state of layout and room.
///
/// The seat string is only ever extended. An index in `blocked` becomes blocked (refused when it is
/// held, paying or sold), one that is blocked and not in `blocked` becomes free.
///
/// In this order: ranges that are empty, not ascending, overlapping or past `seats` →
/// [`super::Fault::Contract`]; an older version → `Stale`; fewer `seats` than before → `Contract`;
/// `SeatsTaken` (lowest first; a hold that ran out but is not swept still counts as held). When the
/// *stored* mode was closed and the new one is not, a new round begins: round and epoch +1, all places
/// and all of spent dropped; serial, bindings, counts of open holds, holds and orders stay.
#[derive(Debug, Clone)]
pub struct EventPut {
    pub event: EventId,
    /// The ledger's version; an older one than the lane's is refused `Stale`, an equal one applied again.
    pub version: i64,
    /// Length of the seat string, blocked ones included. Never less than before.
    pub seats: u32,
    /// Half-open ranges of indexes, ascending, disjoint.
    pub blocked: Vec<(SeatIndex, SeatIndex)>,
    pub room: RoomSettings,
    /// It left a lane before: where it is missing only a rebuilding may bring it, for what was sold of it is in the
    /// ledger alone.
    pub returned: bool,
}

/// What became of an event that was to leave its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retired {
    /// Now or before.
    Done,
    /// The lane has this newer version.
    Stale(i64),
    /// Somebody waits, is inside, holds or pays.
    Busy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutEvent {
    Done,
    /// The lane has this newer version.
    Stale(i64),
    /// These seats would be blocked but are held, paying or sold; nothing was changed. At most 20.
    SeatsTaken(Vec<SeatIndex>),
    /// It is not here, and left this lane or another one before: the lane is to be rebuilt with it.
    Missing,
}

/// The seat string; `version` grows with every change of a seat, by how much is the store's own business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatMap {
    pub version: u64,
    pub seats: Vec<u8>,
}

/// An event as the ledger knows it, to rebuild a lane from. Replaces the event if it is there already.
///
/// The room begins with the given epoch and nobody waiting. Without a checkpoint it is in round 1, with
/// serial 0, nobody inside and a full bucket. With one it has the checkpoint's round, serial, total, head,
/// places inside and spent marks, draws again if that was still drawing (a new round of draws begins only
/// with a new round), and an empty bucket: nobody knows what was let in since. Each order's
/// fact and hold are stored, the hold `Ordered` by it; seats take their state and the order as owner
/// (also over `blocked`); `taken` counts them for the order's user. An order not yet final leaves its
/// hold open (counted for its visitor); a final one's hold ended now. How long an order stays is counted from now.
#[derive(Debug, Clone)]
pub struct EventRestore {
    /// The one that was begun.
    pub generation: u64,
    pub put: EventPut,
    /// Raised above every epoch given before, so that newcomers stand behind.
    pub epoch: i64,
    pub checkpoint: Option<Checkpoint>,
    /// Visitors of a draw who are through, as the ledger has them: no change to tell it of.
    pub spent_draws: Vec<VisitorId>,
    /// So long the room is recovering, from `end_restore` on; 0: it is not.
    pub recover_ms: Millis,
    /// Orders whose seats are paying or sold, and whose facts a refund needs.
    pub orders: Vec<RestoredOrder>,
    /// Time until which paying orders keep their visitor inside.
    pub now_ms: Millis,
}

#[derive(Debug, Clone)]
pub struct RestoredOrder {
    pub fact: OrderFact,
    pub hold: HoldFact,
    /// Live seats of the order: all `Paying` or all `Sold`.
    pub seats: Vec<(SeatIndex, SeatState)>,
    /// As a [`Settlement`](super::Settlement) has it.
    pub refundable_until_ms: Millis,
}

/// Seats by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatTally {
    pub free: i64,
    pub held: i64,
    pub paying: i64,
    pub sold: i64,
    pub blocked: i64,
}

impl SeatTally {
    /// Of a seat string; what is no state is not counted.
    pub fn of(string: &[u8]) -> Self {
        let mut tally = Self::default();
        for byte in string {
            match SeatState::from_byte(*byte) {
                Some(SeatState::Free) => tally.free += 1,
                Some(SeatState::Held) => tally.held += 1,
                Some(SeatState::Paying) => tally.paying += 1,
                Some(SeatState::Sold) => tally.sold += 1,
                Some(SeatState::Blocked) => tally.blocked += 1,
                None => {}
            }
        }
        tally
    }
}

/// Everything the audit needs of an event. A store may read it in pages: each seat fits its owner, and `tally` fits
/// `counts`, but the rest is of one moment only where it is not `torn`. Holds and orders by id, `taken` by user without
/// zeros, holds as stored (one that ran out and is not swept reads `Held`), orders as `orders` shows them.
/// `counts.mode` is the stored mode: there is no time here to tell the one in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventDump {
    pub version: i64,
    /// Of the string as it was when the counters were read.
    pub tally: SeatTally,
    pub seats: Vec<u8>,
    /// Seat index to its owner: a hold's id while held, an order's while paying or sold.
    pub owners: Vec<(SeatIndex, String)>,
    pub holds: Vec<HoldFact>,
    pub orders: Vec<OrderFact>,
    /// Seats held, paying and sold by user.
    pub taken: Vec<(String, i64)>,
    /// The lane's own counters, to hold against the string.
    pub counts: RoomCounts,
    pub room: RoomSettings,
    /// Last log id when the reading began.
    pub log_last: u64,
    /// Seats changed while it was read.
    pub torn: bool,
}
