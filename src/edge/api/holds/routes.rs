//! The routes of `holds`.

use crate::edge::api::holds::body::HoldBody;
use crate::edge::api::holds::view::HoldView;
use crate::edge::problem::Code;
use crate::edge::router::{Route, delete, get, post};

pub fn routes() -> Vec<Route> {
    vec![
        post("/v1/events/{event}/holds", "create_hold", "Set seats aside", super::create)
            .user()
            .about(
                "Sets aside all the named seats or none, or the best seats of a section, for `hold_ttl_s` of the \
                 event. It takes a pass of the event, which is then bound to this user. The seats count against \
                 `seats_per_user`. With `SEATS_TAKEN`, `conflicts` has the ids of the seats that are taken; choose \
                 others. A place inside lasts `pass_ttl_s` from its admission. No hold begins after that; a hold that \
                 is under way then may still be finished. `Location` names the hold. The last twenty ended holds of a \
                 user are kept for a while, by default a day. The key of an older one is answered `HOLD_EXPIRED`.",
            )
            .keyed()
            .pass()
            .body::<HoldBody>()
            .answers::<HoldView>(201, "Held")
            .carries("Location", "The hold", "/v1/events/spring-hall/holds/h039f86d081884c7d659a2feaa0c55ad015")
            .errors(&[
                Code::BadOrigin,
                Code::PassRequired,
                Code::NotOwner,
                Code::EventNotFound,
                Code::EventCancelled,
                Code::SeatNotFound,
                Code::SectionNotFound,
                Code::SeatsTaken,
                Code::SoldOut,
                Code::AdjacentUnavailable,
                Code::SaleNotOpen,
                Code::LimitExceeded,
                Code::DuplicateSeat,
                Code::Empty,
                Code::HoldExpired,
                Code::Recovering,
            ]),
        get("/v1/events/{event}/holds/{hold}", "get_hold", "A hold of the user", super::get)
            .user()
            .about(
                "An expired hold is `HOLD_EXPIRED`. The last twenty ended holds of a user are kept for a while, by \
                 default a day. After that, and beyond twenty, the answer is `HOLD_NOT_FOUND`.",
            )
            .answers::<HoldView>(200, "The hold")
            .errors(&[Code::NotOwner, Code::EventNotFound, Code::HoldNotFound, Code::HoldExpired, Code::Recovering]),
        delete("/v1/events/{event}/holds/{hold}", "release_hold", "Give seats back", super::release)
            .user()
            .about(
                "The seats are free at once. A hold that was ordered is `HOLD_ALREADY_ORDERED`: cancel the order.\n\n\
                 A repeat is safe: a hold that has ended is answered 204 again, for as long as it is kept.",
            )
            .answers_bare(204, "Given back, now or before")
            .errors(&[
                Code::NotOwner,
                Code::EventNotFound,
                Code::HoldNotFound,
                Code::HoldAlreadyOrdered,
                Code::Recovering,
            ]),
    ]
}
