//! Claiming coupons.

pub mod routes;
pub mod view;

use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use self::view::ClaimView;
use super::lookup;
use crate::edge::{Answer, Code, Outcome, Request};
use crate::facts::ids::{ClaimId, CouponRef, FactKind, UserId, fact_id};
use crate::facts::time::{Millis, rfc3339, seconds_until};
use crate::inventory::ClaimOutcome;
use crate::inventory::claims::ClaimRequest;

/// The body is empty: the user and the campaign of the path say everything.
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

    let expires_ms = campaign.spec.expires_at.map(|at| at.0);
    let claiming = ClaimRequest {
        campaign: campaign.id.clone(),
        claim: ClaimId::from(fact_id(FactKind::Claim, campaign.lane, scope)),
        digest: body.digest,
        user: user.clone(),
        version: campaign.version,
        expires_ms,
    };
    let claimed = |number, version, expires_ms, stock_left| {
        let coupon = CouponRef { campaign: campaign.id.clone(), number, version };
        answer(&request, &user, &coupon, expires_ms, stock_left)
    };
    match request.state.inventory.claim(campaign.lane, claiming).await? {
        ClaimOutcome::Claimed { number, stock_left } => Ok(claimed(number, campaign.version, expires_ms, stock_left)),
        // The coupon is shown as it was claimed, even if the campaign has changed since.
        ClaimOutcome::Repeated { claim, stock_left } => {
            Ok(claimed(claim.number, claim.version, claim.expires_ms, stock_left).replayed())
        }
        ClaimOutcome::KeyReused => Err(Code::IdempotencyKeyReused.into()),
        // The catalogue has the campaign, so its lane has not been told of it yet, or has lost it.
        ClaimOutcome::NoCampaign => {
            request.state.catalog.campaign_missing(&campaign.id);
            Err(Code::Recovering.into())
        }
        ClaimOutcome::NotOpen => Err(Code::CampaignNotOpen.into()),
        ClaimOutcome::AlreadyClaimed => Err(Code::AlreadyClaimed.into()),
        ClaimOutcome::SoldOut => Err(Code::SoldOut.into()),
        ClaimOutcome::Full => Err(lookup::log_full()),
    }
}

fn answer(request: &Request, user: &UserId, coupon: &CouponRef, expires_ms: Option<Millis>, stock_left: i64) -> Answer {
    let now_ms = request.state.clock.now_ms();
    let view = ClaimView {
        id: request.state.inventory.coupons().sign(coupon, user),
        campaign: coupon.campaign.to_string(),
        number: coupon.number,
        stock_left,
        expires_at: expires_ms.map(rfc3339),
        expires_in_s: expires_ms.map(|at| seconds_until(at, now_ms)),
    };
    Answer::json(StatusCode::CREATED, &view).no_store()
}
