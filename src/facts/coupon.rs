//! Coupons that were claimed, and which of them an order uses.

use serde::{Deserialize, Serialize};

use crate::facts::ids::{ClaimId, CouponRef, UserId};
use crate::facts::time::Millis;

/// A claim as lane and ledger remember it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Id of the claim. Empty when the ledger knows the coupon from an order and its claim is not written yet.
    pub claim: ClaimId,
    /// Number of the coupon in its campaign, from 1.
    pub number: i64,
    /// The user who took the coupon.
    pub user: UserId,
    /// Digest of the request. Empty where `claim` is.
    pub digest: String,
    /// The campaign's version when the coupon was claimed; 0: claimed before versions were kept.
    #[serde(default)]
    pub version: i64,
    /// When the coupon ends; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<Millis>,
}

/// Which coupon an order or a quote uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponChoice {
    /// No coupon.
    None,
    /// The user's coupon that takes most off; no coupon when none takes anything off.
    Best,
    /// This coupon of the user. The door has checked the signature of its id.
    One(CouponRef),
}
