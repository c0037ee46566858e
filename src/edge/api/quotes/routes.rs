//! The routes of `quotes`.

use crate::edge::api::orders::body::QuoteBody;
use crate::edge::api::quotes::view::QuoteView;
use crate::edge::problem::Code;
use crate::edge::router::{Route, post};

pub fn routes() -> Vec<Route> {
    vec![
        post("/v1/events/{event}/holds/{hold}/quote", "quote_hold", "What a hold would cost", super::create)
            .user()
            .about(
                "The lines and the total as an order would have them now, and why this coupon was chosen or none. \
             A coupon that cannot be used and points that are not there are left out. Nothing is reserved: an \
             order compares with `expected_cash`.\n\nA repeat is safe; prices may be others by then.",
            )
            .body_or_none::<QuoteBody>()
            .answers::<QuoteView>(200, "The quote")
            .errors(&[
                Code::NotOwner,
                Code::EventNotFound,
                Code::HoldNotFound,
                Code::HoldAlreadyOrdered,
                Code::HoldExpired,
                Code::Recovering,
            ]),
    ]
}
