//! Which coupons were claimed, and by whom.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Found;
use super::fields::{number, text};
use super::hall::Hall;

#[derive(Default)]
pub struct Campaigns {
    /// By campaign: the largest stock that it may have had, and the most coupons that one user may have claimed.
    widest: BTreeMap<String, (i64, i64)>,
    claims: BTreeMap<String, Claim>,
    /// Whether the organizer pays for the coupons.
    organizers: bool,
}

struct Claim {
    user: String,
    campaign: String,
    number: i64,
}

impl Campaigns {
    pub fn may_be(&mut self, campaign: &str, spec: &Value) {
        self.organizers = spec["funded_by"] == "organizer";
        let (stock, per_user) = self.widest.entry(campaign.to_owned()).or_default();
        *stock = (*stock).max(number(spec, "stock"));
        *per_user = (*per_user).max(number(spec, "per_user"));
    }

    pub fn are_the_organizers(&self) -> bool {
        self.organizers
    }

    /// Checks a claim that was answered or is shown.
    pub fn claimed(&mut self, user: &str, claim: &Value, found: &mut Found) {
        let (id, campaign, number) = (text(claim, "id"), text(claim, "campaign"), number(claim, "number"));
        let (stock, per_user) = self.widest.get(&campaign).copied().unwrap_or_default();
        if !(1..=stock).contains(&number) {
            found.says(format!("INV-11: coupon {number} of {campaign}, which never had more than {stock}"));
        }
        for (other, known) in self.claims.iter().filter(|(other, _)| **other != id) {
            if known.campaign == campaign && known.number == number {
                found.says(format!("INV-11: coupons {id} and {other} have one number"));
            }
        }
        self.claims.insert(id, Claim { user: user.to_owned(), campaign: campaign.clone(), number });
        let of_user = self.claims.values().filter(|claim| claim.user == user && claim.campaign == campaign).count();
        if of_user as i64 > per_user {
            found.says(format!("INV-11: {user} has {of_user} coupons of {campaign}, and may have {per_user}"));
        }
    }

    /// At the end: every claimed coupon is shown, and is used if and only if a live order has it.
    pub fn close(&mut self, user: &str, page: &Value, hall: &Hall, found: &mut Found) {
        let shown: BTreeMap<String, &Value> =
            page["items"].as_array().into_iter().flatten().map(|coupon| (text(coupon, "id"), coupon)).collect();
        for (id, claim) in self.claims.iter().filter(|(_, claim)| claim.user == user) {
            if !shown.contains_key(id) {
                found.says(format!(
                    "INV-11: coupon {} of {}, {id}, was claimed and is not there",
                    claim.number, claim.campaign
                ));
            }
        }
        for (id, coupon) in &shown {
            self.claimed(user, coupon, found);
            let should = if hall.order_with(id).is_some() { "used" } else { "issued" };
            if coupon["state"] != should {
                found.says(format!("INV-11: coupon {id} is {}, and should be {should}", coupon["state"]));
            }
        }
    }

    pub fn close_all(&self, found: &mut Found) {
        for (campaign, (stock, _)) in &self.widest {
            let claimed = self.claims.values().filter(|claim| claim.campaign == *campaign).count() as i64;
            if claimed > *stock {
                found.says(format!("INV-11: {claimed} coupons of {campaign}, which never had more than {stock}"));
            }
        }
    }
}
