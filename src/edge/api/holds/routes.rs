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
                "All the named seats or none, or the best of a section, for `hold_ttl_s` of the event. It takes a \
                 pass of the event, which is then bound to this user, and it counts against `seats_per_user`. Of \
                 `SEATS_TAKEN`, `conflicts` has the ids of the seats; choose others. `Location` names the hold. Of \
                 a user's ended holds the last twenty are known for a day; the key of an older one is \
                 `HOLD_EXPIRED`.",
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
                "An expired one is `HOLD_EXPIRED`. Of a user's ended ones the last twenty are known for a day, then they \
                 are `HOLD_NOT_FOUND`.",
            )
            .answers::<HoldView>(200, "The hold")
            .errors(&[Code::NotOwner, Code::EventNotFound, Code::HoldNotFound, Code::HoldExpired, Code::Recovering]),
        delete("/v1/events/{event}/holds/{hold}", "release_hold", "Give seats back", super::release)
            .user()
            .about(
                "The seats are free at once. A hold that was ordered is `HOLD_ALREADY_ORDERED`: cancel the order.\n\n\
                 A repeat is safe: one that has ended is answered 204 again, for as long as it is known.",
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
