//! A coupon campaign in the catalogue, and the check of its rules.

use super::event::{NAME, SpecFaults, is_text};
use crate::facts::ids::{CampaignId, LaneId, is_slug};
use crate::facts::money::{AMOUNT_MAX, BP_MAX};
use crate::lane::coupons::CampaignPut;
use crate::ledger::rules::coupons::{CampaignSpec, CouponKind};

/// Most coupons of one campaign: its lane remembers each claim.
const STOCK_MAX: i64 = 10_000_000;

/// What `PUT /v1/admin/coupons/{campaign}` said, and the campaign's lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    pub id: CampaignId,
    pub lane: LaneId,
    pub version: i64,
    pub spec: CampaignSpec,
}

impl Campaign {
    /// The whole state its lane should have.
    pub fn lane_put(&self) -> CampaignPut {
        CampaignPut {
            campaign: self.id.clone(),
            version: self.version,
            stock: self.spec.stock,
            per_user: self.spec.per_user,
            opens_at_ms: self.spec.opens_at.map_or(0, |t| t.0),
            closes_at_ms: self.spec.closes_at.map_or(0, |t| t.0),
            expires_at_ms: self.spec.expires_at.map_or(0, |t| t.0),
        }
    }
}

/// Everything that is wrong with a campaign, by JSON pointer; empty when it is fit to be claimed.
pub fn faults(spec: &CampaignSpec) -> SpecFaults {
    let mut faults = SpecFaults::new();
    let mut check = |good: bool, pointer: &str, detail: String| {
        if !good {
            faults.push((pointer.to_owned(), detail));
        }
    };
    let money = format!("1 to {AMOUNT_MAX} minor units");
    let amount = |value: Option<i64>| value.is_none_or(|v| (1..=AMOUNT_MAX).contains(&v));
    check(is_text(&spec.name, 1, 200), "/name", NAME.into());
    match spec.kind {
        CouponKind::Percent => {
            let good = spec.percent_bp.is_some_and(|bp| (1..=BP_MAX).contains(&bp));
            check(good, "/percent_bp", "1 to 10000 basis points, required for kind percent".into());
            check(spec.amount.is_none(), "/amount", "only for kind fixed".into());
            check(amount(spec.max_discount), "/max_discount", money.clone());
        }
        CouponKind::Fixed => {
            check(spec.amount.is_some() && amount(spec.amount), "/amount", format!("{money}, required for kind fixed"));
            check(spec.percent_bp.is_none(), "/percent_bp", "only for kind percent".into());
            check(spec.max_discount.is_none(), "/max_discount", "only for kind percent".into());
        }
    }
    let min_spend = spec.min_spend.is_none_or(|v| (0..=AMOUNT_MAX).contains(&v));
    check(min_spend, "/min_spend", format!("0 to {AMOUNT_MAX} minor units"));
    check((0..=STOCK_MAX).contains(&spec.stock), "/stock", format!("0 to {STOCK_MAX}"));
    check((1..=STOCK_MAX).contains(&spec.per_user), "/per_user", format!("1 to {STOCK_MAX}"));
    if let (Some(opens), Some(closes)) = (spec.opens_at, spec.closes_at) {
        check(opens < closes, "/closes_at", "after opens_at".into());
    }
    for (i, event) in spec.events.iter().flatten().enumerate() {
        check(is_slug(event.as_str()), &format!("/events/{i}"), "a slug: [a-z0-9][a-z0-9-]{0,47}".into());
    }
    check(spec.events.as_ref().is_none_or(|e| e.len() <= 1_000), "/events", "at most 1000".into());
    faults
}
