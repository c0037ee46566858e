//! Coupon campaigns, for organizers.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::{Campaign, PutCampaignOutcome};
use crate::edge::asks::Faults;
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::ledger::coupons::CampaignSpec;

/// A campaign as it was put, with what the gateway knows of it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminCampaign)]
pub struct AdminCampaignView<'a> {
    pub id: &'a str,
    /// Grows with every change.
    pub version: i64,
    pub lane: u16,
    #[serde(flatten)]
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    pub spec: &'a CampaignSpec,
}

fn answer(status: StatusCode, campaign: &Campaign) -> Answer {
    let view = AdminCampaignView {
        id: campaign.id.as_str(),
        version: campaign.version,
        lane: campaign.lane.0,
        spec: &campaign.spec,
    };
    Answer::json(status, &view).no_store()
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
        PutCampaignOutcome::Invalid(faults) => Err(Faults::from(faults).problem()),
    }
}
