//! Orders as their lane shows them, and the doors of the log: checkout, pay, cancel, refund, settle.
//! The truth is the ledger's; a lane keeps the last public status it was told.

use serde::{Deserialize, Serialize};

use super::record::{Record, RefundBy};
use super::terms::{RefundTerm, refund_fee_bp};
use crate::clock::Millis;
use crate::ids::{AttemptId, EventId, HoldId, LogId, OrderId, RefundId, SeatIndex, UserId};

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
    /// The ledger cannot hold it: the door let in what it should have refused. Somebody is paged.
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

/// An order's public status, whole. While `accepted`, `lines` is empty and `total` is `None`.
///
/// Beside it the lane keeps a *pending* mark: pay or cancel, from the door until a settlement with a
/// newer version. Everyone is shown status `paying` while the mark is pay, the stored one otherwise.
/// A rejected or refunded order is dropped, with its attempts and refunds, by the first pulse a while
/// ([`Keep`](super::Keep)) after the settlement that made it so (one that makes it otherwise again takes that back). The last
/// [`RECENT_MAX`](super::RECENT_MAX) of a user and event stay whole so long; of older ones version and digest do, and
/// the repeat of a checkout is [`CheckoutOutcome::Past`], while to everything but a settlement with a newer version
/// they are not there. A confirmed or partly refunded one is dropped as long after the last refund may be asked for, or
/// after the settlement that said so, if that is later. Others stay.
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
    /// The coupon used, as [`CouponRef`](crate::ids::CouponRef) writes it.
    pub coupon: Option<String>,
    pub payment: Option<PaymentFact>,
    pub placed_ms: Millis,
    pub confirmed_ms: Option<Millis>,
    /// When an order not yet paid expires.
    pub deadline_ms: Millis,
    /// Frozen when it was placed. Empty in facts of before: then only the writer judges.
    #[serde(default)]
    pub refund_terms: Vec<RefundTerm>,
}

impl OrderFact {
    /// The buyer's time for refunds is over.
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

/// Arguments of `checkout`.
///
/// The repeat by order id first, then in this order: hold found (no event: not found), owner, state
/// (a held one with `expires ≤ now` is `Expired`), log: `backlog ≥ log_max` is `Full`. No mode is asked.
/// Placed: those seats the hold owns are `p` and the order's, the hold is `Ordered` and out of the sweep, the
/// fact is stored as given, the record appended with the hold as it now stands, the visitor's place
/// inside (if there) lasts at least until the order's deadline.
#[derive(Debug, Clone)]
pub struct Checkout {
    pub event: EventId,
    pub hold: HoldId,
    pub user: UserId,
    /// The status to show until the writer has spoken (`accepted`, version 0). Its `digest` decides repeats.
    pub fact: OrderFact,
    /// `order.placed`, without its hold: the lane adds that.
    pub record: Record,
    /// Most records in the log before new ones are refused `Full`.
    pub log_max: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "an answer, moved once")]
pub enum CheckoutOutcome {
    Placed(LogId),
    /// This order was placed before, with the same digest: its present status.
    Repeated(OrderFact),
    /// It was, and was rejected or refunded, too long ago to say more of it.
    Past,
    KeyReused,
    NotFound,
    NotOwner,
    AlreadyOrdered,
    Expired,
    Released,
    Full,
}

/// Arguments of `pay`. `record` is `payment.requested`; its id is the attempt's.
///
/// In this order: order found; the repeat by attempt id (an attempt's id names one order); owner;
/// `paying` or a pending pay → `InProgress`; not `pending_payment`, a pending cancel or
/// `deadline ≤ now` → `NotPayable`; `attempts_max` attempts the ledger knows of → `TooMany`; the amount against
/// `total.cash` (no total: 0); the log.
#[derive(Debug, Clone)]
pub struct Pay {
    pub order: OrderId,
    pub user: UserId,
    pub attempt: AttemptId,
    pub digest: String,
    pub amount: i64,
    /// Of one order, the one that came with it included.
    pub attempts_max: i64,
    pub record: Record,
    pub log_max: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayOutcome {
    Accepted(OrderFact),
    Repeated(OrderFact),
    KeyReused,
    NotFound,
    NotOwner,
    InProgress,
    NotPayable,
    /// As many attempts as an order may have were made.
    TooMany,
    /// So much is due.
    AmountMismatch {
        due: i64,
    },
    Full,
}

/// Arguments of `cancel`. A second cancel of the same order changes nothing.
///
/// In this order: order found; owner; a pending cancel, or rejected as `CANCELLED` → `Accepted` again;
/// `paying` or a pending pay → `InProgress`; not `pending_payment` → `NotCancellable`.
#[derive(Debug, Clone)]
pub struct Cancel {
    pub order: OrderId,
    pub user: UserId,
    pub record: Record,
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "an answer, moved once")]
pub enum CancelOutcome {
    Accepted(OrderFact),
    NotFound,
    NotOwner,
    InProgress,
    NotCancellable,
}

/// Arguments of `refund`. `user` is `None` for an admin.
///
/// In this order: an amount below 1 → [`super::Fault::Contract`]; the repeat by refund id; order found;
/// owner; status confirmed or partially refunded, else `NotRefundable`; by a buyer whose time is over:
/// `Closed`; then line by line as asked:
/// exists, not closed, amount at most `price − discount − refunded`; the log.
#[derive(Debug, Clone)]
pub struct Refund {
    pub order: OrderId,
    pub user: Option<UserId>,
    pub by: RefundBy,
    pub refund: RefundId,
    pub digest: String,
    /// (line, gross amount); no amount: all that is left of the line. No repeats.
    pub lines: Vec<(u32, Option<i64>)>,
    /// Shown until the writer has spoken: `requested`.
    pub fact: RefundFact,
    pub record: Record,
    pub log_max: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    Accepted,
    Repeated(RefundFact),
    KeyReused,
    NotFound,
    NotOwner,
    NotRefundable,
    /// The buyer's time for refunds is over.
    Closed,
    /// This line is refunded already, or less is left of it.
    OverRefund {
        line: u32,
    },
    LineNotFound {
        line: u32,
    },
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    Requested,
    Sent,
    Done,
    Failed,
}

impl RefundStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            RefundStatus::Requested => "requested",
            RefundStatus::Sent => "sent",
            RefundStatus::Done => "done",
            RefundStatus::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [RefundStatus::Requested, RefundStatus::Sent, RefundStatus::Done, RefundStatus::Failed]
            .into_iter()
            .find(|s| s.as_str() == text)
    }
}

/// A refund's public status, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundFact {
    pub id: RefundId,
    pub order: OrderId,
    pub digest: String,
    pub status: RefundStatus,
    pub reason: String,
    /// Why it failed.
    pub failure: Option<String>,
    /// To the buyer after the fee, minor units.
    pub cash: i64,
    pub points_restored: i64,
    pub earn_clawed: i64,
    pub fee: i64,
    pub lines: Vec<RefundLineFact>,
    pub requested_ms: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLineFact {
    pub line: u32,
    /// Gross.
    pub amount: i64,
    pub cash: i64,
    pub points: i64,
    pub earn: i64,
}

/// What the ledger says of an order, for the lane to follow: a target state, a pure function of the
/// order's rows, so that settling twice is settling once.
///
/// Applied when `fact.version` is above the lane's (or the lane has no such order), else skipped; only
/// `refunds` are looked at in either case, and each stored unless the lane's has a higher status
/// (requested < sent < done = failed). No such event: all are skipped. A seat is moved only if the order
/// owns it. Counters (`taken`, a visitor's open holds, the room's counts) follow. In detail:
/// - The lane's order stands on another hold than the ledger's: its id was used before, and left the lane. That other
///   hold, if `Ordered` by this order, ends as if it had run out.
/// - The order *goes back to its hold* when any target is `Held` and the hold is known, `Ordered` by this
///   order: the hold is `Held` again without an order, expires at `held_until_ms` (none: as before), and
///   the visitor's place inside, if there, lasts at least as long. If it does not, `Held` means `Free`.
/// - The hold *ends* when the status is final, the order does not go back, and the hold is known,
///   `Ordered` by this order and not ended before: the visitor's open holds go down; and if the status
///   is not rejected, `release_on` is order, the visitor has no open hold and is inside: spent.
///   (The visitor's places elsewhere than inside stay: that is another time in line.)
#[derive(Debug, Clone)]
pub struct Settlement {
    pub fact: OrderFact,
    /// Wanted state of each of the order's seats.
    pub seats: Vec<(SeatIndex, SeatTarget)>,
    /// For `SeatTarget::Held`: when the hold, held again, ends.
    pub held_until_ms: Option<Millis>,
    /// Until when a refund may be asked for. What can follow later comes with a settlement of its own.
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
