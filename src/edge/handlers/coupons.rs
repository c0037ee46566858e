//! Claiming coupons.

use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::lookup;
use crate::catalog::Campaign;
use crate::clock::{rfc3339, seconds_until};
use crate::edge::views::coupon::ClaimView;
use crate::edge::{Answer, Code, Outcome, Request};
use crate::ids::{ClaimId, FactKind, UserId, fact_id};
use crate::inventory::claims::Claiming;
use crate::lane::ClaimOutcome;

/// Nothing to say beyond who and which campaign.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClaimRequest)]
pub struct ClaimBody {}

/// `POST /v1/coupons/{campaign}/claims`
pub async fn claim(request: Request) -> Outcome {
    let user = request.user()?.clone();
    let scope = request.scope()?;
    let body = request.json_or_empty::<ClaimBody>()?;
    let campaign = lookup::campaign(&request)?;

    let claiming = Claiming {
        campaign: campaign.id.clone(),
        claim: ClaimId::from(fact_id(FactKind::Claim, campaign.lane, scope)),
        digest: body.digest,
        user: user.clone(),
        expires_ms: campaign.spec.expires_at.map(|at| at.0),
    };
    let claimed = |number, stock_left| answer(&request, &campaign, &user, number, stock_left);
    match request.state.inventory.claim(campaign.lane, claiming).await? {
        ClaimOutcome::Claimed { number, stock_left } => Ok(claimed(number, stock_left)),
        ClaimOutcome::Repeated { number, stock_left } => Ok(claimed(number, stock_left).replayed()),
        ClaimOutcome::KeyReused => Err(Code::IdempotencyKeyReused.into()),
        ClaimOutcome::NoCampaign => Err(Code::CampaignNotFound.into()),
        ClaimOutcome::NotOpen => Err(Code::CampaignNotOpen.into()),
        ClaimOutcome::AlreadyClaimed => Err(Code::AlreadyClaimed.into()),
        ClaimOutcome::SoldOut => Err(Code::SoldOut.into()),
        ClaimOutcome::Full => Err(lookup::log_full()),
    }
}

fn answer(request: &Request, campaign: &Campaign, user: &UserId, number: i64, stock_left: i64) -> Answer {
    let now_ms = request.state.clock.now_ms();
    let expires_ms = campaign.spec.expires_at.map(|at| at.0);
    let view = ClaimView {
        id: request.state.inventory.coupons().sign(&campaign.id, number, user),
        campaign: campaign.id.to_string(),
        number,
        stock_left,
        expires_at: expires_ms.map(rfc3339),
        expires_in_s: expires_ms.map(|at| seconds_until(at, now_ms)),
    };
    Answer::json(StatusCode::CREATED, &view).no_store()
}
