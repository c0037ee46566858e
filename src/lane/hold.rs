//! Holds: seats set aside for one user for a while. Knows no prices' reasons and no HTTP.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::ids::{EventId, HoldId, OrderId, SeatIndex, UserId, VisitorId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    Held,
    /// An order has it: the seats are paying, sold, or given back by the order's end.
    Ordered,
    Released,
    Expired,
}

/// A hold, with prices and rates frozen when it was made.
///
/// An ended one is kept for a while ([`Keep`](super::Keep)) after the step that ended it: the release, the sweep,
/// the settlement that made its order final; the first pulse with `now ≥ end + keep` drops it. The last
/// [`RECENT_MAX`](super::RECENT_MAX) of a user and event stay whole so long; of older ones only the digest does, and
/// its repeat is [`HoldOutcome::Ended`], while to everything else they are not there. Whatever
/// ends or orders a hold touches only those of its seats whose owner it is, and counts those.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldFact {
    pub id: HoldId,
    pub event: EventId,
    pub user: UserId,
    pub visitor: VisitorId,
    /// Digest of the request that made it.
    pub digest: String,
    pub state: HoldState,
    /// Never empty; ascending.
    pub seats: Vec<SeatIndex>,
    /// List price of each seat, minor units.
    pub prices: Vec<i64>,
    pub earn_bp: i64,
    pub fee_bp: i64,
    pub created_ms: Millis,
    pub expires_ms: Millis,
    /// Set while `state` is `Ordered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
}

/// Which seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// These, all or none: (index, price), ascending by index, no repeats.
    Named(Vec<(SeatIndex, i64)>),
    /// The best `quantity` adjacent ones of a section; see `pick` in DESIGN.
    Adjacent { rows: Vec<Row>, quantity: u32, price: i64 },
    /// The first `quantity` free ones in row order (also standing sections).
    Separate { rows: Vec<Row>, quantity: u32, price: i64 },
}

/// One row in the order of its seat numbers: runs of indexes, (first, length). One run in all but
/// rows that grew later; seats of different runs of one row are neighbours where the runs meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub runs: Vec<(SeatIndex, u32)>,
}

/// Arguments of `hold`.
///
/// No seats or zero of them, seats not ascending or repeated → [`super::Fault::Contract`]. When the checks
/// up to the bound user are passed, all holds with `expires ≤ now` are swept (as the pulse does, but all),
/// then limit and seats are judged: a refusal from there on leaves the sweep done, an earlier one nothing.
/// A hold made: created now, expires `now + hold_ttl_ms`, seats `h` and owned by it, `taken` + n, the
/// visitor's open holds + 1, the visitor bound to the user if bound to none (for as long as the place lasts),
/// their place inside lasting at least as long as the hold (a called one stays called).
///
/// Pick: a row's seats are those of its runs, one after the other. For a block of n free neighbours in a
/// free run, singles = (left rest is 1) + (right rest is 1); fewest singles, then least
/// `|2·pos + n − len|` (pos in the row from 0, len all seats of the row), then lowest pos. Indexes past
/// the string are not free.
#[derive(Debug, Clone)]
pub struct HoldAsk {
    pub event: EventId,
    pub hold: HoldId,
    pub digest: String,
    pub user: UserId,
    /// Whose pass it is; must be inside.
    pub visitor: VisitorId,
    pub want: Want,
    /// Most seats held, paying and sold for one user in this event.
    pub seats_per_user: i64,
    pub hold_ttl_ms: i64,
    pub earn_bp: i64,
    pub fee_bp: i64,
}

/// Checked in this order (after the repeat): event, mode, inside, the place's own end, bound user, limit, seats.
///
/// A place's own end is when it would end by itself: `pass_ttl_s` after it was claimed. A hold, an order and a hold
/// given back make the place last as long as they do, and its own end stays: what is under way then is finished, and
/// nothing begins. (A lane that is rebuilt knows only how long places last.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldOutcome {
    Held(HoldFact),
    /// This hold exists already, with the same digest: as it stands now.
    Repeated(HoldFact),
    /// The id exists with another digest.
    KeyReused,
    NoEvent,
    /// Scheduled or closed.
    NotOpen,
    /// The visitor is not inside.
    NotInside,
    /// This hold has ended, too long ago to say more of it.
    Ended,
    /// The place's own end is past: the visitor is inside for what is under way only.
    PlaceOver,
    /// The visitor is bound to another user.
    NotOwner,
    /// `seats_per_user` would be passed; so many are taken.
    LimitExceeded {
        taken: i64,
    },
    /// Named seats that are not free.
    Taken(Vec<SeatIndex>),
    /// Fewer than the wanted number are free in the section.
    SoldOut,
    /// Enough free seats, but no block of adjacent ones.
    NoBlock,
}

/// Checked in this order: found, owner, state; a held one with `expires ≤ now` is `Ended`, and nothing
/// changes (the sweep will). Released: seats free, `taken` and the visitor's open holds go down.
#[derive(Debug, Clone)]
pub struct Release {
    pub event: EventId,
    pub hold: HoldId,
    pub user: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseOutcome {
    Released,
    /// Released or expired before; nothing was changed.
    Ended,
    Ordered,
    NotOwner,
    NotFound,
}
