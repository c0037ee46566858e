//! Coupons as their owner sees them, and what claiming answers.

use serde::Serialize;
use utoipa::ToSchema;

use crate::facts::ids::{EventId, UserId};
use crate::facts::time::{Millis, rfc3339, seconds_until};
use crate::inventory::CouponIds;
use crate::ledger::read::CouponEntry;
use crate::ledger::rules::coupons::CouponKind;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Claim)]
pub struct ClaimView {
    /// The coupon's id: signed, good for its user only.
    #[schema(example = "welcome.17.1.5f1c8a52b3e94d0c8a71f6e2d9c04b38")]
    pub id: String,
    #[schema(example = "welcome")]
    pub campaign: String,
    /// From 1.
    #[schema(example = 17)]
    pub number: i64,
    #[schema(example = 983)]
    pub stock_left: i64,
    /// `null`: it does not expire.
    #[schema(example = "2026-12-31T15:00:00Z")]
    pub expires_at: Option<String>,
    #[schema(example = 3560400)]
    pub expires_in_s: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Coupon)]
pub struct CouponView {
    #[schema(example = "welcome.17.1.5f1c8a52b3e94d0c8a71f6e2d9c04b38")]
    pub id: String,
    #[schema(example = "welcome")]
    pub campaign: String,
    #[schema(example = 17)]
    pub number: i64,
    /// `issued`, `reserved`, `used` or `expired`.
    #[schema(example = "issued")]
    pub state: String,
    #[schema(example = "Welcome")]
    pub name: String,
    /// `percent` or `fixed`.
    #[schema(example = "percent")]
    pub kind: &'static str,
    /// Of `percent`: the rate in basis points.
    #[schema(example = 1000)]
    pub percent_bp: Option<i64>,
    /// Of `fixed`: minor units.
    #[schema(example = json!(null))]
    pub amount: Option<i64>,
    /// Of `percent`: never more than this, minor units.
    #[schema(example = 10000)]
    pub max_discount: Option<i64>,
    /// Least sum of list prices, minor units.
    #[schema(example = 30000)]
    pub min_spend: Option<i64>,
    /// The events for which it may be used; `null`: all.
    #[schema(example = json!(null))]
    pub events: Option<Vec<String>>,
    /// `null`: it does not expire.
    #[schema(example = "2026-12-31T15:00:00Z")]
    pub expires_at: Option<String>,
    #[schema(example = 3560400)]
    pub expires_in_s: Option<i64>,
}

impl CouponView {
    pub fn new(row: CouponEntry, coupons: &CouponIds, user: &UserId, now_ms: Millis) -> Self {
        let spec = row.spec;
        Self {
            id: coupons.sign(&row.coupon, user),
            campaign: row.coupon.campaign.into_string(),
            number: row.coupon.number,
            state: row.state,
            name: spec.name,
            kind: match spec.kind {
                CouponKind::Percent => "percent",
                CouponKind::Fixed => "fixed",
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
