//! Coupons in the book: claimed, chosen for an order, reserved, given back. What a coupon is worth belongs in
//! `ledger::rules::coupons`.

use super::coupons;
use super::coupons::{Basket, FundedBy};
use super::placed::PlacedFields;
use crate::facts::coupon::CouponChoice;
use crate::facts::ids::{CampaignId, ClaimId, CouponRef, UserId};
use crate::facts::time::Millis;
use crate::ledger::store::rows::CouponRow;
use crate::ledger::writer::{BatchFailure, Book, RecordOutcome};

/// The words of `coupon.state`.
pub(in crate::ledger) mod state {
    pub const ISSUED: &str = "issued";
    pub const RESERVED: &str = "reserved";
    pub const USED: &str = "used";
    pub const EXPIRED: &str = "expired";
}

/// The coupon an order uses.
#[derive(Debug, Clone)]
pub(in crate::ledger) struct ChosenCoupon {
    pub coupon: CouponRef,
    pub discount: i64,
    pub expires_ms: Option<Millis>,
    pub funded_by: FundedBy,
}

/// The coupon asked for cannot be used.
pub(in crate::ledger) struct Unavailable;

/// The fields of `coupon.claimed`.
pub(in crate::ledger) struct ClaimedFields<'r> {
    pub claim: &'r ClaimId,
    pub campaign: &'r CampaignId,
    pub user: &'r UserId,
    pub digest: &'r str,
    pub version: i64,
    pub expires_ms: Option<Millis>,
}

impl Book {
    /// `coupon.claimed`: inserts the coupon, or completes the row that an order inserted before.
    pub(in crate::ledger) fn claimed(
        &mut self,
        number: Option<i64>,
        claimed_ms: Millis,
        ask: ClaimedFields<'_>,
    ) -> Result<RecordOutcome, BatchFailure> {
        let number =
            number.ok_or_else(|| BatchFailure::record(ask.claim.as_str(), "the entry carries no coupon number"))?;
        match self.coupons.get_mut(&(ask.campaign.clone(), number)) {
            None => {
                self.coupons.add(CouponRow {
                    campaign: ask.campaign.clone(),
                    number,
                    user_id: ask.user.clone(),
                    version: ask.version,
                    claimed_ms,
                    expires_ms: ask.expires_ms,
                    claim: Some(ask.claim.clone()),
                    digest: Some(ask.digest.to_owned()),
                    state: state::ISSUED.into(),
                    order_id: None,
                });
                Ok(RecordOutcome::Done)
            }
            Some(row) if row.user_id == *ask.user && row.claim.is_none() => {
                row.claim = Some(ask.claim.clone());
                row.digest = Some(ask.digest.to_owned());
                Ok(RecordOutcome::Done)
            }
            Some(row) if row.claim.as_ref() == Some(ask.claim) => Ok(RecordOutcome::Done),
            // The lane lost this number and gave it a second time.
            Some(_) => Ok(RecordOutcome::Refused("NUMBER_TAKEN")),
        }
    }

    /// The coupon an order wants, and what it takes off.
    pub(in crate::ledger) fn choose(
        &self,
        ask: &PlacedFields<'_>,
        gross: i64,
    ) -> Result<Option<ChosenCoupon>, Unavailable> {
        let basket = Basket { event: ask.event, gross };
        match ask.coupon {
            CouponChoice::None => Ok(None),
            CouponChoice::Best => Ok(self.best(ask.user, basket)),
            CouponChoice::One(coupon) => {
                let spec = self.campaigns.get(&(coupon.campaign.clone(), coupon.version)).ok_or(Unavailable)?;
                let row = self.coupons.get(&(coupon.campaign.clone(), coupon.number));
                if row.is_some_and(|row| row.user_id != *ask.user || row.state != state::ISSUED) {
                    return Err(Unavailable);
                }
                let expires_ms = row.map_or(spec.expires_at.map(|at| at.0), |row| row.expires_ms);
                let discount = spec.discount(basket, expires_ms, self.now_ms).map_err(|_| Unavailable)?;
                Ok(Some(ChosenCoupon { coupon: coupon.clone(), discount, expires_ms, funded_by: spec.funded_by }))
            }
        }
    }

    fn best(&self, user: &UserId, basket: Basket<'_>) -> Option<ChosenCoupon> {
        let mine: Vec<coupons::Coupon> = self
            .coupons
            .iter()
            .filter(|row| row.user_id == *user && row.state == state::ISSUED)
            .map(|row| {
                let coupon = CouponRef { campaign: row.campaign.clone(), number: row.number, version: row.version };
                coupons::Coupon { coupon, expires_ms: row.expires_ms }
            })
            .collect();
        let (best, spec, discount) = coupons::best(&mine, &self.campaigns, basket, self.now_ms)?;
        let (coupon, expires_ms) = (best.coupon.clone(), best.expires_ms);
        Some(ChosenCoupon { coupon, discount, expires_ms, funded_by: spec.funded_by })
    }

    /// Reserves a coupon for an order. A coupon whose claim is not written yet is inserted: the door has checked its
    /// signature.
    pub(in crate::ledger) fn reserve(&mut self, chosen: ChosenCoupon, ask: &PlacedFields<'_>) {
        let CouponRef { campaign, number, version } = chosen.coupon;
        let key = (campaign.clone(), number);
        if self.coupons.get(&key).is_none() {
            self.coupons.add(CouponRow {
                campaign,
                number,
                user_id: ask.user.clone(),
                version,
                claimed_ms: ask.placed_ms,
                expires_ms: chosen.expires_ms,
                claim: None,
                digest: None,
                state: state::ISSUED.into(),
                order_id: None,
            });
        }
        let row = self.coupons.get_mut(&key).expect("just looked at or added");
        row.state = state::RESERVED.into();
        row.order_id = Some(ask.order.clone());
    }
}

/// Frees a coupon from its order. One past its end becomes `expired` instead of `issued`.
pub(in crate::ledger) fn give_back(row: &mut CouponRow, now_ms: Millis) {
    let ended = row.expires_ms.is_some_and(|at| at <= now_ms);
    row.state = if ended { state::EXPIRED } else { state::ISSUED }.into();
    row.order_id = None;
}
