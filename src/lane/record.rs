//! What goes into a lane's log: versioned records, JSON. Written by the doors, read by the pipeline.

use serde::{Deserialize, Serialize};

use super::order::{OrderFact, OrderStatus, Reason};
pub use super::terms::Terms;
use crate::clock::Millis;
use crate::ids::{AttemptId, CampaignId, ClaimId, CouponRef, EventId, HoldId, OrderId, RefundId, UserId};

/// Raised when a body changes in a way old readers would misread.
pub const VERSION: u32 = 1;

/// A record on its way into the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The same fact has the same id, for ever (`record_done` is keyed by it).
    pub id: String,
    pub body: Body,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
#[expect(clippy::large_enum_variant, reason = "most records are the largest kind")]
pub enum Body {
    /// The entry carries the number.
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
    /// The entry carries the hold.
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
        /// (line, gross); no amount: all that is left.
        lines: Vec<(u32, Option<i64>)>,
        reason: String,
    },
    #[serde(rename = "refund.resulted")]
    RefundResulted { v: u32, order: OrderId, refund: RefundId, result: RefundResult },
    /// The deadline passed and no attempt is open (or none answered for too long).
    #[serde(rename = "order.expired")]
    OrderExpired { v: u32, order: OrderId, reason: Reason },
    #[serde(rename = "order.cancelled")]
    OrderCancelled { v: u32, order: OrderId },
}

impl Body {
    pub fn kind(&self) -> &'static str {
        match self {
            Body::CouponClaimed { .. } => "coupon.claimed",
            Body::OrderPlaced { .. } => "order.placed",
            Body::PaymentRequested { .. } => "payment.requested",
            Body::PaymentResulted { .. } => "payment.resulted",
            Body::RefundRequested { .. } => "refund.requested",
            Body::RefundResulted { .. } => "refund.resulted",
            Body::OrderExpired { .. } => "order.expired",
            Body::OrderCancelled { .. } => "order.cancelled",
        }
    }

    /// The order that this places, as its door shows it until it is written; `None`: it places none.
    pub fn accepted(&self) -> Option<OrderFact> {
        let Body::OrderPlaced { order, event, hold, user, digest, placed_ms, deadline_ms, terms, .. } = self else {
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
            Body::CouponClaimed { .. } => None,
            Body::OrderPlaced { order, .. }
            | Body::PaymentRequested { order, .. }
            | Body::PaymentResulted { order, .. }
            | Body::RefundRequested { order, .. }
            | Body::RefundResulted { order, .. }
            | Body::OrderExpired { order, .. }
            | Body::OrderCancelled { order, .. } => Some(order),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponChoice {
    None,
    Best,
    /// The signature was checked at the door: this user's claim.
    One(CouponRef),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentAsk {
    pub provider: String,
    /// The provider's own token for this payment; the sandbox's script.
    pub key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum PaymentResult {
    Captured,
    Declined {
        detail: String,
    },
    /// Asked, and the provider says it never happened: closed, another attempt may follow.
    NotDone,
}

/// Who asks for a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundBy {
    /// By the terms frozen with the order.
    Buyer,
    /// The event was changed materially since: no fee, and no deadline of the order's.
    BuyerAfterChange,
    /// No fee, no deadline.
    Admin,
}

impl RefundBy {
    pub fn as_str(self) -> &'static str {
        match self {
            RefundBy::Buyer => "buyer",
            RefundBy::BuyerAfterChange => "buyer_after_change",
            RefundBy::Admin => "admin",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum RefundResult {
    Done,
    /// For good.
    Refused {
        detail: String,
    },
}
