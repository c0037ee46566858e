//! A coupon campaign: its terms and its claims, by number, by id and counted by user.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::facts::coupon::Claim;
use crate::facts::ids::{ClaimId, UserId};
use crate::facts::time::Millis;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CampaignStock {
    pub terms: CampaignTerms,
    claims: BTreeMap<i64, Claim>,
    #[serde(skip)]
    by_id: HashMap<ClaimId, i64>,
    #[serde(skip)]
    by_user: HashMap<UserId, i64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignTerms {
    pub version: i64,
    pub stock: i64,
    pub per_user: i64,
    pub opens_at_ms: Millis,
    pub closes_at_ms: Millis,
    #[serde(default)]
    pub expires_at_ms: Millis,
}

impl CampaignStock {
    /// Rebuilds what is not stored.
    pub fn index(&mut self) {
        for (_, claim) in std::mem::take(&mut self.claims) {
            self.add(claim);
        }
    }

    pub fn add(&mut self, claim: Claim) {
        self.by_id.insert(claim.claim.clone(), claim.number);
        *self.by_user.entry(claim.user.clone()).or_default() += 1;
        self.claims.insert(claim.number, claim);
    }

    pub fn claim(&self, id: &ClaimId) -> Option<&Claim> {
        self.claims.get(self.by_id.get(id)?)
    }

    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.values()
    }

    pub fn claimed_by(&self, user: &UserId) -> i64 {
        self.by_user.get(user).copied().unwrap_or(0)
    }

    pub fn claimed(&self) -> i64 {
        i64::try_from(self.claims.len()).expect("as many claims fit no memory")
    }

    pub fn stock_left(&self) -> i64 {
        self.terms.stock - self.claimed()
    }

    pub fn last_number(&self) -> i64 {
        self.claims.last_key_value().map_or(0, |(number, _)| *number)
    }
}
