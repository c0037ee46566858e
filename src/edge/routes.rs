//! The one table of routes: router and OpenAPI document are both made from it.

use http::Method;

use super::asks::hold::HoldBody;
use super::asks::order::{OrderBody, QuoteBody};
use super::asks::payment::PaymentBody;
use super::asks::points::GrantBody;
use super::asks::refund::{AdminRefundBody, RefundBody};
use super::handlers::admin_coupons::AdminCampaignView;
use super::handlers::admin_events::AdminEventView;
use super::handlers::admin_operations::ResolveBody;
use super::handlers::coupons::ClaimBody;
use super::handlers::{
    admin_coupons, admin_events, admin_operations, admin_orders, admin_points, catalog, coupons, holds, me, ops,
    orders, quotes, refunds, seats,
};
use super::problem::Code;
use super::router::Route;
use super::views::coupon::{ClaimView, CouponView};
use super::views::event::EventView;
use super::views::hold::HoldView;
use super::views::order::{AcceptedView, AdminOrderView, OrderView};
use super::views::page::Page;
use super::views::points::{GrantView, MoveView, PointsView};
use super::views::quote::QuoteView;
use super::views::refund::{RefundView, RequestedView};
use super::views::seats::SeatsView;
use super::views::ticket::TicketView;
use crate::catalog::{EventSpec, RoomPatch};
use crate::ledger::coupons::CampaignSpec;

/// Every route of every listener.
pub fn table() -> Vec<Route> {
    let parts = [catalogue(), purchase(), own(), organizers(), office(), operations()];
    parts.into_iter().flatten().collect()
}

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

fn catalogue() -> Vec<Route> {
    vec![
        Route::new(GET, "/v1/events", "listEvents", "What is on sale, by id", catalog::list)
            .paged()
            .answers::<Page<EventView>>(200, "A page"),
        Route::new(GET, "/v1/events/{event}", "getEvent", "An event", catalog::get)
            .answers::<EventView>(200, "The event")
            .errors(&[Code::EventNotFound]),
    ]
}

fn purchase() -> Vec<Route> {
    vec![
        Route::new(GET, "/v1/events/{event}/seats", "getSeats", "The seat map, at most a second old", seats::get)
            .answers::<SeatsView>(200, "The map; ETag, gzip")
            .answers_bare(304, "As `If-None-Match` has it")
            .errors(&[Code::EventNotFound]),
        Route::new(POST, "/v1/events/{event}/holds", "createHold", "Set seats aside", holds::create)
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
        Route::new(GET, "/v1/events/{event}/holds/{hold}", "getHold", "A hold of the user", holds::get)
            .user()
            .answers::<HoldView>(200, "The hold")
            .errors(&[Code::NotOwner, Code::EventNotFound, Code::HoldNotFound, Code::HoldExpired]),
        Route::new(DELETE, "/v1/events/{event}/holds/{hold}", "releaseHold", "Give seats back", holds::release)
            .user()
            .answers_bare(204, "Given back, now or before")
            .errors(&[Code::NotOwner, Code::EventNotFound, Code::HoldNotFound, Code::HoldAlreadyOrdered]),
        Route::new(
            POST,
            "/v1/events/{event}/holds/{hold}/quote",
            "quoteHold",
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
        Route::new(POST, "/v1/coupons/{campaign}/claims", "claimCoupon", "Claim a coupon, first come", coupons::claim)
            .user()
            .keyed()
            .body::<ClaimBody>()
            .answers::<ClaimView>(201, "Claimed")
            .errors(&[Code::CampaignNotFound, Code::SoldOut, Code::AlreadyClaimed, Code::CampaignNotOpen]),
        Route::new(POST, "/v1/orders", "placeOrder", "Order a hold", orders::place)
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
        Route::new(GET, "/v1/orders/{order}", "getOrder", "An order of the user", orders::get)
            .user()
            .waits()
            .query("wait_s", "Wait so long for a status that is final or waits for the buyer; 30 at most")
            .answers::<OrderView>(200, "The order")
            .errors(&[Code::NotOwner, Code::OrderNotFound]),
        Route::new(
            DELETE,
            "/v1/orders/{order}",
            "cancelOrder",
            "Cancel an order that waits for a payment",
            orders::cancel,
        )
        .user()
        .answers::<OrderView>(202, "Accepted")
        .errors(&[Code::NotOwner, Code::OrderNotFound, Code::PaymentInProgress, Code::NotCancellable]),
        Route::new(POST, "/v1/orders/{order}/payment", "payOrder", "Pay an order that waits for it", orders::pay)
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
        Route::new(POST, "/v1/orders/{order}/refunds", "requestRefund", "Give lines of an order back", refunds::create)
            .user()
            .keyed()
            .body::<RefundBody>()
            .answers::<RequestedView>(202, "Accepted")
            .errors(REFUND),
        Route::new(GET, "/v1/orders/{order}/refunds", "listRefunds", "Refunds of an order", refunds::list)
            .user()
            .answers::<Page<RefundView>>(200, "All of them, oldest first")
            .errors(&[Code::NotOwner, Code::OrderNotFound]),
        Route::new(GET, "/v1/orders/{order}/refunds/{refund}", "getRefund", "A refund", refunds::get)
            .user()
            .answers::<RefundView>(200, "The refund")
            .errors(&[Code::NotOwner, Code::OrderNotFound]),
    ]
}

const REFUND: &[Code] =
    &[Code::NotOwner, Code::OrderNotFound, Code::NotRefundable, Code::OverRefund, Code::LineNotFound, Code::Empty];

fn own() -> Vec<Route> {
    vec![
        Route::new(GET, "/v1/me/coupons", "listMyCoupons", "Coupons of the user", me::coupons)
            .user()
            .paged()
            .answers::<Page<CouponView>>(200, "A page"),
        Route::new(GET, "/v1/me/orders", "listMyOrders", "Orders of the user, newest first", me::orders)
            .user()
            .paged()
            .answers::<Page<OrderView>>(200, "A page"),
        Route::new(GET, "/v1/me/tickets", "listMyTickets", "Tickets of the user", me::tickets)
            .user()
            .paged()
            .answers::<Page<TicketView>>(200, "A page"),
        Route::new(GET, "/v1/me/points", "getMyPoints", "Points of the user", me::points)
            .user()
            .answers::<PointsView>(200, "Balance and lots"),
        Route::new(GET, "/v1/me/points/moves", "listMyPointMoves", "How points came and went, newest first", me::moves)
            .user()
            .paged()
            .answers::<Page<MoveView>>(200, "A page"),
    ]
}

fn organizers() -> Vec<Route> {
    vec![
        Route::new(PUT, "/v1/admin/events/{event}", "putEvent", "Create or change an event", admin_events::put)
            .admin()
            .body::<EventSpec>()
            .answers::<AdminEventView<'static>>(201, "Created")
            .answers::<AdminEventView<'static>>(200, "Changed")
            .errors(&[Code::EventNotFound, Code::SeatsSold]),
        Route::new(GET, "/v1/admin/events/{event}", "getEventSpec", "An event as it was put", admin_events::get)
            .admin()
            .answers::<AdminEventView<'static>>(200, "The event")
            .errors(&[Code::EventNotFound]),
        Route::new(PATCH, "/v1/admin/events/{event}/room", "patchRoom", "Change a room", admin_events::patch_room)
            .admin()
            .body::<RoomPatch>()
            .answers::<AdminEventView<'static>>(200, "Changed")
            .errors(&[Code::EventNotFound]),
        Route::new(
            PUT,
            "/v1/admin/coupons/{campaign}",
            "putCampaign",
            "Create or change a campaign",
            admin_coupons::put,
        )
        .admin()
        .body::<CampaignSpec>()
        .answers::<AdminCampaignView<'static>>(201, "Created")
        .answers::<AdminCampaignView<'static>>(200, "Changed")
        .errors(&[Code::CampaignNotFound, Code::StockClaimed]),
    ]
}

fn office() -> Vec<Route> {
    vec![
        Route::new(POST, "/v1/admin/users/{user}/points", "grantPoints", "Give points to a user", admin_points::grant)
            .admin()
            .keyed()
            .body::<GrantBody>()
            .answers::<GrantView>(201, "Given"),
        Route::new(GET, "/v1/admin/orders", "listOrders", "Orders, newest first", admin_orders::list)
            .admin()
            .paged()
            .query("user", "Of this user")
            .query("event", "Of this event")
            .query("status", "In this status")
            .answers::<Page<AdminOrderView>>(200, "A page"),
        Route::new(
            POST,
            "/v1/admin/orders/{order}/refunds",
            "refundOrder",
            "Refund lines or parts of them, at any time",
            admin_orders::refund,
        )
        .admin()
        .keyed()
        .body::<AdminRefundBody>()
        .answers::<RequestedView>(202, "Accepted")
        .errors(REFUND),
        Route::new(GET, "/v1/admin/audit", "audit", "Check the invariants now", admin_operations::audit)
            .admin()
            .answers_bare(200, "`{ok, checked_at, invariants}`"),
        Route::new(GET, "/v1/admin/pipeline", "pipeline", "Lanes, backlog, dead letters", admin_operations::pipeline)
            .admin()
            .answers_bare(200, "The pipeline"),
        Route::new(
            POST,
            "/v1/admin/dead-letters/{id}/requeue",
            "requeueDeadLetter",
            "Try a dead letter again, with what follows it",
            admin_operations::requeue,
        )
        .admin()
        .answers_bare(204, "Requeued"),
        Route::new(
            POST,
            "/v1/admin/payments/{id}/resolve",
            "resolvePayment",
            "Say how an attempt ended that the provider cannot tell of",
            admin_operations::resolve,
        )
        .admin()
        .body::<ResolveBody>()
        .answers_bare(204, "Resolved")
        .errors(&[Code::NotPayable]),
    ]
}

fn operations() -> Vec<Route> {
    vec![Route::new(GET, "/livez", "livez", "The process runs", ops::livez).ops().answers_bare(200, "It does")]
}
