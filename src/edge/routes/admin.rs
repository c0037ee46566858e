//! Rows of the table: organizers and the office.

use http::Method;

use super::purchase::REFUND;
use crate::catalog::{EventSpec, RoomPatch};
use crate::edge::asks::points::GrantBody;
use crate::edge::asks::refund::AdminRefundBody;
use crate::edge::handlers::admin_coupons::AdminCampaignView;
use crate::edge::handlers::admin_events::AdminEventView;
use crate::edge::handlers::admin_operations::ResolveBody;
use crate::edge::handlers::{admin_coupons, admin_events, admin_operations, admin_orders, admin_points};
use crate::edge::problem::Code;
use crate::edge::router::Route;
use crate::edge::views::order::AdminOrderView;
use crate::edge::views::points::GrantView;
use crate::edge::views::refund::RequestedView;
use crate::ledger::coupons::CampaignSpec;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;

pub(super) fn organizers() -> Vec<Route> {
    vec![
        Route::new(PUT, "/v1/admin/events/{event}", "put_event", "Create or change an event", admin_events::put)
            .admin()
            .body::<EventSpec>()
            .answers::<AdminEventView<'static>>(201, "Created")
            .answers::<AdminEventView<'static>>(200, "Changed")
            .errors(&[Code::EventNotFound, Code::SeatsSold, Code::PreconditionFailed]),
        Route::new(GET, "/v1/admin/events/{event}", "get_event_spec", "An event as it was put", admin_events::get)
            .admin()
            .answers::<AdminEventView<'static>>(200, "The event")
            .errors(&[Code::EventNotFound]),
        Route::new(PATCH, "/v1/admin/events/{event}/room", "patch_room", "Change a room", admin_events::patch_room)
            .admin()
            .body::<RoomPatch>()
            .answers::<AdminEventView<'static>>(200, "Changed")
            .errors(&[Code::EventNotFound, Code::PreconditionFailed]),
        Route::new(
            PUT,
            "/v1/admin/coupons/{campaign}",
            "put_campaign",
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

pub(super) fn office() -> Vec<Route> {
    vec![
        Route::new(POST, "/v1/admin/users/{user}/points", "grant_points", "Give points to a user", admin_points::grant)
            .admin()
            .keyed()
            .body::<GrantBody>()
            .answers::<GrantView>(201, "Given"),
        Route::new(GET, "/v1/admin/orders", "list_orders", "Orders, newest first", admin_orders::list)
            .admin()
            .paged()
            .query("user", "Of this user")
            .query("event", "Of this event")
            .query("status", "In this status")
            .answers_page::<AdminOrderView>(),
        Route::new(
            POST,
            "/v1/admin/orders/{order}/refunds",
            "refund_order",
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
            "requeue_dead_letter",
            "Try a dead letter again, with what follows it",
            admin_operations::requeue,
        )
        .admin()
        .answers_bare(204, "Requeued"),
        Route::new(
            POST,
            "/v1/admin/payments/{id}/resolve",
            "resolve_payment",
            "Say how an attempt ended that the provider cannot tell of",
            admin_operations::resolve,
        )
        .admin()
        .body::<ResolveBody>()
        .answers_bare(204, "Resolved")
        .errors(&[Code::NotPayable]),
    ]
}
