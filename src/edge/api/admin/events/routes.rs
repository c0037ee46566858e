//! The routes of `events`.

use crate::catalog::RoomPatch;
use crate::edge::api::admin::events::body::EventBody;
use crate::edge::api::admin::events::view::AdminEventView;
use crate::edge::problem::Code;
use crate::edge::router::{Route, get, patch, put};

const VERSION: &str = "The event's version, for `If-Match`";

pub fn routes() -> Vec<Route> {
    vec![
        put("/v1/admin/events/{event}", "put_event", "Create or change an event", super::put)
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
                 the event was created: `VALIDATION`. With `If-Match` it is refused `PRECONDITION_FAILED` when \
                 somebody was faster.\n\nA repeat changes nothing.",
            )
            .header("If-Match", "The `ETag` of the state that the change was made for; without it any", "\"3\"")
            .body::<RoomPatch>()
            .answers::<AdminEventView<'static>>(200, "Changed")
            .carries("ETag", VERSION, "\"2\"")
            .errors(&[Code::EventNotFound, Code::PreconditionFailed, Code::Recovering]),
    ]
}
