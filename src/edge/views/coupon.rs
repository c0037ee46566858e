//! Coupons as their owner sees them, and what claiming answers.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::{Millis, rfc3339, seconds_until};
use crate::ids::{EventId, UserId};
use crate::inventory::CouponIds;
use crate::ledger::coupons::Kind;
use crate::ledger::reads::CouponRow;

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

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Coupon)]
pub struct CouponView {
    pub id: String,
    pub campaign: String,
    pub number: i64,
    /// `issued`, `reserved`, `used`, `expired` or `revoked`.
    pub state: String,
    pub name: String,
    /// `percent` or `fixed`.
    pub kind: &'static str,
    /// Of `percent`: the rate in basis points.
    pub percent_bp: Option<i64>,
    /// Of `fixed`: minor units.
    pub amount: Option<i64>,
    /// Of `percent`: never more than this, minor units.
    pub max_discount: Option<i64>,
    /// Least sum of list prices, minor units.
    pub min_spend: Option<i64>,
    /// Where it may be used; `null`: everywhere.
    pub events: Option<Vec<String>>,
    /// `null`: it does not expire.
    pub expires_at: Option<String>,
    pub expires_in_s: Option<i64>,
}

impl CouponView {
    pub fn new(row: CouponRow, coupons: &CouponIds, user: &UserId, now_ms: Millis) -> Self {
        let spec = row.spec;
        Self {
            id: coupons.sign(&row.coupon, user),
            campaign: row.coupon.campaign.into_string(),
            number: row.coupon.number,
            state: row.state,
            name: spec.name,
            kind: match spec.kind {
                Kind::Percent => "percent",
                Kind::Fixed => "fixed",
            },
            percent_bp: spec.percent_bp,
            amount: spec.amount,
            max_discount: spec.max_discount,
            min_spend: spec.min_spend,
            events: spec.events.map(|events| events.into_iter().map(EventId::into_string).collect()),
            expires_at: row.expires_ms.map(rfc3339),
            expires_in_s: row.expires_ms.map(|at| seconds_until(at, now_ms)),
        }
    }
}
