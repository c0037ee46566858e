//! The records of a lane's log: versioned JSON. The doors and the pipeline write them, the pipeline reads them.

use serde::{Deserialize, Serialize};

use crate::facts::coupon::CouponChoice;
use crate::facts::hold::HoldFact;
use crate::facts::ids::{AttemptId, CampaignId, ClaimId, EventId, HoldId, LogId, OrderId, RefundId, UserId};
use crate::facts::order::{DepositFact, OrderFact, OrderStatus, Reason};
use crate::facts::points::PointsAsk;
use crate::facts::refund::RefundBy;
use crate::facts::terms::Terms;
use crate::facts::time::Millis;

/// Raised when a body changes in a way old readers would misread.
pub const VERSION: u32 = 1;

/// A record on its way into the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The same fact has the same id, for ever. The ledger keys `record_done` by it.
    pub id: String,
    /// What happened.
    pub body: RecordBody,
}

/// What a record says happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
#[expect(clippy::large_enum_variant, reason = "most records are the largest kind")]
pub enum RecordBody {
    /// A user took a coupon. Its number is in [`Entry::number`].
    #[serde(rename = "coupon.claimed")]
    CouponClaimed {
        /// The [`VERSION`] of the body.
        v: u32,
        /// Id of the claim.
        claim: ClaimId,
        /// The campaign of the coupon.
        campaign: CampaignId,
        /// The user who took the coupon.
        user: UserId,
        /// Digest of the request.
        digest: String,
        /// The campaign's version that the coupon was claimed under; 0: claimed before versions were kept.
        #[serde(default)]
        version: i64,
        /// When the coupon ends; `None`: never.
        expires_ms: Option<Millis>,
    },
    /// A buyer ordered a hold. The hold as it stood then is in [`Entry::hold`].
    #[serde(rename = "order.placed")]
    OrderPlaced {
        /// The [`VERSION`] of the body.
        v: u32,
        /// Id of the order.
        order: OrderId,
        /// The event of the hold.
        event: EventId,
        /// The hold that is bought.
        hold: HoldId,
        /// The buyer.
        user: UserId,
        /// Digest of the request.
        digest: String,
        /// Id of the ticket type of each seat, in the order of the hold's seats. Empty: each has its default type.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        types: Vec<String>,
        /// Which coupon to use.
        coupon: CouponChoice,
        /// Points to spend; no more are spent than are left to pay after the discount.
        points: PointsAsk,
        /// The least cash, above none, that can be paid, minor units.
        least_cash: i64,
        /// Cash that the buyer agreed to pay, minor units; `None`: whatever it costs.
        expected_cash: Option<i64>,
        /// How to pay at once; `None`: the order waits for `payment.requested`.
        payment: Option<PaymentAsk>,
        /// When the door accepted the order.
        placed_ms: Millis,
        /// When the order expires if it is not paid.
        deadline_ms: Millis,
        /// The event's terms, as the hold froze them.
        terms: Terms,
    },
    /// The buyer wants to pay the order.
    #[serde(rename = "payment.requested")]
    PaymentRequested {
        /// The [`VERSION`] of the body.
        v: u32,
        /// The order to be paid.
        order: OrderId,
        /// Id of the new attempt.
        attempt: AttemptId,
        /// How to pay.
        payment: PaymentAsk,
        /// Cash to charge, minor units. The writer refuses any other sum than the order's cash.
        amount: i64,
    },
    /// An attempt has a definite result, from its provider or from an operator.
    #[serde(rename = "payment.resulted")]
    PaymentResulted {
        /// The [`VERSION`] of the body.
        v: u32,
        /// The order of the attempt.
        order: OrderId,
        /// The attempt.
        attempt: AttemptId,
        /// How the attempt ended.
        result: PaymentResult,
    },
    /// Lines of an order are to be refunded.
    #[serde(rename = "refund.requested")]
    RefundRequested {
        /// The [`VERSION`] of the body.
        v: u32,
        /// The order of the lines.
        order: OrderId,
        /// Id of the refund.
        refund: RefundId,
        /// Digest of the request.
        digest: String,
        /// Who asks. This decides on fee and deadline.
        by: RefundBy,
        /// (line, gross amount in minor units); no amount: all that is left of the line.
        lines: Vec<(u32, Option<i64>)>,
        /// The reason that came with the request; may be empty.
        reason: String,
    },
    /// A provider has given a definite answer about a refund.
    #[serde(rename = "refund.resulted")]
    RefundResulted {
        /// The [`VERSION`] of the body.
        v: u32,
        /// The order of the refund.
        order: OrderId,
        /// The refund.
        refund: RefundId,
        /// How the refund ended.
        result: RefundResult,
    },
    /// The deadline passed, and no attempt is open, or the open one has had no answer for too long.
    #[serde(rename = "order.expired")]
    OrderExpired {
        /// The [`VERSION`] of the body.
        v: u32,
        /// The order whose time is over.
        order: OrderId,
        /// [`Reason::PaymentDeclined`] if the last attempt was declined, else [`Reason::PaymentExpired`].
        reason: Reason,
    },
    /// The buyer cancelled an order that was not paid.
    #[serde(rename = "order.cancelled")]
    OrderCancelled {
        /// The [`VERSION`] of the body.
        v: u32,
        /// The cancelled order.
        order: OrderId,
    },
}

impl RecordBody {
    /// The `kind` in the body's JSON.
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
            deposit: None,
            placed_ms: *placed_ms,
            confirmed_ms: None,
            deadline_ms: *deadline_ms,
            refund_terms: terms.refunds.clone(),
        })
    }

    /// Who placed the order, when this record places one.
    pub fn placed_by(&self) -> Option<&UserId> {
        match self {
            RecordBody::OrderPlaced { user, .. } => Some(user),
            RecordBody::CouponClaimed { .. }
            | RecordBody::PaymentRequested { .. }
            | RecordBody::PaymentResulted { .. }
            | RecordBody::RefundRequested { .. }
            | RecordBody::RefundResulted { .. }
            | RecordBody::OrderExpired { .. }
            | RecordBody::OrderCancelled { .. } => None,
        }
    }

    /// The order that this record is about; `None`: it is about a claim.
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

/// How a buyer wants to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentAsk {
    /// Name of the provider.
    pub provider: String,
    /// The provider's own token for this payment. For the sandbox it says what happens.
    pub key: String,
    /// The buyer pays into an account, and the money must be there by this time. `None`: the money moves at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit_until_ms: Option<Millis>,
}

/// The payment at its provider that a key names; `None`: every attempt is a payment of its own. Two attempts that name one
/// payment are paid once.
pub fn payment_named<'k>(provider: &str, key: &'k str) -> Option<&'k str> {
    // Behind a slash stands what confirms the payment.
    matches!(provider, "toss" | "portone").then(|| key.split('/').next().unwrap_or(key))
}

/// The definite result of an attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum PaymentResult {
    /// The provider took the money.
    Captured,
    /// The provider gave the buyer an account to pay into; or the bank took the money back that was there.
    Awaiting {
        /// The account.
        deposit: DepositFact,
    },
    /// The provider declined for good. Another attempt may follow.
    Declined {
        /// What the provider said; the ledger stores its first 255 characters.
        detail: String,
    },
    /// No money was taken, and none will be. The attempt is closed; another may follow.
    NotDone,
}

/// The definite result of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum RefundResult {
    /// The money is back.
    Done,
    /// The provider refused for good. The refund is undone.
    Refused {
        /// What the provider said; the ledger stores its first 255 characters, as the refund's `failure`.
        detail: String,
    },
    /// The money of a deposit cannot go to the account that the buyer named. They must name another.
    WrongAccount {
        /// As in [`RefundResult::Refused`].
        detail: String,
    },
}

/// A record as it lies in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Position in the log.
    pub log: LogId,
    /// The record's own id: see [`Record::id`].
    pub id: String,
    /// When the lane appended it.
    pub at_ms: Millis,
    /// JSON of [`RecordBody`]. The pipeline deals with text that cannot be decoded.
    pub body: String,
    /// The hold an order was placed on (`order.placed` only).
    pub hold: Option<HoldFact>,
    /// The number the lane gave (`coupon.claimed` only).
    pub number: Option<i64>,
}
