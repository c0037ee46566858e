//! Coupon stock that counts down. The rules stand at `lane::coupons`.

use async_trait::async_trait;

use super::effect::Effect;
use super::embedded::{Embedded, When};
use super::log::{backlog, log};
use super::step::LaneStep;
use super::stock::CampaignTerms;
use crate::facts::coupon::Claim;
use crate::facts::ids::CampaignId;
use crate::facts::time::Millis;
use crate::lane::coupons::{CampaignPut, ClaimAsk, ClaimOutcome, PutCampaign};
use crate::lane::recovery::CampaignDump;
use crate::lane::{Coupons, Result};

#[async_trait]
impl Coupons for Embedded {
    async fn put_campaign(&self, _: Millis, put: CampaignPut) -> Result<PutCampaign> {
        self.run("put_campaign", When::Built, |step| Ok(put_campaign(step, &put))).await
    }

    async fn claim(&self, now_ms: Millis, ask: ClaimAsk) -> Result<ClaimOutcome> {
        self.run("claim", When::Built, |step| Ok(claim(step, now_ms, &ask))).await
    }
}

pub fn put_campaign(step: &mut LaneStep<'_>, put: &CampaignPut) -> PutCampaign {
    if let Some(campaign) = step.state().campaigns.get(&put.campaign) {
        if put.version < campaign.terms.version {
            return PutCampaign::Stale(campaign.terms.version);
        }
        if put.stock < campaign.claimed() {
            return PutCampaign::StockClaimed(campaign.claimed());
        }
    } else {
        step.emit(Effect::CampaignCreated(put.campaign.clone()));
    }
    step.emit(Effect::CampaignPut(put.campaign.clone(), terms(put)));
    PutCampaign::Done
}

pub fn claim(step: &mut LaneStep<'_>, now_ms: Millis, ask: &ClaimAsk) -> ClaimOutcome {
    let Some(campaign) = step.state().campaigns.get(&ask.campaign) else { return ClaimOutcome::NoCampaign };
    let stock_left = campaign.stock_left();
    if let Some(claim) = campaign.claim(&ask.claim) {
        if claim.digest != ask.digest {
            return ClaimOutcome::KeyReused;
        }
        return ClaimOutcome::Repeated { claim: claim.clone(), stock_left };
    }
    let terms = campaign.terms;
    let over = |at_ms: Millis| at_ms != 0 && at_ms <= now_ms;
    if terms.opens_at_ms > now_ms || over(terms.closes_at_ms) || over(terms.expires_at_ms) {
        return ClaimOutcome::NotOpen;
    }
    if campaign.claimed_by(&ask.user) >= terms.per_user {
        return ClaimOutcome::AlreadyClaimed;
    }
    if stock_left < 1 {
        return ClaimOutcome::SoldOut;
    }
    let number = campaign.last_number() + 1;
    if backlog(step) >= ask.log_max {
        return ClaimOutcome::Full;
    }
    let claim = Claim {
        claim: ask.claim.clone(),
        number,
        user: ask.user.clone(),
        digest: ask.digest.clone(),
        version: ask.version,
        expires_ms: ask.expires_ms,
    };
    step.emit(Effect::Claimed(ask.campaign.clone(), claim));
    log(step, now_ms, &ask.record, None, Some(number));
    ClaimOutcome::Claimed { number, stock_left: stock_left - 1 }
}

/// A campaign as the ledger knows it; replaces what is there.
pub fn restore_campaign(step: &mut LaneStep<'_>, put: &CampaignPut, claims: Vec<Claim>) {
    step.emit(Effect::CampaignCreated(put.campaign.clone()));
    step.emit(Effect::CampaignPut(put.campaign.clone(), terms(put)));
    for claim in claims {
        step.emit(Effect::Claimed(put.campaign.clone(), claim));
    }
}

pub fn dump_campaign(step: &LaneStep<'_>, id: &CampaignId) -> Option<CampaignDump> {
    let campaign = step.state().campaigns.get(id)?;
    Some(CampaignDump {
        version: campaign.terms.version,
        stock: campaign.terms.stock,
        stock_left: campaign.stock_left(),
        claims: campaign.claims().cloned().collect(),
        log_last: step.state().log.last,
    })
}

fn terms(put: &CampaignPut) -> CampaignTerms {
    CampaignTerms {
        version: put.version,
        stock: put.stock,
        per_user: put.per_user,
        opens_at_ms: put.opens_at_ms,
        closes_at_ms: put.closes_at_ms,
        expires_at_ms: put.expires_at_ms,
    }
}
