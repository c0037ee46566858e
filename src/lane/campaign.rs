//! Coupon campaigns as their lane sees them: a stock that counts down. Knows no discounts.

use serde::{Deserialize, Serialize};

use super::record::Record;
use crate::clock::Millis;
use crate::ids::{CampaignId, ClaimId, UserId};

/// Arguments of `put_campaign`: the whole wanted state. Times in ms, 0 = none.
#[derive(Debug, Clone)]
pub struct CampaignPut {
    pub campaign: CampaignId,
    pub version: i64,
    /// Coupons ever to be issued, the claimed ones included.
    pub stock: i64,
    pub per_user: i64,
    pub opens_at_ms: Millis,
    pub closes_at_ms: Millis,
    /// When claimed coupons end: from then on none is handed out.
    pub expires_at_ms: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutCampaign {
    Done,
    Stale(i64),
    /// So many are claimed, more than the wanted stock; nothing was changed.
    StockClaimed(i64),
}

#[derive(Debug, Clone)]
pub struct ClaimAsk {
    pub campaign: CampaignId,
    pub claim: ClaimId,
    pub digest: String,
    pub user: UserId,
    /// The campaign's version the coupon is claimed under, and when it ends.
    pub version: i64,
    pub expires_ms: Option<Millis>,
    /// `coupon.claimed`, without its number: the lane adds that.
    pub record: Record,
    pub log_max: i64,
}

/// Checked in this order (after the repeat): campaign, open, per-user limit, stock, log.
/// Open: `opens_at ≤ now`, (`closes_at` 0 or `now < closes_at`) and (`expires_at` 0 or `now < expires_at`).
/// `stock_left` is the stock less the number of claims; the next number is one above the highest given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// `number` counts from 1.
    Claimed {
        number: i64,
        stock_left: i64,
    },
    Repeated {
        claim: Claim,
        stock_left: i64,
    },
    KeyReused,
    NoCampaign,
    NotOpen,
    AlreadyClaimed,
    SoldOut,
    Full,
}

/// A claim as lane and ledger remember it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub claim: ClaimId,
    pub number: i64,
    pub user: UserId,
    pub digest: String,
    /// As [`ClaimAsk`] says.
    #[serde(default)]
    pub version: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<Millis>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignDump {
    pub version: i64,
    pub stock: i64,
    pub stock_left: i64,
    /// By number.
    pub claims: Vec<Claim>,
    pub log_last: u64,
}
