//! Coupon campaigns as their lane has them: a stock that counts down.

#![deny(missing_docs)]

use crate::facts::coupon::Claim;
use crate::facts::ids::{CampaignId, ClaimId, UserId};
use crate::facts::record::Record;
use crate::facts::time::Millis;
use crate::lane::Result;
use async_trait::async_trait;

/// What happens to coupons until they are used.
#[async_trait]
pub trait Coupons {
    /// Creates a campaign or changes it. It never takes back what is claimed. An equal version is applied again.
    async fn put_campaign(&self, now_ms: Millis, put: CampaignPut) -> Result<PutCampaign>;

    /// Gives a user the next number, and `coupon.claimed` to the log. A repeat is answered first. Then the lane checks,
    /// in this order: campaign, open, per-user limit, stock, log.
    ///
    /// Open: `opens_at ≤ now`, (`closes_at` 0 or `now < closes_at`) and (`expires_at` 0 or `now < expires_at`).
    /// `stock_left` is the stock less the number of claims; the next number is one above the highest given.
    async fn claim(&self, now_ms: Millis, ask: ClaimAsk) -> Result<ClaimOutcome>;
}

/// The operations of [`Coupons`], as metrics name them.
pub const OPERATIONS: &[&str] = &["put_campaign", "claim"];

/// The whole wanted state of a campaign.
#[derive(Debug, Clone)]
pub struct CampaignPut {
    /// Slug of the campaign.
    pub campaign: CampaignId,
    /// The ledger's version. An older one than the lane's is refused `Stale`.
    pub version: i64,
    /// Coupons ever to be issued, the claimed ones included.
    pub stock: i64,
    /// Most coupons that one user may claim.
    pub per_user: i64,
    /// When claiming begins; 0: at once.
    pub opens_at_ms: Millis,
    /// When claiming ends; 0: never.
    pub closes_at_ms: Millis,
    /// When claimed coupons end. From then on none is handed out. 0: never.
    pub expires_at_ms: Millis,
}

/// What became of a `put_campaign`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutCampaign {
    /// The lane has the campaign as wanted.
    Done,
    /// The lane has this newer version; nothing was changed.
    Stale(i64),
    /// This number of coupons is claimed, which is more than the wanted stock; nothing was changed.
    StockClaimed(i64),
}

/// Who claims a coupon, and under which terms.
#[derive(Debug, Clone)]
pub struct ClaimAsk {
    /// The campaign of the coupon.
    pub campaign: CampaignId,
    /// Id of the claim.
    pub claim: ClaimId,
    /// Digest of the request, which decides repeats.
    pub digest: String,
    /// The user who wants the coupon.
    pub user: UserId,
    /// The campaign's version that the coupon is claimed under.
    pub version: i64,
    /// When the coupon ends; `None`: never.
    pub expires_ms: Option<Millis>,
    /// `coupon.claimed`, without its number: the lane adds that.
    pub record: Record,
    /// The lane answers `Full` when its log has this number of records.
    pub log_max: i64,
}

/// What became of a `claim`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The user has a new coupon.
    Claimed {
        /// Number of the coupon, from 1.
        number: i64,
        /// Coupons that are left after this one.
        stock_left: i64,
    },
    /// This claim was made before, with the same digest.
    Repeated {
        /// The claim that was made then.
        claim: Claim,
        /// Coupons that are left now.
        stock_left: i64,
    },
    /// This claim was made before, with another digest.
    KeyReused,
    /// The lane has no such campaign.
    NoCampaign,
    /// Claiming has not begun or has ended, or the campaign's coupons have ended.
    NotOpen,
    /// The user has as many coupons of the campaign as one user may have.
    AlreadyClaimed,
    /// No coupon is left.
    SoldOut,
    /// The log is full. The same claim may be tried again later.
    Full,
}
