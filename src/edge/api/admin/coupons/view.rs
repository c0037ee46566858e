//! A campaign as it was put, with the fields that the gateway adds.

use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::Campaign;
use crate::facts::ids::EventId;
use crate::facts::time::Timestamp;
use crate::ledger::rules::coupons::{CampaignSpec, CouponKind, FundedBy};

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
    pub kind: CouponKind,
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
    /// How many coupons can be issued in all.
    pub stock: i64,
    pub per_user: i64,
    /// Coupons may be claimed from this time until `closes_at`.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub opens_at: Option<Timestamp>,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub closes_at: Option<Timestamp>,
    /// When claimed coupons expire.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// The events for which a coupon may be used; `null`: all.
    #[schema(required, value_type = Option<Vec<String>>)]
    pub events: Option<&'a [EventId]>,
    pub funded_by: FundedBy,
}

impl<'a> AdminCampaignView<'a> {
    pub fn new(campaign: &'a Campaign) -> Self {
        // Named one by one: this does not compile when a campaign gains a field, so the view is not forgotten.
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
