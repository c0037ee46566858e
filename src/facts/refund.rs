//! A refund as everybody is shown it.

use serde::{Deserialize, Serialize};

use crate::facts::ids::{OrderId, RefundId};
use crate::facts::time::Millis;

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

/// The complete public status of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundFact {
    pub id: RefundId,
    pub order: OrderId,
    pub digest: String,
    pub status: RefundStatus,
    pub reason: String,
    /// Why it failed.
    pub failure: Option<String>,
    /// Cash to the buyer after the fee, minor units.
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

/// Who asks for a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundBy {
    /// The buyer, under the terms frozen with the order.
    Buyer,
    /// The buyer, after a material change of the event: no fee, and the order's deadline does not apply.
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
