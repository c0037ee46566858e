//! The routes of `events`.

use crate::catalog::RoomPatch;
use crate::edge::api::admin::events::body::EventBody;
use crate::edge::api::admin::events::cancellation::{self, CancelBody, CancellationView};
use crate::edge::api::admin::events::view::AdminEventView;
use crate::edge::problem::Code;
use crate::edge::router::{Route, get, patch, post, put};

const VERSION: &str = "The event's version, for `If-Match`";

pub fn routes() -> Vec<Route> {
    vec![
        put("/v1/admin/events/{event}", "put_event", "Create or change an event", super::put)
            .admin()
            .about(
                "Creates the event, 201, or changes it, 200. In a new event, a field that the body does not name gets \
                 its default. In a change it stays as it is; the same holds for each single field of the room. What \
                 `GET` answers may be sent back. With `If-Match` the change is refused `PRECONDITION_FAILED` when \
                 somebody was faster. A change that would drop seats that are held, paying or sold is refused \
                 `SEATS_SOLD`, with their ids in `conflicts`. The room's `order` and `identity` are set when the event \
                 is created; `currency` is the house's. `material_change` notes the time of a new date or venue: \
                 orders from before it are then refunded without a fee.\n\nA repeat changes nothing, except that a \
                 repeated `material_change` notes its time again.",
            )
            .header("If-Match", "The `ETag` that the change is based on; without it any version is changed", "\"3\"")
            .body::<EventBody>()
            .answers::<AdminEventView<'static>>(201, "Created")
            .carries("Location", "The event", "/v1/admin/events/spring-hall")
            .carries("ETag", VERSION, "\"1\"")
            .answers::<AdminEventView<'static>>(200, "Changed")
            .carries("ETag", VERSION, "\"2\"")
            .errors(&[Code::EventNotFound, Code::EventCancelled, Code::SeatsSold, Code::PreconditionFailed, Code::Recovering]),
        get("/v1/admin/events/{event}", "get_event_spec", "An event as it was put", super::get)
            .admin()
            .about(
                "What was put, with the event's version and lane. It may be put back as it is. The `ETag` is for \
                 the `If-Match` of a change.",
            )
            .answers::<AdminEventView<'static>>(200, "The event")
            .carries("ETag", VERSION, "\"2\"")
            .errors(&[Code::EventNotFound]),
        patch("/v1/admin/events/{event}/room", "patch_room", "Change a room", super::patch_room)
            .admin()
            .about(
                "Changes what the body names and leaves the rest. `order` and `identity` cannot be changed after \
                 the event was created: `VALIDATION`. With `If-Match` the change is refused `PRECONDITION_FAILED` \
                 when somebody was faster.\n\nA repeat changes nothing.",
            )
            .header("If-Match", "The `ETag` that the change is based on; without it any version is changed", "\"3\"")
            .body::<RoomPatch>()
            .answers::<AdminEventView<'static>>(200, "Changed")
            .carries("ETag", VERSION, "\"2\"")
            .errors(&[Code::EventNotFound, Code::EventCancelled, Code::PreconditionFailed, Code::Recovering]),
        post("/v1/admin/events/{event}/cancel", "cancel_event", "Cancel an event", cancellation::create)
            .admin()
            .about(
                "Stops the sale at once: the room closes, and holds, orders and payments are refused                  `EVENT_CANCELLED`. Then everything that was sold is given back without any fee, and orders that are not                  paid are cancelled. This goes on by itself, also after a crash; `GET` tells how far it has come. The                  event cannot be changed any more.\n\nA repeat changes nothing, not even the reason.",
            )
            .body::<CancelBody>()
            .answers::<CancellationView>(202, "Cancelled; the refunds follow")
            .carries("Location", "How far it has come", "/v1/admin/events/spring-hall/cancel")
            .errors(&[Code::EventNotFound, Code::SeatsSold, Code::Recovering]),
        get("/v1/admin/events/{event}/cancel", "show_cancellation", "How far a cancelled event has come", cancellation::get)
            .admin()
            .about("`NOT_FOUND`: the event is not cancelled.")
            .answers::<CancellationView>(200, "How far it has come")
            .errors(&[Code::EventNotFound, Code::NotFound, Code::Recovering]),
    ]
}
