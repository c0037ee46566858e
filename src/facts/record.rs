//! The records of a lane's log: versioned JSON. The doors and the pipeline write them, the pipeline reads them.

use serde::{Deserialize, Serialize};

use crate::facts::coupon::CouponChoice;
use crate::facts::hold::HoldFact;
use crate::facts::ids::{AttemptId, CampaignId, ClaimId, EventId, HoldId, LogId, OrderId, RefundId, UserId};
use crate::facts::order::{OrderFact, OrderStatus, Reason};
use crate::facts::refund::RefundBy;
use crate::facts::terms::Terms;
use crate::facts::time::Millis;

/// Raised when a body changes in a way old readers would misread.
pub const VERSION: u32 = 1;

/// A record on its way into the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The same fact has the same id, for ever (`record_done` is keyed by it).
    pub id: String,
    pub body: RecordBody,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
#[expect(clippy::large_enum_variant, reason = "most records are the largest kind")]
pub enum RecordBody {
    /// The number is in [`Entry::number`].
    #[serde(rename = "coupon.claimed")]
    CouponClaimed {
        v: u32,
        claim: ClaimId,
        campaign: CampaignId,
        user: UserId,
        digest: String,
        /// The campaign's version it was claimed under.
        #[serde(default)]
        version: i64,
        /// When this coupon ends, ms; `None`: never.
        expires_ms: Option<Millis>,
    },
    /// The hold is in [`Entry::hold`].
    #[serde(rename = "order.placed")]
    OrderPlaced {
        v: u32,
        order: OrderId,
        event: EventId,
        hold: HoldId,
        user: UserId,
        digest: String,
        coupon: CouponChoice,
        /// Points to spend; capped by what is left to pay.
        points: i64,
        expected_cash: Option<i64>,
        payment: Option<PaymentAsk>,
        placed_ms: Millis,
        deadline_ms: Millis,
        terms: Terms,
    },
    #[serde(rename = "payment.requested")]
    PaymentRequested { v: u32, order: OrderId, attempt: AttemptId, payment: PaymentAsk, amount: i64 },
    #[serde(rename = "payment.resulted")]
    PaymentResulted { v: u32, order: OrderId, attempt: AttemptId, result: PaymentResult },
    #[serde(rename = "refund.requested")]
    RefundRequested {
        v: u32,
        order: OrderId,
        refund: RefundId,
        digest: String,
        by: RefundBy,
        /// (line, gross amount); no amount: all that is left of the line.
        lines: Vec<(u32, Option<i64>)>,
        reason: String,
    },
    #[serde(rename = "refund.resulted")]
    RefundResulted { v: u32, order: OrderId, refund: RefundId, result: RefundResult },
    /// The deadline passed, and no attempt is open, or the open one has had no answer for too long.
    #[serde(rename = "order.expired")]
    OrderExpired { v: u32, order: OrderId, reason: Reason },
    #[serde(rename = "order.cancelled")]
    OrderCancelled { v: u32, order: OrderId },
}

impl RecordBody {
    pub fn kind(&self) -> &'static str {
        match self {
            RecordBody::CouponClaimed { .. } => "coupon.claimed",
            RecordBody::OrderPlaced { .. } => "order.placed",
            RecordBody::PaymentRequested { .. } => "payment.requested",
            RecordBody::PaymentResulted { .. } => "payment.resulted",
            RecordBody::RefundRequested { .. } => "refund.requested",
            RecordBody::RefundResulted { .. } => "refund.resulted",
            RecordBody::OrderExpired { .. } => "order.expired",
            RecordBody::OrderCancelled { .. } => "order.cancelled",
        }
    }

    /// The order that this record places, as its lane shows it until the ledger has it. `None`: the record places none.
    pub fn accepted(&self) -> Option<OrderFact> {
        let RecordBody::OrderPlaced { order, event, hold, user, digest, placed_ms, deadline_ms, terms, .. } = self
        else {
            return None;
        };
        Some(OrderFact {
            id: order.clone(),
            event: event.clone(),
            user: user.clone(),
            hold: hold.clone(),
            digest: digest.clone(),
            status: OrderStatus::Accepted,
            reason: None,
            version: 0,
            currency: terms.currency.clone(),
            lines: Vec::new(),
            total: None,
            coupon: None,
            payment: None,
            placed_ms: *placed_ms,
            confirmed_ms: None,
            deadline_ms: *deadline_ms,
            refund_terms: terms.refunds.clone(),
        })
    }

    /// The order this record is about, if any.
    pub fn order(&self) -> Option<&OrderId> {
        match self {
            RecordBody::CouponClaimed { .. } => None,
            RecordBody::OrderPlaced { order, .. }
            | RecordBody::PaymentRequested { order, .. }
            | RecordBody::PaymentResulted { order, .. }
            | RecordBody::RefundRequested { order, .. }
            | RecordBody::RefundResulted { order, .. }
            | RecordBody::OrderExpired { order, .. }
            | RecordBody::OrderCancelled { order, .. } => Some(order),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentAsk {
    pub provider: String,
    /// The provider's own token for this payment; for the sandbox, its script.
    pub key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum PaymentResult {
    Captured,
    Declined {
        detail: String,
    },
    /// The provider was asked and says that it never happened. The attempt is closed; another may follow.
    NotDone,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum RefundResult {
    Done,
    /// Refused for good.
    Refused {
        detail: String,
    },
}

/// A record as it lies in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub log: LogId,
    /// The record's own id: see [`Record::id`].
    pub id: String,
    pub at_ms: Millis,
    /// JSON of [`RecordBody`]. The pipeline deals with text that cannot be decoded.
    pub body: String,
    /// The hold an order was placed on (`order.placed` only).
    pub hold: Option<HoldFact>,
    /// The number the lane gave (`coupon.claimed` only).
    pub number: Option<i64>,
}
