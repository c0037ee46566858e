//! Orders as everybody is shown them.

use serde::{Deserialize, Serialize};

use crate::facts::ids::{EventId, HoldId, OrderId, SeatIndex, UserId};
use crate::facts::terms::{RefundTerm, refund_fee_bp};
use crate::facts::time::Millis;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// In the log, not yet in the ledger.
    Accepted,
    PendingPayment,
    Paying,
    Confirmed,
    PartiallyRefunded,
    Refunded,
    Rejected,
}

impl OrderStatus {
    pub const ALL: [OrderStatus; 7] = [
        OrderStatus::Accepted,
        OrderStatus::PendingPayment,
        OrderStatus::Paying,
        OrderStatus::Confirmed,
        OrderStatus::PartiallyRefunded,
        OrderStatus::Refunded,
        OrderStatus::Rejected,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            OrderStatus::Accepted => "accepted",
            OrderStatus::PendingPayment => "pending_payment",
            OrderStatus::Paying => "paying",
            OrderStatus::Confirmed => "confirmed",
            OrderStatus::PartiallyRefunded => "partially_refunded",
            OrderStatus::Refunded => "refunded",
            OrderStatus::Rejected => "rejected",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// Nothing but refunds can follow.
    pub fn is_final(self) -> bool {
        match self {
            OrderStatus::Accepted | OrderStatus::PendingPayment | OrderStatus::Paying => false,
            OrderStatus::Confirmed | OrderStatus::PartiallyRefunded | OrderStatus::Refunded | OrderStatus::Rejected => {
                true
            }
        }
    }
}

/// Why an order was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    PriceChanged,
    InsufficientPoints,
    CouponUnavailable,
    SeatsLost,
    PaymentDeclined,
    PaymentExpired,
    Cancelled,
    /// The ledger cannot store the order: the door let in what it should have refused. Somebody is paged.
    Unprocessable,
}

impl Reason {
    pub const ALL: [Reason; 8] = [
        Reason::PriceChanged,
        Reason::InsufficientPoints,
        Reason::CouponUnavailable,
        Reason::SeatsLost,
        Reason::PaymentDeclined,
        Reason::PaymentExpired,
        Reason::Cancelled,
        Reason::Unprocessable,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Reason::PriceChanged => "PRICE_CHANGED",
            Reason::InsufficientPoints => "INSUFFICIENT_POINTS",
            Reason::CouponUnavailable => "COUPON_UNAVAILABLE",
            Reason::SeatsLost => "SEATS_LOST",
            Reason::PaymentDeclined => "PAYMENT_DECLINED",
            Reason::PaymentExpired => "PAYMENT_EXPIRED",
            Reason::Cancelled => "CANCELLED",
            Reason::Unprocessable => "UNPROCESSABLE",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }

    /// Refused before any payment: the seats go back to the hold.
    pub fn back_to_hold(self) -> bool {
        matches!(self, Reason::PriceChanged | Reason::InsufficientPoints | Reason::CouponUnavailable)
    }
}

/// The complete public status of an order. While `accepted`, `lines` is empty and `total` is `None`.
///
/// Beside it the lane keeps a *pending* mark, pay or cancel: from the step at the door until a conclusion with a newer
/// version. While the mark is pay, everyone is shown status `paying`, else the stored status.
///
/// A rejected or refunded order is dropped, with its attempts and refunds, by the first pulse that comes
/// [`Keep`](crate::lane::Keep) or more after the conclusion that made it so. A conclusion that makes it otherwise again
/// takes that back. Until it is dropped, the last [`RECENT_MAX`](crate::lane::RECENT_MAX) of a user and event stay
/// whole. Of older ones only version and digest stay: the repeat of their checkout is answered
/// [`CheckoutOutcome::Past`](crate::lane::orders::CheckoutOutcome), and nothing else finds them but a conclusion with a
/// newer version. A confirmed or partly refunded order is dropped [`Keep`](crate::lane::Keep) after the last refund may
/// be asked for, or after the conclusion that said so, if that is later. Other orders stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFact {
    pub id: OrderId,
    pub event: EventId,
    pub user: UserId,
    pub hold: HoldId,
    /// Digest of the request that placed it.
    pub digest: String,
    pub status: OrderStatus,
    pub reason: Option<Reason>,
    /// The ledger's version of the order; 0 while `accepted`. A lane keeps the higher.
    pub version: i64,
    pub currency: String,
    pub lines: Vec<LineFact>,
    pub total: Option<TotalFact>,
    /// The coupon used, as [`CouponRef`](crate::facts::ids::CouponRef) writes it.
    pub coupon: Option<String>,
    pub payment: Option<PaymentFact>,
    pub placed_ms: Millis,
    pub confirmed_ms: Option<Millis>,
    /// When an order not yet paid expires.
    pub deadline_ms: Millis,
    /// Frozen when the order was placed. Empty in facts written before this field existed: then only the writer judges.
    #[serde(default)]
    pub refund_terms: Vec<RefundTerm>,
}

impl OrderFact {
    /// Whether the buyer's time for refunds is over.
    pub fn refunds_closed(&self, at_ms: Millis) -> bool {
        !self.refund_terms.is_empty() && refund_fee_bp(&self.refund_terms, at_ms).is_none()
    }
}

/// A line; amounts in minor units. `net = price − discount = points + cash`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineFact {
    /// From 1.
    pub line: u32,
    pub seat: SeatIndex,
    pub price: i64,
    pub discount: i64,
    pub points: i64,
    pub cash: i64,
    pub earn: i64,
    /// Gross: cash and points together.
    pub refunded: i64,
    /// Nothing is left to refund (also true of a refunded line of net 0).
    pub closed: bool,
    /// `None` before the order is confirmed.
    pub ticket: Option<TicketFact>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketFact {
    pub id: String,
    pub state: TicketState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    Valid,
    Suspended,
    Void,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalFact {
    pub price: i64,
    pub discount: i64,
    pub points: i64,
    pub cash: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFact {
    pub provider: String,
    /// Of the last attempt: `requested`, `captured`, `declined`, `not_done`.
    pub status: String,
    pub attempts: u32,
    pub captured: i64,
    pub cancelled: i64,
}
