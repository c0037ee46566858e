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
mod tests {
    use super::*;

    fn spec(json: serde_json::Value) -> CampaignSpec {
        let mut whole = serde_json::json!({"name": "Spring", "kind": "percent", "stock": 10});
        let object = whole.as_object_mut().expect("an object");
        object.extend(json.as_object().expect("an object").clone());
        serde_json::from_value(whole).expect("a spec")
    }

    fn off(spec: &CampaignSpec, gross: i64) -> Result<i64, Unusable> {
        spec.discount(Basket { event: &"hall".into(), gross }, None, 0)
    }

    #[test]
    fn percent_with_a_cap_and_fixed() {
        let ten = spec(serde_json::json!({"percent_bp": 1000, "max_discount": 10_000}));
        assert_eq!(off(&ten, 143_000), Ok(10_000));
        assert_eq!(off(&ten, 99_999), Ok(9_999));
        assert_eq!(off(&ten, 9), Ok(0));
        let fixed = spec(serde_json::json!({"kind": "fixed", "amount": 5_000}));
        assert_eq!(off(&fixed, 143_000), Ok(5_000));
        assert_eq!(off(&fixed, 3_000), Ok(3_000));
    }

    #[test]
    fn minimum_scope_and_validity() {
        let narrow = spec(serde_json::json!({"percent_bp": 1, "min_spend": 100, "events": ["hall"]}));
        assert_eq!(off(&narrow, 99), Err(Unusable::BelowMinimum(100)));
        assert_eq!(off(&narrow, 10_000), Ok(1));
        let other = Basket { event: &"arena".into(), gross: 1_000 };
        assert_eq!(narrow.discount(other, None, 0), Err(Unusable::OtherEvent));
        let here = Basket { event: &"hall".into(), gross: 1_000 };
        assert_eq!(narrow.discount(here, Some(5), 5), Err(Unusable::Expired));
        assert_eq!(narrow.discount(here, Some(5), 4), Ok(0));
    }

    #[test]
    fn the_best_is_the_largest_then_the_soonest_then_the_lowest() {
        let (ten, twenty) =
            (spec(serde_json::json!({"percent_bp": 1000})), spec(serde_json::json!({"percent_bp": 2000})));
        // A later version of their campaign does not change what these coupons are worth.
        let mut versions = SpecsByVersion::from([(("a".into(), 1), ten.clone()), (("a".into(), 2), twenty.clone())]);
        for campaign in ["b", "c", "d"] {
            versions.insert((campaign.into(), 1), twenty.clone());
            versions.insert((campaign.into(), 2), ten.clone());
        }
        let coupon = |campaign: &str, number, expires_ms| Coupon {
            coupon: CouponRef { campaign: campaign.into(), number, version: 1 },
            expires_ms,
        };
        let basket = Basket { event: &"hall".into(), gross: 1_000 };
        let mine = [
            coupon("a", 1, Some(9)),
            coupon("d", 2, None),
            coupon("c", 2, Some(50)),
            coupon("c", 1, Some(50)),
            coupon("b", 7, Some(50)),
        ];
        let best = |skip: usize, now_ms| {
            let (chosen, spec, off) = super::best(&mine[..5 - skip], &versions, basket, now_ms)?;
            assert_eq!(spec, if off == 200 { &twenty } else { &ten });
            Some((chosen.coupon.campaign.to_string(), chosen.coupon.number, off))
        };
        assert_eq!(best(0, 0), Some(("b".into(), 7, 200)));
        assert_eq!(best(1, 0), Some(("c".into(), 1, 200)));
        assert_eq!(best(0, 50), Some(("d".into(), 2, 200)));
        assert_eq!(best(4, 9), None);
    }

    #[test]
    fn of_too_many_those_that_end_soonest_are_compared() {
        let versions = SpecsByVersion::from([
            (("a".into(), 1), spec(serde_json::json!({"percent_bp": 1000}))),
            (("b".into(), 1), spec(serde_json::json!({"percent_bp": 2000}))),
        ]);
        let coupon = |campaign: &str, number: i64| Coupon {
            coupon: CouponRef { campaign: campaign.into(), number, version: 1 },
            expires_ms: Some(number),
        };
        let few = COMPARED_MAX as i64;
        let basket = Basket { event: &"hall".into(), gross: 1_000 };
        let off = |last: i64| {
            let mine: Vec<Coupon> = [coupon("b", last)].into_iter().chain((1..=few).map(|n| coupon("a", n))).collect();
            super::best(&mine, &versions, basket, 0).map(|(_, _, off)| off)
        };
        assert_eq!(off(few + 1), Some(100));
        assert_eq!(off(1), Some(200));
    }

    #[test]
    fn a_spec_reads_back_as_it_was_written() {
        let spec = spec(serde_json::json!({
            "percent_bp": 500, "per_user": 2, "opens_at": "2026-11-20T10:00:00Z", "expires_at": null,
            "events": ["hall"], "funded_by": "organizer"
        }));
        let text = serde_json::to_string(&spec).expect("json");
        assert_eq!(serde_json::from_str::<CampaignSpec>(&text).expect("a spec"), spec);
        assert!(serde_json::from_str::<CampaignSpec>(r#"{"name":"x","kind":"percent","stock":1,"color":1}"#).is_err());
    }
}
