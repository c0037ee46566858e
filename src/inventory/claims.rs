//! Coupon claims at the door.

use metrics::counter;

use super::Inventory;
use crate::facts::ids::{CampaignId, ClaimId, LaneId, UserId};
use crate::facts::record::{Record, RecordBody, VERSION};
use crate::facts::time::Millis;
use crate::lane::Result;
use crate::lane::coupons::{ClaimAsk, ClaimOutcome};
use crate::metrics::INVENTORY_CLAIMS;

/// Who wants a coupon of which campaign.
pub struct ClaimRequest {
    pub campaign: CampaignId,
    pub claim: ClaimId,
    pub digest: String,
    pub user: UserId,
    /// The version of the campaign that the coupon's terms are taken from.
    pub version: i64,
    /// When the campaign's coupons end, ms; `None`: never.
    pub expires_ms: Option<Millis>,
}

impl Inventory {
    /// Takes the next number of a campaign. `lane` is the campaign's.
    pub async fn claim(&self, lane: LaneId, ask: ClaimRequest) -> Result<ClaimOutcome> {
        let Some(lane) = self.lanes.get(lane) else { return Ok(ClaimOutcome::NoCampaign) };
        let ask = request(ask, self.log_max);
        let outcome = lane.claim(self.clock.now_ms(), ask).await?;
        counter!(INVENTORY_CLAIMS, "outcome" => label(&outcome)).increment(1);
        if let ClaimOutcome::Claimed { .. } = outcome {
            self.nudge(lane.id());
        }
        Ok(outcome)
    }
}

fn request(ask: ClaimRequest, log_max: i64) -> ClaimAsk {
    let ClaimRequest { campaign, claim, digest, user, version, expires_ms } = ask;
    let body = RecordBody::CouponClaimed {
        v: VERSION,
        claim: claim.clone(),
        campaign: campaign.clone(),
        user: user.clone(),
        digest: digest.clone(),
        version,
        expires_ms,
    };
    let record = Record { id: claim.to_string(), body };
    ClaimAsk { campaign, claim, digest, user, version, expires_ms, record, log_max }
}

fn label(outcome: &ClaimOutcome) -> &'static str {
    match outcome {
        ClaimOutcome::Claimed { .. } => "claimed",
        ClaimOutcome::Repeated { .. } => "repeated",
        ClaimOutcome::KeyReused => "key_reused",
        ClaimOutcome::NoCampaign => "no_campaign",
        ClaimOutcome::NotOpen => "not_open",
        ClaimOutcome::AlreadyClaimed => "already_claimed",
        ClaimOutcome::SoldOut => "sold_out",
        ClaimOutcome::Full => "full",
    }
}
