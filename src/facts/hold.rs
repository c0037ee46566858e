//! Holds: seats set aside for one user for a while.

use serde::{Deserialize, Serialize};

use crate::facts::ids::{EventId, HoldId, OrderId, SeatIndex, UserId, VisitorId};
use crate::facts::time::Millis;

/// Where a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// Its seats are held for its user.
    Held,
    /// An order has it. Its seats are paying or sold, or the order has ended and gave them back.
    Ordered,
    /// Its user gave it back.
    Released,
    /// Its time ran out before it was ordered.
    Expired,
}

/// A hold, with prices and rates frozen when it was made.
///
/// An ended hold is kept for [`Keep`](crate::lane::Keep) after the step that ended it: the release, the sweep, or the
/// conclusion that made its order final. The first pulse with `now ≥ end + keep` drops it. Until then the last
/// [`RECENT_MAX`](crate::lane::RECENT_MAX) of a user and event stay whole. Of older ones only the digest stays: a
/// repeat of their request is answered [`HoldOutcome::Ended`](crate::lane::seats::HoldOutcome), and no other operation
/// finds them. A step that ends or orders a hold moves and counts only the seats that the hold still owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldFact {
    /// Id of the hold.
    pub id: HoldId,
    /// The event of its seats.
    pub event: EventId,
    /// The only user who may order or release it.
    pub user: UserId,
    /// The visitor who made it. Their place inside lasts at least as long as the hold.
    pub visitor: VisitorId,
    /// Digest of the request that made it. A repeat has the same id and the same digest.
    pub digest: String,
    /// The state as stored. A hold past its time stays `Held` until it is swept, but a reader is shown `Expired`.
    pub state: HoldState,
    /// Never empty; ascending.
    pub seats: Vec<SeatIndex>,
    /// List price of each seat, in the order of `seats`, minor units.
    pub prices: Vec<i64>,
    /// Points that an order of it earns, basis points of the cash of each line.
    pub earn_bp: i64,
    /// The platform's fee, basis points of the organizer's sale of each line.
    pub fee_bp: i64,
    /// When it was made.
    pub created_ms: Millis,
    /// When it expires. A rejected order that gives it back may set a later time.
    pub expires_ms: Millis,
    /// The order that has it; `Some` exactly while `state` is `Ordered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
}
