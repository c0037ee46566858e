//! Holds: seats set aside for one user for a while.

use serde::{Deserialize, Serialize};

use crate::facts::ids::{EventId, HoldId, OrderId, SeatIndex, UserId, VisitorId};
use crate::facts::tariff::{CartSeat, STANDARD, Tariff};
use crate::facts::terms::Terms;
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

/// A hold, with prices, terms and rates frozen when it was made.
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
    /// Price of the default ticket type of each seat, in the order of `seats`, minor units.
    pub prices: Vec<i64>,
    /// The ticket types of its seats, and their prices.
    #[serde(default)]
    pub tariff: Tariff,
    /// The event's terms. `None` in holds that were made before they were frozen here: then those of the order count.
    #[serde(default)]
    pub terms: Option<Terms>,
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

impl HoldFact {
    /// The ticket type of each seat if its buyer chooses none.
    pub fn default_type(&self, at: usize) -> &str {
        let first = self.tariff.list(at).and_then(|list| list.types.first());
        first.map_or(STANDARD, |found| &found.id)
    }

    /// The price of a ticket type for the hold's seat number `at` (from 0); `None`: no such type.
    pub fn price(&self, at: usize, ticket_type: &str) -> Option<i64> {
        match self.tariff.list(at) {
            Some(list) => list.price(ticket_type),
            None => self.prices.get(at).copied().filter(|_| ticket_type == STANDARD),
        }
    }

    /// Its seats with these ticket types, in the order of `seats`; without types, each with its default type. `None`:
    /// there are not as many types as seats, or one of them does not exist.
    pub fn cart(&self, types: &[String]) -> Option<Vec<CartSeat>> {
        if !types.is_empty() && types.len() != self.seats.len() {
            return None;
        }
        let seat = |(at, &seat): (usize, &SeatIndex)| {
            let ticket_type = types.get(at).map_or_else(|| self.default_type(at), String::as_str);
            Some(CartSeat { seat, ticket_type: ticket_type.to_owned(), price: self.price(at, ticket_type)? })
        };
        self.seats.iter().enumerate().map(seat).collect()
    }
}
