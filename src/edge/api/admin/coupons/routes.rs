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
                "Creates the campaign, 201, or replaces it, 200. A field that the body does not name gets its default. \
                 A `stock` below the number of claimed coupons is refused `STOCK_CLAIMED`. A claimed coupon keeps the \
                 terms it was claimed under.\n\nA repeat changes nothing.",
            )
            .body::<CampaignSpec>()
            .answers::<AdminCampaignView<'static>>(201, "Created")
            .answers::<AdminCampaignView<'static>>(200, "Changed")
            .errors(&[Code::CampaignNotFound, Code::StockClaimed, Code::Recovering]),
    ]
}
