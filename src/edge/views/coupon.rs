//! Coupons as their owner sees them, and what claiming answers.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Claim)]
pub struct ClaimView {
    /// The coupon's id: signed, good for its user only.
    pub id: String,
    pub campaign: String,
    /// From 1.
    pub number: i64,
    pub stock_left: i64,
    /// `null`: it does not expire.
    pub expires_at: Option<String>,
    pub expires_in_s: Option<i64>,
}
