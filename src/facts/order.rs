//! Orders as everybody is shown them.

use serde::{Deserialize, Serialize};

use crate::facts::ids::{EventId, HoldId, OrderId, SeatIndex, UserId};
use crate::facts::tariff::STANDARD;
use crate::facts::terms::{RefundTerm, refund_fee_bp};
use crate::facts::time::Millis;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// The order is in its lane's log, and not yet in the ledger.
    Accepted,
    /// In the ledger; it waits for its buyer to pay or to cancel.
    PendingPayment,
    /// An attempt to pay it has no result yet.
    Paying,
    /// Its buyer has an account to pay into, and the money is not there. It has not come yet, or the bank has taken it
    /// back.
    AwaitingDeposit,
    /// Paid, or without cash to pay. No refund is done.
    Confirmed,
    /// A refund is done, and not all lines are refunded.
    PartiallyRefunded,
    /// All lines are refunded.
    Refunded,
    /// Refused, cancelled or not paid in time; see [`Reason`].
    Rejected,
}

impl OrderStatus {
    /// All statuses.
    pub const ALL: [OrderStatus; 8] = [
        OrderStatus::Accepted,
        OrderStatus::PendingPayment,
        OrderStatus::Paying,
        OrderStatus::AwaitingDeposit,
        OrderStatus::Confirmed,
        OrderStatus::PartiallyRefunded,
        OrderStatus::Refunded,
        OrderStatus::Rejected,
    ];

    /// The word that JSON and the ledger use.
    pub fn as_str(self) -> &'static str {
        match self {
            OrderStatus::Accepted => "accepted",
            OrderStatus::PendingPayment => "pending_payment",
            OrderStatus::Paying => "paying",
            OrderStatus::AwaitingDeposit => "awaiting_deposit",
            OrderStatus::Confirmed => "confirmed",
            OrderStatus::PartiallyRefunded => "partially_refunded",
            OrderStatus::Refunded => "refunded",
            OrderStatus::Rejected => "rejected",
        }
    }

    /// The inverse of [`as_str`](Self::as_str); `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// Whether nothing but refunds can follow.
    pub fn is_final(self) -> bool {
        match self {
            OrderStatus::Accepted
            | OrderStatus::PendingPayment
            | OrderStatus::Paying
            | OrderStatus::AwaitingDeposit => false,
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
    /// The order costs another sum of cash than its buyer agreed to.
    PriceChanged,
    /// Points were to be spent, and the user has too few that are usable, or owes some.
    InsufficientPoints,
    /// The coupon is not free, is not the user's, has ended, or does not fit the order.
    CouponUnavailable,
    /// Another order has one of the seats, or has the hold.
    SeatsLost,
    /// More than nothing is due, and less than a provider takes.
    AmountBelowMinimum,
    /// Not paid by the deadline; the last attempt was declined.
    PaymentDeclined,
    /// Not paid by the deadline; the last attempt, if any, was not declined.
    PaymentExpired,
    /// The buyer cancelled it before paying.
    Cancelled,
    /// The ledger cannot store the order, which the door should have refused. An operator is paged.
    Unprocessable,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Reason; 9] = [
        Reason::PriceChanged,
        Reason::InsufficientPoints,
        Reason::CouponUnavailable,
        Reason::SeatsLost,
        Reason::AmountBelowMinimum,
        Reason::PaymentDeclined,
        Reason::PaymentExpired,
        Reason::Cancelled,
        Reason::Unprocessable,
    ];

    /// The word that JSON and the ledger use.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::PriceChanged => "PRICE_CHANGED",
            Reason::InsufficientPoints => "INSUFFICIENT_POINTS",
            Reason::CouponUnavailable => "COUPON_UNAVAILABLE",
            Reason::SeatsLost => "SEATS_LOST",
            Reason::AmountBelowMinimum => "AMOUNT_BELOW_MINIMUM",
            Reason::PaymentDeclined => "PAYMENT_DECLINED",
            Reason::PaymentExpired => "PAYMENT_EXPIRED",
            Reason::Cancelled => "CANCELLED",
            Reason::Unprocessable => "UNPROCESSABLE",
        }
    }

    /// The inverse of [`as_str`](Self::as_str); `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }

    /// Whether an order that is rejected for this reason gives its seats back to its hold.
    pub fn back_to_hold(self) -> bool {
        matches!(
            self,
            Reason::PriceChanged | Reason::InsufficientPoints | Reason::CouponUnavailable | Reason::AmountBelowMinimum
        )
    }
}

/// The complete public status of an order. While `accepted`, `lines` is empty and `total` is `None`.
///
/// Beside it the lane keeps a *pending* mark, pay or cancel, from the step at the door until a conclusion with a newer
/// version. While the mark is pay, the lane shows the status `paying`, otherwise the stored one.
///
/// A rejected or refunded order is dropped, with its attempts and refunds, by the first pulse that comes
/// [`Keep`](crate::lane::Keep) or more after the conclusion that made it so. A later conclusion with another status
/// undoes that. Until it is dropped, the last [`RECENT_MAX`](crate::lane::RECENT_MAX) of a user and event stay
/// whole. Of older ones only version and digest stay: the repeat of their checkout is answered
/// [`CheckoutOutcome::Past`](crate::lane::orders::CheckoutOutcome), and nothing else finds them but a conclusion with a
/// newer version. A confirmed or partly refunded order is dropped [`Keep`](crate::lane::Keep) after the last refund may
/// be asked for, or after the conclusion that said so, if that is later. Other orders stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFact {
    /// Id of the order.
    pub id: OrderId,
    /// The event of its seats.
    pub event: EventId,
    /// The buyer.
    pub user: UserId,
    /// The hold that is bought.
    pub hold: HoldId,
    /// Digest of the request that placed it.
    pub digest: String,
    /// Where the order stands.
    pub status: OrderStatus,
    /// Why the order was rejected; `None` in any other status.
    pub reason: Option<Reason>,
    /// The ledger's version of the order; 0 while `accepted`. A lane keeps the higher.
    pub version: i64,
    /// ISO 4217. All amounts of the order are in its minor units.
    pub currency: String,
    /// One line for each seat, by number; empty while `accepted`.
    pub lines: Vec<LineFact>,
    /// The sums over all lines; `None` while `accepted`.
    pub total: Option<TotalFact>,
    /// The coupon used, as [`CouponRef`](crate::facts::ids::CouponRef) writes it; `None`: no coupon.
    pub coupon: Option<String>,
    /// What became of the attempts to pay; `None`: the ledger has none.
    pub payment: Option<PaymentFact>,
    /// Where the buyer pays in, while the order is [`AwaitingDeposit`](OrderStatus::AwaitingDeposit).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<DepositFact>,
    /// When the door accepted it.
    pub placed_ms: Millis,
    /// When the writer confirmed it; `None`: never confirmed, or its deposit was taken back.
    pub confirmed_ms: Option<Millis>,
    /// When an order not yet paid expires. While it awaits a deposit: by when the money must be there.
    pub deadline_ms: Millis,
    /// Refund terms, frozen when the order was placed. Empty in facts written before this field existed: then only the
    /// writer judges.
    #[serde(default)]
    pub refund_terms: Vec<RefundTerm>,
}

impl OrderFact {
    /// Whether the buyer's time for refunds is over.
    pub fn refunds_closed(&self, at_ms: Millis) -> bool {
        !self.refund_terms.is_empty() && refund_fee_bp(&self.refund_terms, at_ms).is_none()
    }
}

/// One seat of an order. Amounts are minor units, and a point is worth one.
/// `price + booking_fee = discount + points + cash`. The line's net is `price − discount`, without its booking fee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineFact {
    /// From 1.
    pub line: u32,
    /// Index of the seat.
    pub seat: SeatIndex,
    /// Id of the ticket type.
    #[serde(default = "standard")]
    pub ticket_type: String,
    /// List price of the ticket type.
    pub price: i64,
    /// The fee beside the price, paid in cash.
    #[serde(default)]
    pub booking_fee: i64,
    /// Share of the coupon's discount.
    pub discount: i64,
    /// Share of the points spent.
    pub points: i64,
    /// Share of the cash, the booking fee included.
    pub cash: i64,
    /// The value-added tax that is inside `points + cash`.
    #[serde(default)]
    pub vat: i64,
    /// Points earned when the order is confirmed. A refund does not lower this number.
    pub earn: i64,
    /// Gross amount of its refunds, open ones included: cash, points and cancellation fee together, without the booking
    /// fee.
    pub refunded: i64,
    /// What its refunds give back of the booking fee, open ones included.
    #[serde(default)]
    pub fee_refunded: i64,
    /// Nothing is left to refund (also true of a refunded line of net 0).
    pub closed: bool,
    /// Its ticket; `None`: the order was never confirmed.
    pub ticket: Option<TicketFact>,
}

/// The ticket of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketFact {
    /// Id of the ticket.
    pub id: String,
    /// Whether the ticket is valid.
    pub state: TicketState,
}

/// Whether a ticket is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// It gives the right to its seat.
    Valid,
    /// A refund of all that is left of its line is requested and not decided, or the deposit that paid for it was taken
    /// back.
    Suspended,
    /// It gives no right any more: its line is refunded.
    Void,
}

fn standard() -> String {
    STANDARD.to_owned()
}

/// The sums over all lines of an order, minor units. `price + booking_fee = discount + points + cash`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalFact {
    /// Sum of the list prices.
    pub price: i64,
    /// Sum of the booking fees.
    #[serde(default)]
    pub booking_fee: i64,
    /// What the coupon takes off; 0 without a coupon.
    pub discount: i64,
    /// Points spent.
    pub points: i64,
    /// Cash to pay.
    pub cash: i64,
    /// The value-added tax that is inside `points + cash`.
    #[serde(default)]
    pub vat: i64,
}

/// The attempts to pay an order, taken together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFact {
    /// Provider of the last attempt.
    pub provider: String,
    /// Status of the last attempt: `requested`, `awaiting` (a deposit), `captured`, `declined` or `not_done`.
    pub status: String,
    /// How many attempts there were.
    pub attempts: u32,
    /// Sum of all captured attempts, late money included, minor units.
    pub captured: i64,
    /// Cash of the refunds that are done, late money included, minor units.
    pub cancelled: i64,
}

/// An account that a buyer pays into, at the provider's bank (a virtual account).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositFact {
    /// The bank, as the provider names it.
    pub bank: String,
    /// Number of the account.
    pub account: String,
    /// Whose account it is said to be; may be empty.
    pub holder: String,
    /// When the account closes.
    pub expires_ms: Millis,
}
