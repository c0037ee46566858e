//! The routes of `seats`.

use crate::edge::api::seats::view::SeatsView;
use crate::edge::problem::Code;
use crate::edge::router::{Route, get};

pub fn routes() -> Vec<Route> {
    vec![
        get("/v1/events/{event}/seats", "get_seats", "The seat map, at most a second old", super::get)
            .about(
                "Every seat, a letter each. It needs neither pass nor user, is compressed for who takes gzip, and \
                 has an `ETag`. While the event's lane is being rebuilt it is `RECOVERING`.",
            )
            .header(
                "If-None-Match",
                "The `ETag` of a map that is known: 304 while it is still this one",
                "\"1-812-5f1c8a52\"",
            )
            .answers::<SeatsView>(200, "The map")
            .carries("ETag", "Names this map, for `If-None-Match`", "\"1-812-5f1c8a52\"")
            .answers_bare(304, "The map is the one of `If-None-Match`")
            .carries("ETag", "The map's name", "\"1-812-5f1c8a52\"")
            .errors(&[Code::EventNotFound, Code::Recovering]),
    ]
}
