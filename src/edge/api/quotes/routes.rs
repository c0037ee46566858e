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
                "The lines and the total as an order would have them now, and why this coupon or none was chosen. \
                 A coupon that cannot be used, and points that the user does not have, are left out. Nothing is \
                 reserved: an order is rejected when its price is not `expected_cash`.\n\n\
                 A repeat is safe; the prices may have changed by then.",
            )
            .body_or_none::<QuoteBody>()
            .answers::<QuoteView>(200, "The quote")
            .errors(&[
                Code::NotOwner,
                Code::EventNotFound,
                Code::EventCancelled,
                Code::HoldNotFound,
                Code::HoldAlreadyOrdered,
                Code::HoldExpired,
                Code::SeatNotFound,
                Code::SectionNotFound,
                Code::TypeNotFound,
                Code::AmountBelowMinimum,
                Code::Recovering,
            ]),
    ]
}
