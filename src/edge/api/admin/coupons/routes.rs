//! The routes of `coupons`.

use crate::edge::api::admin::coupons::view::AdminCampaignView;
use crate::edge::problem::Code;
use crate::edge::router::{Route, put};
use crate::ledger::rules::coupons::CampaignSpec;

pub fn routes() -> Vec<Route> {
    vec![
        put("/v1/admin/coupons/{campaign}", "put_campaign", "Create or change a campaign", super::put)
            .admin()
            .about(
                "A campaign that is not there is created, 201; one that is there is replaced, 200: what the body \
             does not name has its default. `stock` is never less than what is claimed: `STOCK_CLAIMED`. What \
             was claimed keeps the terms it was claimed under.\n\nA repeat changes nothing.",
            )
            .body::<CampaignSpec>()
            .answers::<AdminCampaignView<'static>>(201, "Created")
            .answers::<AdminCampaignView<'static>>(200, "Changed")
            .errors(&[Code::CampaignNotFound, Code::StockClaimed, Code::Recovering]),
    ]
}
