//! Coupons that were claimed, and which of them an order uses.

use serde::{Deserialize, Serialize};

use crate::facts::ids::{ClaimId, CouponRef, UserId};
use crate::facts::time::Millis;

/// A claim as lane and ledger remember it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub claim: ClaimId,
    pub number: i64,
    pub user: UserId,
    pub digest: String,
    /// The campaign's version when the coupon was claimed; 0: claimed before versions were kept.
    #[serde(default)]
    pub version: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<Millis>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponChoice {
    None,
    Best,
    /// A coupon of this user. The door has checked its signature.
    One(CouponRef),
}
