//! The ledger's verdict on an order, which the order's lane follows.

use crate::facts::ids::SeatIndex;
use crate::facts::order::OrderFact;
use crate::facts::refund::RefundFact;
use crate::facts::time::Millis;

/// The state that the ledger wants for an order in its lane. It is a pure function of the order's rows, so applying it
/// twice is the same as applying it once.
#[derive(Debug, Clone)]
pub struct Conclusion {
    /// The public status of the order. Its version decides whether a lane applies the conclusion.
    pub fact: OrderFact,
    /// Wanted state of each of the order's seats. Empty: the seats stay as they are.
    pub seats: Vec<(SeatIndex, SeatTarget)>,
    /// When the hold expires, if the order goes back to it ([`SeatTarget::Held`]). `None`: as before.
    pub held_until_ms: Option<Millis>,
    /// Until when the lane keeps a paid order for refunds, at least, by the order's terms
    /// ([`Terms::refundable_until_ms`](crate::facts::terms::Terms::refundable_until_ms)).
    pub refundable_until_ms: Millis,
    /// All refunds of the order, the oldest first.
    pub refunds: Vec<RefundFact>,
}

/// The state that the ledger wants for a seat of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatTarget {
    /// Paying: the order is not paid yet.
    Paying,
    /// Sold: the order is paid and the seat's ticket is not void.
    Sold,
    /// Free: the order was rejected, or the seat's refund is done.
    Free,
    /// Held again by the hold that the order came from; free when that hold is gone.
    Held,
}
