//! Rows of the table: the catalogue, the purchase, what is the user's own.

use http::Method;

use crate::edge::asks::hold::HoldBody;
use crate::edge::asks::order::{OrderBody, QuoteBody};
use crate::edge::asks::payment::PaymentBody;
use crate::edge::asks::refund::RefundBody;
use crate::edge::handlers::coupons::ClaimBody;
use crate::edge::handlers::{catalog, coupons, holds, me, orders, quotes, refunds, seats};
use crate::edge::problem::Code;
use crate::edge::router::Route;
use crate::edge::views::coupon::{ClaimView, CouponView};
use crate::edge::views::event::EventView;
use crate::edge::views::hold::HoldView;
use crate::edge::views::order::{AcceptedView, OrderView};
use crate::edge::views::points::{MoveView, PointsView};
use crate::edge::views::quote::QuoteView;
use crate::edge::views::refund::{RefundView, RequestedView};
use crate::edge::views::seats::SeatsView;
use crate::edge::views::ticket::TicketView;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const DELETE: Method = Method::DELETE;

pub(super) fn catalogue() -> Vec<Route> {
    vec![
        Route::new(GET, "/v1/events", "list_events", "What is on sale, by id", catalog::list)
            .paged()
            .answers_page::<EventView>(),
        Route::new(GET, "/v1/events/{event}", "get_event", "An event", catalog::get)
            .answers::<EventView>(200, "The event")
            .errors(&[Code::EventNotFound]),
    ]
}

pub(super) fn purchase() -> Vec<Route> {
    vec![
        Route::new(GET, "/v1/events/{event}/seats", "get_seats", "The seat map, at most a second old", seats::get)
            .answers::<SeatsView>(200, "The map; ETag, gzip")
            .answers_bare(304, "As `If-None-Match` has it")
            .errors(&[Code::EventNotFound]),
        Route::new(POST, "/v1/events/{event}/holds", "create_hold", "Set seats aside", holds::create)
            .user()
            .keyed()
            .body::<HoldBody>()
            .answers::<HoldView>(201, "Held")
            .errors(&[
                Code::BadOrigin,
                Code::PassRequired,
                Code::NotOwner,
                Code::EventNotFound,
                Code::SeatNotFound,
                Code::SectionNotFound,
                Code::SeatsTaken,
                Code::SoldOut,
                Code::AdjacentUnavailable,
                Code::SaleNotOpen,
                Code::LimitExceeded,
                Code::DuplicateSeat,
                Code::Empty,
            ]),
        Route::new(GET, "/v1/events/{event}/holds/{hold}", "get_hold", "A hold of the user", holds::get)
            .user()
            .answers::<HoldView>(200, "The hold")
            .errors(&[Code::NotOwner, Code::EventNotFound, Code::HoldNotFound, Code::HoldExpired]),
        Route::new(DELETE, "/v1/events/{event}/holds/{hold}", "release_hold", "Give seats back", holds::release)
            .user()
            .answers_bare(204, "Given back, now or before")
            .errors(&[Code::NotOwner, Code::EventNotFound, Code::HoldNotFound, Code::HoldAlreadyOrdered]),
        Route::new(
            POST,
            "/v1/events/{event}/holds/{hold}/quote",
            "quote_hold",
            "What a hold would cost",
            quotes::create,
        )
        .user()
        .body::<QuoteBody>()
        .answers::<QuoteView>(200, "The quote")
        .errors(&[
            Code::NotOwner,
            Code::EventNotFound,
            Code::HoldNotFound,
            Code::HoldAlreadyOrdered,
            Code::HoldExpired,
        ]),
        Route::new(POST, "/v1/coupons/{campaign}/claims", "claim_coupon", "Claim a coupon, first come", coupons::claim)
            .user()
            .keyed()
            .body::<ClaimBody>()
            .answers::<ClaimView>(201, "Claimed")
            .errors(&[Code::CampaignNotFound, Code::SoldOut, Code::AlreadyClaimed, Code::CampaignNotOpen]),
        Route::new(POST, "/v1/orders", "place_order", "Order a hold", orders::place)
            .user()
            .keyed()
            .body::<OrderBody>()
            .answers::<AcceptedView>(202, "Accepted: it will be decided")
            .errors(&[
                Code::NotOwner,
                Code::EventNotFound,
                Code::HoldNotFound,
                Code::HoldAlreadyOrdered,
                Code::HoldExpired,
                Code::ProviderNotAllowed,
            ]),
        Route::new(GET, "/v1/orders/{order}", "get_order", "An order of the user", orders::get)
            .user()
            .waits()
            .query("wait_s", "Wait so long for a status that is final or waits for the buyer; 30 at most")
            .answers::<OrderView>(200, "The order")
            .errors(&[Code::NotOwner, Code::OrderNotFound]),
        Route::new(
            DELETE,
            "/v1/orders/{order}",
            "cancel_order",
            "Cancel an order that waits for a payment",
            orders::cancel,
        )
        .user()
        .answers::<OrderView>(202, "Accepted")
        .errors(&[Code::NotOwner, Code::OrderNotFound, Code::PaymentInProgress, Code::NotCancellable]),
        Route::new(POST, "/v1/orders/{order}/payment", "pay_order", "Pay an order that waits for it", orders::pay)
            .user()
            .keyed()
            .body::<PaymentBody>()
            .answers::<OrderView>(202, "Accepted")
            .errors(&[
                Code::NotOwner,
                Code::OrderNotFound,
                Code::AmountMismatch,
                Code::PaymentInProgress,
                Code::NotPayable,
                Code::ProviderNotAllowed,
            ]),
        Route::new(
            POST,
            "/v1/orders/{order}/refunds",
            "request_refund",
            "Give lines of an order back",
            refunds::create,
        )
        .user()
        .keyed()
        .body::<RefundBody>()
        .answers::<RequestedView>(202, "Accepted")
        .errors(REFUND),
        Route::new(GET, "/v1/orders/{order}/refunds", "list_refunds", "Refunds of an order", refunds::list)
            .user()
            .answers_page::<RefundView>()
            .errors(&[Code::NotOwner, Code::OrderNotFound]),
        Route::new(GET, "/v1/orders/{order}/refunds/{refund}", "get_refund", "A refund", refunds::get)
            .user()
            .answers::<RefundView>(200, "The refund")
            .errors(&[Code::NotOwner, Code::OrderNotFound]),
    ]
}

/// What a refund may be refused with, whoever asks.
pub(super) const REFUND: &[Code] =
    &[Code::NotOwner, Code::OrderNotFound, Code::NotRefundable, Code::OverRefund, Code::LineNotFound, Code::Empty];

pub(super) fn own() -> Vec<Route> {
    vec![
        Route::new(GET, "/v1/me/coupons", "list_my_coupons", "Coupons of the user", me::coupons)
            .user()
            .paged()
            .answers_page::<CouponView>(),
        Route::new(GET, "/v1/me/orders", "list_my_orders", "Orders of the user, newest first", me::orders)
            .user()
            .paged()
            .answers_page::<OrderView>(),
        Route::new(GET, "/v1/me/tickets", "list_my_tickets", "Tickets of the user", me::tickets)
            .user()
            .paged()
            .answers_page::<TicketView>(),
        Route::new(GET, "/v1/me/points", "get_my_points", "Points of the user", me::points)
            .user()
            .answers::<PointsView>(200, "Balance and lots"),
        Route::new(
            GET,
            "/v1/me/points/moves",
            "list_my_point_moves",
            "How points came and went, newest first",
            me::moves,
        )
        .user()
        .paged()
        .answers_page::<MoveView>(),
    ]
}
