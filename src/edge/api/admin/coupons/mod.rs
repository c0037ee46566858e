//! Coupon campaigns, for organizers.

pub mod routes;
pub mod view;

use http::StatusCode;

use self::view::AdminCampaignView;
use crate::catalog::{Campaign, PutCampaignOutcome};
use crate::edge::api::field_faults::FieldFaults;
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::ledger::rules::coupons::CampaignSpec;

fn answer(status: StatusCode, campaign: &Campaign) -> Answer {
    Answer::json(status, &AdminCampaignView::new(campaign)).no_store()
}

/// `PUT /v1/admin/coupons/{campaign}`
pub async fn put(request: Request) -> Outcome {
    let id = request.campaign_id()?;
    let body = request.json::<CampaignSpec>()?;
    match request.state.catalog.put_campaign(&id, body.value).await? {
        PutCampaignOutcome::Created(campaign) => Ok(answer(StatusCode::CREATED, &campaign)),
        PutCampaignOutcome::Changed(campaign) => Ok(answer(StatusCode::OK, &campaign)),
        PutCampaignOutcome::StockClaimed(claimed) => {
            Err(Problem::new(Code::StockClaimed).detail(format!("{claimed} are claimed")))
        }
        PutCampaignOutcome::Invalid(faults) => Err(FieldFaults::from(faults).problem()),
    }
}
