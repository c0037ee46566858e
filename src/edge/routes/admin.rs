//! Rows of the table: organizers and the office.

use http::Method;

use super::purchase::REFUND;
use crate::catalog::RoomPatch;
use crate::edge::asks::event::EventBody;
use crate::edge::asks::points::GrantBody;
use crate::edge::asks::refund::AdminRefundBody;
use crate::edge::handlers::admin_operations::ResolveBody;
use crate::edge::handlers::{admin_coupons, admin_events, admin_operations, admin_orders, admin_points};
use crate::edge::problem::Code;
use crate::edge::router::Route;
use crate::edge::views::admin_campaign::AdminCampaignView;
use crate::edge::views::admin_event::AdminEventView;
use crate::edge::views::operations::{AuditView, PipelineView};
use crate::edge::views::order::AdminOrderView;
use crate::edge::views::points::GrantView;
use crate::edge::views::refund::RequestedView;
use crate::ledger::coupons::CampaignSpec;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;

const VERSION: &str = "The event's version, for `If-Match`";

pub(super) fn organizers() -> Vec<Route> {
    vec![
        Route::new(PUT, "/v1/admin/events/{event}", "put_event", "Create or change an event", admin_events::put)
            .admin()
            .about(
                "An event that is not there is created, 201, and what the body does not name has its default. One \
                 that is there is changed, 200: what the body does not name stays as it is, of the room each \
                 field by itself. What `GET` answers may be sent back. With `If-Match` it is refused \
                 `PRECONDITION_FAILED` when somebody was faster. A change that would drop seats that are held, \
                 paying or sold is `SEATS_SOLD`, with their ids in `conflicts`. The room's `order` and `identity` \
                 are set when the event is created; `currency` is the house's. `material_change` notes the time \
                 of a new date or venue: what was sold before is then refunded without a fee.\n\nA repeat \
                 changes nothing, but that a repeated `material_change` notes its time again.",
            )
            .header("If-Match", "The `ETag` of the state that the change was made for; without it any", "\"3\"")
            .body::<EventBody>()
            .answers::<AdminEventView<'static>>(201, "Created")
            .carries("Location", "The event", "/v1/admin/events/spring-hall")
            .carries("ETag", VERSION, "\"1\"")
            .answers::<AdminEventView<'static>>(200, "Changed")
            .carries("ETag", VERSION, "\"2\"")
            .errors(&[Code::EventNotFound, Code::SeatsSold, Code::PreconditionFailed, Code::Recovering]),
        Route::new(GET, "/v1/admin/events/{event}", "get_event_spec", "An event as it was put", admin_events::get)
            .admin()
            .about(
                "What was put, with the event's version and lane. It may be put back as it is. The `ETag` is for \
                 the `If-Match` of a change.",
            )
            .answers::<AdminEventView<'static>>(200, "The event")
            .carries("ETag", VERSION, "\"2\"")
            .errors(&[Code::EventNotFound]),
        Route::new(PATCH, "/v1/admin/events/{event}/room", "patch_room", "Change a room", admin_events::patch_room)
            .admin()
            .about(
                "Changes what the body names and leaves the rest. `order` and `identity` cannot be changed after \
                 the event was created: `VALIDATION`. With `If-Match` it is refused `PRECONDITION_FAILED` when \
                 somebody was faster.\n\nA repeat changes nothing.",
            )
            .header("If-Match", "The `ETag` of the state that the change was made for; without it any", "\"3\"")
            .body::<RoomPatch>()
            .answers::<AdminEventView<'static>>(200, "Changed")
            .carries("ETag", VERSION, "\"2\"")
            .errors(&[Code::EventNotFound, Code::PreconditionFailed, Code::Recovering]),
        Route::new(
            PUT,
            "/v1/admin/coupons/{campaign}",
            "put_campaign",
            "Create or change a campaign",
            admin_coupons::put,
        )
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

pub(super) fn office() -> Vec<Route> {
    vec![
        Route::new(POST, "/v1/admin/users/{user}/points", "grant_points", "Give points to a user", admin_points::grant)
            .admin()
            .about(
                "The points are a lot of their own, until `expires_at`. Points that the user owes are paid from \
                 it first, so the balance may grow by less. The user need not be known. A text that cannot be a \
                 user is `NOT_FOUND`.",
            )
            .keyed()
            .body::<GrantBody>()
            .answers::<GrantView>(201, "Given")
            .errors(&[Code::NotFound]),
        Route::new(GET, "/v1/admin/orders", "list_orders", "Orders, newest first", admin_orders::list)
            .admin()
            .about(
                "Orders of all users as the ledger has them, whole, each with its user. Filters that are given \
                 have to hold together; one that is malformed is `VALIDATION`.",
            )
            .paged()
            .query("user", "Only this user's", "kim")
            .query("event", "Only this event's, by slug", "spring-hall")
            .query("status", "Only those in this status", "confirmed")
            .answers_page::<AdminOrderView>(),
        Route::new(
            POST,
            "/v1/admin/orders/{order}/refunds",
            "refund_order",
            "Refund lines or parts of them, at any time",
            admin_orders::refund,
        )
        .admin()
        .about(
            "Whole lines, or with `amount` a part of one, of an order that is confirmed or partially \
             refunded. It is not bound to the refund terms and takes no cancellation fee. A ticket of which a \
             part is refunded stays valid. 202 says that it will be decided: `Location` names the refund, \
             which its buyer may look at.",
        )
        .keyed()
        .body::<AdminRefundBody>()
        .answers::<RequestedView>(202, "Accepted")
        .carries("Location", "The refund", "/v1/orders/o0360303ae22b998861bce3b28f33eec1be/refunds/r03…")
        .carries("Retry-After", "Seconds after which to look at the refund", "1")
        .errors(REFUND)
        .errors(&[Code::Overloaded]),
        Route::new(GET, "/v1/admin/audit", "audit", "Check the invariants now", admin_operations::audit)
            .admin()
            .about(
                "Holds lanes and ledger against each other and against themselves. It only reads, and may run \
                 under traffic: a difference counts when it is still there after the lane's log has been written. \
                 The more is sold, the longer it takes; what takes longer than a request may is `UNAVAILABLE`.",
            )
            .answers::<AuditView>(200, "The report"),
        Route::new(GET, "/v1/admin/pipeline", "pipeline", "Lanes, backlog, dead letters", admin_operations::pipeline)
            .admin()
            .about(
                "How far the ledger is behind each lane, which lanes this process writes for, and what waits for \
                 a person. `UNAVAILABLE` when a lane or the ledger does not answer.",
            )
            .answers::<PipelineView>(200, "The pipeline"),
        Route::new(
            POST,
            "/v1/admin/dead-letters/{id}/requeue",
            "requeue_dead_letter",
            "Try a dead letter again, with what follows it",
            admin_operations::requeue,
        )
        .admin()
        .about(
            "Writes the record again, and with it all dead letters of its order, oldest first: all of them or \
             none. When one of them still cannot be written they stay dead letters, and the answer is \
             `UNAVAILABLE`.\n\nA repeat is safe: a letter that was written is no dead letter any more, \
             `NOT_FOUND`.",
        )
        .answers_bare(204, "Requeued")
        .errors(&[Code::NotFound]),
        Route::new(
            POST,
            "/v1/admin/payments/{id}/resolve",
            "resolve_payment",
            "Say how an attempt ended that the provider cannot tell of",
            admin_operations::resolve,
        )
        .admin()
        .about(
            "Closes an attempt whose answer the provider owes, with what a person found out. Should the \
             provider answer later, money that came with it is sent back. An attempt that has its answer is \
             `NOT_PAYABLE`.\n\nA repeat is safe: an attempt is closed once.",
        )
        .body::<ResolveBody>()
        .answers_bare(204, "Resolved")
        .errors(&[Code::NotFound, Code::NotPayable]),
    ]
}
