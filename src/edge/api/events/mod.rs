//! What is on sale.

pub mod routes;
pub mod view;

use http::StatusCode;

use self::view::EventView;
use super::lookup;
use super::page::Page;
use crate::edge::{Answer, Outcome, Request};

/// `GET /v1/events`: a page, by id.
pub async fn list(request: Request) -> Outcome {
    let limit = request.query.limit()?;
    let mut events = request.state.catalog.events(request.query.after(), limit + 1);
    let more = events.len() > limit;
    events.truncate(limit);
    let next = events.last().filter(|_| more).map(|event| event.id.to_string());
    let page = Page { items: events.iter().map(|event| EventView::new(event)).collect(), next };
    Ok(Answer::json(StatusCode::OK, &page))
}

/// `GET /v1/events/{event}`
pub async fn get(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    Ok(Answer::json(StatusCode::OK, &EventView::new(&event)))
}
