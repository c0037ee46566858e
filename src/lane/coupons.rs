//! Coupon campaigns as their lane has them: a stock that counts down.

use crate::facts::coupon::Claim;
use crate::facts::ids::{CampaignId, ClaimId, UserId};
use crate::facts::record::Record;
use crate::facts::time::Millis;
use crate::lane::Result;
use async_trait::async_trait;

/// What happens to coupons until they are used.
#[async_trait]
pub trait Coupons {
    /// Creates a campaign or changes it. Never takes back what is claimed.
    async fn put_campaign(&self, now_ms: Millis, put: CampaignPut) -> Result<PutCampaign>;

    /// Gives a user the next number, and `coupon.claimed` to the log. A repeat is answered first; then checked in this
    /// order: campaign, open, per-user limit, stock, log.
    ///
    /// Open: `opens_at ≤ now`, (`closes_at` 0 or `now < closes_at`) and (`expires_at` 0 or `now < expires_at`).
    /// `stock_left` is the stock less the number of claims; the next number is one above the highest given.
    async fn claim(&self, now_ms: Millis, ask: ClaimAsk) -> Result<ClaimOutcome>;
}

/// The whole wanted state of a campaign. Times in ms, 0: none.
#[derive(Debug, Clone)]
pub struct CampaignPut {
    pub campaign: CampaignId,
    pub version: i64,
    /// Coupons ever to be issued, the claimed ones included.
    pub stock: i64,
    pub per_user: i64,
    pub opens_at_ms: Millis,
    pub closes_at_ms: Millis,
    /// When claimed coupons end. From then on none is handed out.
    pub expires_at_ms: Millis,
}

/// What became of a `put_campaign`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutCampaign {
    Done,
    Stale(i64),
    /// This many are claimed, more than the wanted stock; nothing was changed.
    StockClaimed(i64),
}

/// Who claims a coupon, and under which terms.
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

/// What became of a `claim`.
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
