//! The routes of `seats`.

use crate::edge::api::seats::view::SeatsView;
use crate::edge::problem::Code;
use crate::edge::router::{Route, get};

pub fn routes() -> Vec<Route> {
    vec![
        get("/v1/events/{event}/seats", "get_seats", "The seat map, at most a second old", super::get)
            .about(
                "Every seat, one letter for each. It needs neither pass nor user. It is compressed for clients that \
                 accept gzip, and it has an `ETag`. While the event's lane is being rebuilt it is `RECOVERING`.",
            )
            .header(
                "If-None-Match",
                "The `ETag` of the map that the client has: the answer is 304 while the map is the same",
                "\"1-812-5f1c8a52\"",
            )
            .answers::<SeatsView>(200, "The map")
            .carries("ETag", "Names this map, for `If-None-Match`", "\"1-812-5f1c8a52\"")
            .answers_bare(304, "The map is the one of `If-None-Match`")
            .carries("ETag", "The map's name", "\"1-812-5f1c8a52\"")
            .errors(&[Code::EventNotFound, Code::Recovering]),
    ]
}
