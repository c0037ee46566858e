//! Calls of the scripts in `lua/coupons`. The rules stand at `lane::coupons`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::args::Args;
use super::call::RedisLane;
use super::keys::KeyOwner;
use super::scripts;
use crate::facts::coupon::Claim;
use crate::facts::ids::{ClaimId, UserId};
use crate::facts::time::Millis;
use crate::lane::coupons::{CampaignPut, ClaimAsk, ClaimOutcome, PutCampaign};
use crate::lane::{Coupons, Result};

#[async_trait]
impl Coupons for RedisLane {
    async fn put_campaign(&self, now_ms: Millis, put: CampaignPut) -> Result<PutCampaign> {
        let reply = self.call(&scripts::PUT_CAMPAIGN, KeyOwner::Campaign(&put.campaign), now_ms, terms(&put)).await?;
        self.read(reply, |reply| match reply.name {
            "DONE" => Ok(PutCampaign::Done),
            "STALE" => Ok(PutCampaign::Stale(reply.int()?)),
            "STOCK_CLAIMED" => Ok(PutCampaign::StockClaimed(reply.int()?)),
            _ => Err(reply.unexpected()),
        })
    }

    async fn claim(&self, now_ms: Millis, ask: ClaimAsk) -> Result<ClaimOutcome> {
        let fact = Unnumbered {
            claim: ask.claim.clone(),
            user: ask.user.clone(),
            digest: ask.digest.clone(),
            version: ask.version,
            expires_ms: ask.expires_ms,
        };
        let args = Args::new()
            .text(ask.claim.as_str())
            .text(ask.digest.as_str())
            .text(ask.user.as_str())
            .json(&fact)
            .text(ask.record.id.as_str())
            .json(&ask.record.body)
            .int(ask.log_max);
        let reply = self.call_together(&scripts::CLAIM, KeyOwner::Campaign(&ask.campaign), now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "CLAIMED" => Ok(ClaimOutcome::Claimed { number: reply.int()?, stock_left: reply.int()? }),
            "REPEATED" => {
                let (number, stock_left) = (reply.int()?, reply.int()?);
                Ok(ClaimOutcome::Repeated { claim: reply.json::<Unnumbered>()?.numbered(number), stock_left })
            }
            "KEY_REUSED" => Ok(ClaimOutcome::KeyReused),
            "NO_CAMPAIGN" => Ok(ClaimOutcome::NoCampaign),
            "NOT_OPEN" => Ok(ClaimOutcome::NotOpen),
            "ALREADY_CLAIMED" => Ok(ClaimOutcome::AlreadyClaimed),
            "SOLD_OUT" => Ok(ClaimOutcome::SoldOut),
            "FULL" => Ok(ClaimOutcome::Full),
            _ => Err(reply.unexpected()),
        })
    }
}

/// A claim without its number, which the lane gives.
#[derive(Debug, Serialize, Deserialize)]
pub struct Unnumbered {
    claim: ClaimId,
    user: UserId,
    digest: String,
    #[serde(default)]
    version: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_ms: Option<Millis>,
}

impl Unnumbered {
    pub fn of(claim: &Claim) -> Self {
        Self {
            claim: claim.claim.clone(),
            user: claim.user.clone(),
            digest: claim.digest.clone(),
            version: claim.version,
            expires_ms: claim.expires_ms,
        }
    }

    pub fn numbered(self, number: i64) -> Claim {
        let Self { claim, user, digest, version, expires_ms } = self;
        Claim { claim, number, user, digest, version, expires_ms }
    }
}

/// The terms as put_campaign and restore_campaign take them.
pub fn terms(put: &CampaignPut) -> Args {
    Args::new()
        .text(put.campaign.as_str())
        .int(put.version)
        .int(put.stock)
        .int(put.per_user)
        .int(put.opens_at_ms)
        .int(put.closes_at_ms)
        .int(put.expires_at_ms)
}
