//! The routes of `coupons`.

use crate::edge::api::coupons::ClaimBody;
use crate::edge::api::coupons::view::ClaimView;
use crate::edge::problem::Code;
use crate::edge::router::{Route, post};

pub fn routes() -> Vec<Route> {
    vec![
        post("/v1/coupons/{campaign}/claims", "claim_coupon", "Claim a coupon, first come", super::claim)
            .user()
            .about(
                "Gives the user one coupon of the campaign, numbered in the order of the claims, while there is stock. \
                 One user gets no more than the campaign's limit: `ALREADY_CLAIMED`. Before and after the campaign's \
                 time the answer is `CAMPAIGN_NOT_OPEN`.",
            )
            .keyed()
            .body_or_none::<ClaimBody>()
            .answers::<ClaimView>(201, "Claimed")
            .errors(&[
                Code::CampaignNotFound,
                Code::SoldOut,
                Code::AlreadyClaimed,
                Code::CampaignNotOpen,
                Code::Recovering,
            ]),
    ]
}
