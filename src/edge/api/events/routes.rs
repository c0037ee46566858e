//! The routes of `events`.

use crate::edge::api::events::view::EventView;
use crate::edge::problem::Code;
use crate::edge::router::{Route, get};

pub fn routes() -> Vec<Route> {
    vec![
        get("/v1/events", "list_events", "What is on sale, by id", super::list)
            .about(
                "Every event of the catalogue, by id. A change made through another gateway is seen within a \
                 second.",
            )
            .paged()
            .answers_page::<EventView>(),
        get("/v1/events/{event}", "get_event", "An event", super::get)
            .about(
                "What a buyer has to know of an event: its sections and prices, its times, how many seats one user may \
                 have, and what a refund costs.",
            )
            .answers::<EventView>(200, "The event")
            .errors(&[Code::EventNotFound]),
    ]
}
