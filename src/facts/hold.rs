//! Holds: seats set aside for one user for a while.

use serde::{Deserialize, Serialize};

use crate::facts::ids::{EventId, HoldId, OrderId, SeatIndex, UserId, VisitorId};
use crate::facts::time::Millis;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    Held,
    /// An order has it. Its seats are paying or sold, or the order has ended and gave them back.
    Ordered,
    Released,
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
