//! What a coupon is worth, and which one is the best: arithmetic only, without SQL or a clock.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::facts::ids::{CouponRef, EventId};
use crate::facts::money::share_bp;
use crate::facts::time::{Millis, Timestamp};
use crate::ledger::campaign_version::SpecsByVersion;

/// A campaign as `PUT /v1/admin/coupons/{campaign}` says it, and as `campaign.spec` keeps it.
/// The catalogue checks its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignPut, example = json!({
    "name": "Welcome", "kind": "percent", "percent_bp": 1000, "max_discount": 10000, "min_spend": 30000, "stock": 1000,
    "per_user": 1, "expires_at": "2026-12-31T15:00:00Z", "events": null, "funded_by": "platform",
}))]
pub struct CampaignSpec {
    pub name: String,
    pub kind: CouponKind,
    /// Percent: the rate in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_bp: Option<i64>,
    /// Fixed: minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// Percent: never more than this, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_discount: Option<i64>,
    /// Least sum of list prices, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_spend: Option<i64>,
    /// Coupons ever to be issued.
    pub stock: i64,
    #[serde(default = "one")]
    pub per_user: i64,
    /// When coupons may be claimed.
    #[serde(default)]
    pub opens_at: Option<Timestamp>,
    #[serde(default)]
    pub closes_at: Option<Timestamp>,
    /// When claimed coupons end.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Where it may be used; `None`: everywhere.
    #[serde(default)]
    pub events: Option<Vec<EventId>>,
    #[serde(default)]
    pub funded_by: FundedBy,
}

fn one() -> i64 {
    1
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CampaignKind)]
pub enum CouponKind {
    Percent,
    Fixed,
}

/// Who bears the discount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CampaignFundedBy)]
pub enum FundedBy {
    #[default]
    Platform,
    Organizer,
}

/// Why a coupon gives nothing here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    Expired,
    OtherEvent,
    /// The basket is below this minimum, minor units.
    BelowMinimum(i64),
}

/// A claimed coupon that is free to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coupon {
    pub coupon: CouponRef,
    pub expires_ms: Option<Millis>,
}

/// Most coupons of one user that are compared.
pub const COMPARED_MAX: usize = 200;

/// What is bought: the event, and the sum of its list prices.
#[derive(Debug, Clone, Copy)]
pub struct Basket<'a> {
    pub event: &'a EventId,
    pub gross: i64,
}

impl CampaignSpec {
    /// What a coupon of this campaign that ends at `expires_ms` takes off, never more than the basket.
    pub fn discount(&self, basket: Basket<'_>, expires_ms: Option<Millis>, now_ms: Millis) -> Result<i64, Unusable> {
        if expires_ms.is_some_and(|at| at <= now_ms) {
            return Err(Unusable::Expired);
        }
        if self.events.as_ref().is_some_and(|events| !events.contains(basket.event)) {
            return Err(Unusable::OtherEvent);
        }
        let min_spend = self.min_spend.unwrap_or(0);
        if basket.gross < min_spend {
            return Err(Unusable::BelowMinimum(min_spend));
        }
        let off = match self.kind {
            CouponKind::Percent => share_bp(basket.gross, self.percent_bp.unwrap_or(0)),
            CouponKind::Fixed => self.amount.unwrap_or(0),
        };
        let cap = match self.kind {
            CouponKind::Percent => self.max_discount.unwrap_or(i64::MAX),
            CouponKind::Fixed => i64::MAX,
        };
        Ok(off.min(cap).min(basket.gross))
    }
}

/// The coupon that takes most off, the spec it was claimed under, and the amount. Ties go to the earliest expiry
/// (no expiry last), then to the lowest id (campaign, number). `None` when no coupon takes anything off. Of more than
/// [`COMPARED_MAX`] coupons only those that end soonest are compared.
pub fn best<'a>(
    coupons: &'a [Coupon],
    versions: &'a SpecsByVersion,
    basket: Basket<'_>,
    now_ms: Millis,
) -> Option<(&'a Coupon, &'a CampaignSpec, i64)> {
    let end = |one: &Coupon| one.expires_ms.unwrap_or(Millis::MAX);
    let mut compared: Vec<&Coupon> = coupons.iter().filter(|one| end(one) > now_ms).collect();
    compared.sort_unstable_by_key(|one| (end(one), &one.coupon));
    compared
        .into_iter()
        .take(COMPARED_MAX)
        .filter_map(|one| {
            let spec = versions.get(&(one.coupon.campaign.clone(), one.coupon.version))?;
            Some((one, spec, spec.discount(basket, one.expires_ms, now_ms).ok()?))
        })
        .filter(|&(_, _, off)| off > 0)
        // `min_by_key` takes the first of equals, `max_by_key` would take the last.
        .min_by_key(|&(_, _, off)| -off)
}

#[cfg(test)]
mod tests;
