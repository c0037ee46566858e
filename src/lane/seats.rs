//! Seats as their lane has them, and holds: seats set aside for one user for a while.

#![deny(missing_docs)]

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::facts::hold::HoldFact;
use crate::facts::ids::{EventId, HoldId, SeatIndex, UserId, VisitorId};
use crate::facts::seat::SeatMap;
use crate::facts::tariff::Tariff;
use crate::facts::terms::Terms;
use crate::facts::time::Millis;
use crate::lane::Result;

/// What happens to seats before they are ordered.
#[async_trait]
pub trait Seats {
    /// The seat string. `None`: no such event.
    async fn seats(&self, event: &EventId) -> Result<Option<SeatMap>>;

    /// Sets seats aside. Checked in this order: the request itself (no seats or a quantity of zero, seats not ascending
    /// or repeated: [`Fault::Contract`](crate::facts::fault::Fault)), event, a repeat, mode, inside, the place's own
    /// end, bound user, limit, seats.
    ///
    /// After the check of the bound user, all holds with `expires ≤ now` are swept (as the pulse does, but all of them);
    /// then limit and seats are judged. A refusal by limit or seats leaves the sweep done; an earlier one changes
    /// nothing.
    ///
    /// A new hold is created now and expires at `now + hold_ttl_ms`. Its seats are `h` and owned by it, and `taken`
    /// goes up by their number. The visitor's open holds go up by one. A visitor who is bound to no user is bound to
    /// this one, for as long as the place lasts. The place inside lasts at least as long as the hold; a called one
    /// stays called.
    ///
    /// A place's own end is when it would end by itself: `pass_ttl_s` after it was claimed. A hold, an order, or a hold
    /// that an order gives back makes the place last at least as long as itself, but its own end stays. After it no new
    /// hold begins; what is under way may be finished.
    ///
    /// Which seats, for [`Want::Adjacent`]: the first row that has a block of n free neighbours. A row's seats are
    /// those of its runs, one after the other. For each block in a free run, singles = (left rest is 1) + (right rest
    /// is 1). Fewest singles win, then least `|2·pos + n − len|` (pos in the row from 0, len all seats of the row),
    /// then lowest pos. Indexes past the string are not free.
    async fn hold(&self, now_ms: Millis, ask: HoldAsk) -> Result<HoldOutcome>;

    /// A hold as it stands at `now_ms`: past its time it reads as expired. `None`: the lane does not have it, or only
    /// its digest.
    async fn get_hold(&self, now_ms: Millis, event: &EventId, hold: &HoldId) -> Result<Option<HoldFact>>;

    /// Gives a hold back. Checked in this order: found, owner, state. A held one with `expires ≤ now` is `Ended`, and
    /// nothing changes: the sweep will end it. Released: its seats are free; `taken` and the visitor's open holds go
    /// down.
    async fn release(&self, now_ms: Millis, release: Release) -> Result<ReleaseOutcome>;
}

/// The operations of [`Seats`], as metrics name them.
pub const OPERATIONS: &[&str] = &["seats", "hold", "get_hold", "release"];

/// Which seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// These seats, all or none: (index, list price in minor units), ascending by index, no repeats.
    Named(Vec<(SeatIndex, i64)>),
    /// The best `quantity` adjacent ones of a section, by the rule at [`Seats::hold`].
    Adjacent {
        /// The rows of the section, in the order in which they are tried.
        rows: Vec<RowRuns>,
        /// How many seats, from 1.
        quantity: u32,
        /// List price of each seat, minor units.
        price: i64,
    },
    /// The first `quantity` free ones in row order (also standing sections).
    Separate {
        /// The rows of the section, in the order in which they are tried.
        rows: Vec<RowRuns>,
        /// How many seats, from 1.
        quantity: u32,
        /// List price of each seat, minor units.
        price: i64,
    },
}

/// One row in the order of its seat numbers, as runs of indexes: (first, length). Only rows that grew later have more
/// than one run. Where two runs of a row meet, their seats are neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRuns {
    /// First index and length of each run.
    pub runs: Vec<(SeatIndex, u32)>,
}

/// Which seats somebody wants to hold, and by which rules of the event.
#[derive(Debug, Clone)]
pub struct HoldAsk {
    /// The event of the seats.
    pub event: EventId,
    /// Id of the hold.
    pub hold: HoldId,
    /// Digest of the request, which decides repeats.
    pub digest: String,
    /// The user who wants the seats.
    pub user: UserId,
    /// The visitor of the pass, who must be inside.
    pub visitor: VisitorId,
    /// Which seats are wanted.
    pub want: Want,
    /// The ticket types that may be chosen for them, and their prices.
    pub tariff: Tariff,
    /// The event's terms.
    pub terms: Terms,
    /// Most seats held, paying and sold for one user in this event.
    pub seats_per_user: i64,
    /// How long the hold lasts, ms.
    pub hold_ttl_ms: i64,
    /// Points that an order of the hold earns, basis points of the cash of each line.
    pub earn_bp: i64,
    /// The platform's fee, basis points of the organizer's sale of each line.
    pub fee_bp: i64,
}

/// What became of a `hold`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldOutcome {
    /// The seats are held.
    Held(HoldFact),
    /// This hold exists already, with the same digest: as it stands now.
    Repeated(HoldFact),
    /// The id exists with another digest.
    KeyReused,
    /// The lane has no such event.
    NoEvent,
    /// The room is scheduled or closed.
    NotOpen,
    /// The visitor is not inside.
    NotInside,
    /// This hold has ended, and only its digest is left.
    Ended,
    /// The place's own end is past: the visitor may finish what is under way, but begin no new hold.
    PlaceOver,
    /// The visitor is bound to another user.
    NotOwner,
    /// `seats_per_user` would be exceeded; the user has `taken` seats already.
    LimitExceeded {
        /// Seats that the user holds, is paying or has bought in this event.
        taken: i64,
    },
    /// These of the named seats are not free.
    Taken(Vec<SeatIndex>),
    /// Fewer than the wanted number are free in the section.
    SoldOut,
    /// Enough free seats, but no block of adjacent ones.
    NoBlock,
}

/// A hold that its user gives back.
#[derive(Debug, Clone)]
pub struct Release {
    /// The event of the hold.
    pub event: EventId,
    /// Id of the hold.
    pub hold: HoldId,
    /// The user who asks, who must be the hold's user.
    pub user: UserId,
}

/// What became of a `release`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseOutcome {
    /// The hold is given back, and its seats are free.
    Released,
    /// The hold was released or has expired before; nothing was changed.
    Ended,
    /// An order has the hold.
    Ordered,
    /// The hold is another user's.
    NotOwner,
    /// The lane has no such hold, or only its digest.
    NotFound,
}
