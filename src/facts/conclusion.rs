//! The ledger's verdict on an order, which the order's lane follows.

use crate::facts::ids::SeatIndex;
use crate::facts::order::OrderFact;
use crate::facts::refund::RefundFact;
use crate::facts::time::Millis;

/// The state that the ledger wants for an order in its lane. It is a pure function of the order's rows, so applying it
/// twice is the same as applying it once.
#[derive(Debug, Clone)]
pub struct Conclusion {
    pub fact: OrderFact,
    /// Wanted state of each of the order's seats.
    pub seats: Vec<(SeatIndex, SeatTarget)>,
    /// For `SeatTarget::Held`: when the hold expires, now that it is held again. `None`: as before.
    pub held_until_ms: Option<Millis>,
    /// Until when a refund may be asked for. What happens to the order after that brings a conclusion of its own.
    pub refundable_until_ms: Millis,
    pub refunds: Vec<RefundFact>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatTarget {
    /// Stays paying.
    Paying,
    Sold,
    Free,
    /// Back to the hold the order came from.
    Held,
}
