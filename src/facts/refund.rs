//! A refund as everybody is shown it.

use serde::{Deserialize, Serialize};

use crate::facts::ids::{OrderId, RefundId};
use crate::facts::time::Millis;

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Accepted, and not decided yet.
    Requested,
    /// The money came as a deposit. It waits for the account that it shall go back to.
    AwaitingAccount,
    /// The buyer has named the account, and the money is on its way.
    Sent,
    /// The money is back, or there was none to send back.
    Done,
    /// The ledger or the provider refused it; nothing went back.
    Failed,
}

impl RefundStatus {
    /// All statuses.
    pub const ALL: [RefundStatus; 5] = [
        RefundStatus::Requested,
        RefundStatus::AwaitingAccount,
        RefundStatus::Sent,
        RefundStatus::Done,
        RefundStatus::Failed,
    ];

    /// The word that JSON and the ledger use.
    pub fn as_str(self) -> &'static str {
        match self {
            RefundStatus::Requested => "requested",
            RefundStatus::AwaitingAccount => "awaiting_account",
            RefundStatus::Sent => "sent",
            RefundStatus::Done => "done",
            RefundStatus::Failed => "failed",
        }
    }

    /// The inverse of [`as_str`](Self::as_str); `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// Why the ledger refuses a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundRefusal {
    /// The order is not paid, or the time for refunds is over.
    NotRefundable,
    /// No line is named, or nothing is left of any.
    Empty,
    /// The order has no such line.
    LineNotFound,
    /// Not so much is left of a line.
    OverRefund,
}

impl RefundRefusal {
    /// The word that a failed refund shows, metrics count and the ledger keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            RefundRefusal::NotRefundable => "NOT_REFUNDABLE",
            RefundRefusal::Empty => "EMPTY",
            RefundRefusal::LineNotFound => "LINE_NOT_FOUND",
            RefundRefusal::OverRefund => "OVER_REFUND",
        }
    }
}

/// The complete public status of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundFact {
    /// Id of the refund.
    pub id: RefundId,
    /// The order of the refund.
    pub order: OrderId,
    /// Digest of the request; empty for money that came too late and is sent back.
    pub digest: String,
    /// Where the refund stands.
    pub status: RefundStatus,
    /// The reason that came with the request; may be empty.
    pub reason: String,
    /// Why it failed, or why the account that was named is not the right one; `None`: neither.
    pub failure: Option<String>,
    /// Cash to the buyer after the fee, minor units. All amounts are 0 until the ledger has the refund.
    pub cash: i64,
    /// Points to the buyer after the fee.
    pub points_restored: i64,
    /// Earned points that are taken back. Those that the buyer no longer has become debt.
    pub earn_clawed: i64,
    /// The cancellation fee, of cash and points together, minor units. The organizer keeps it.
    pub fee: i64,
    /// The part of `cash` that gives booking fees back.
    #[serde(default)]
    pub booking_fee: i64,
    /// What goes back of each line, by number. Empty until the ledger has the refund, and for late money.
    pub lines: Vec<RefundLineFact>,
    /// When the refund was asked for.
    pub requested_ms: Millis,
}

/// What a refund gives back of one line. `amount + booking_fee = cash + points + the line's cancellation fee`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLineFact {
    /// Number of the line, from 1.
    pub line: u32,
    /// Gross, cancellation fee included, without the booking fee, minor units.
    pub amount: i64,
    /// The part of `cash` that gives the booking fee back.
    #[serde(default)]
    pub booking_fee: i64,
    /// Cash to the buyer after the fee, minor units.
    pub cash: i64,
    /// Points to the buyer after the fee.
    pub points: i64,
    /// Earned points that are taken back.
    pub earn: i64,
}

/// Why a refund failed whose order is not paid any more: the bank took the deposit back.
pub const DEPOSIT_UNDONE: &str = "DEPOSIT_UNDONE";

/// The digest of all refunds of cancelled events, by which they are found.
pub const EVENT_CANCELLED: &str = "event.cancelled";

/// Who asks for a refund, which decides on fee and deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundBy {
    /// The buyer, under the terms frozen with the order.
    Buyer,
    /// The buyer, after a material change of the event: no fee, and the order's deadline does not apply.
    BuyerAfterChange,
    /// An admin: no fee, no deadline.
    Admin,
    /// The house, because the event was cancelled: all that is left of the order, without a fee or a deadline. No lines
    /// are named.
    EventCancelled,
}

impl RefundBy {
    /// The word that the lane's scripts use.
    pub fn as_str(self) -> &'static str {
        match self {
            RefundBy::Buyer => "buyer",
            RefundBy::BuyerAfterChange => "buyer_after_change",
            RefundBy::Admin => "admin",
            RefundBy::EventCancelled => "event_cancelled",
        }
    }
}
