//! A campaign as it was put, with what the gateway knows of it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::Campaign;
use crate::clock::Timestamp;
use crate::ids::EventId;
use crate::ledger::coupons::{CampaignSpec, FundedBy, Kind};

#[derive(Serialize, ToSchema)]
#[schema(as = AdminCampaign, example = json!({
    "id": "welcome", "version": 1, "lane": 2, "name": "Welcome", "kind": "percent", "percent_bp": 1000,
    "max_discount": 10000, "min_spend": 30000, "stock": 1000, "per_user": 1, "opens_at": null, "closes_at": null,
    "expires_at": "2026-12-31T15:00:00Z", "events": null, "funded_by": "platform",
}))]
pub struct AdminCampaignView<'a> {
    pub id: &'a str,
    /// Grows with every change.
    pub version: i64,
    pub lane: u16,
    pub name: &'a str,
    pub kind: Kind,
    /// Of `percent`: the rate in basis points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent_bp: Option<i64>,
    /// Of `fixed`: minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// Of `percent`: never more than this, minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_discount: Option<i64>,
    /// Least sum of list prices, minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_spend: Option<i64>,
    /// Coupons ever to be issued.
    pub stock: i64,
    pub per_user: i64,
    /// When coupons may be claimed.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub opens_at: Option<Timestamp>,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub closes_at: Option<Timestamp>,
    /// When claimed coupons end.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Where it may be used; `null`: everywhere.
    #[schema(required, value_type = Option<Vec<String>>)]
    pub events: Option<&'a [EventId]>,
    pub funded_by: FundedBy,
}

impl<'a> AdminCampaignView<'a> {
    pub fn new(campaign: &'a Campaign) -> Self {
        // Named one by one: a field that a campaign gains is a field of this view too.
        let CampaignSpec {
            name,
            kind,
            percent_bp,
            amount,
            max_discount,
            min_spend,
            stock,
            per_user,
            opens_at,
            closes_at,
            expires_at,
            events,
            funded_by,
        } = &campaign.spec;
        Self {
            id: campaign.id.as_str(),
            version: campaign.version,
            lane: campaign.lane.0,
            name,
            kind: *kind,
            percent_bp: *percent_bp,
            amount: *amount,
            max_discount: *max_discount,
            min_spend: *min_spend,
            stock: *stock,
            per_user: *per_user,
            opens_at: *opens_at,
            closes_at: *closes_at,
            expires_at: *expires_at,
            events: events.as_deref(),
            funded_by: *funded_by,
        }
    }
}
