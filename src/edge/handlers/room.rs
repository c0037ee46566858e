//! A room's public counts.

use http::StatusCode;

use super::{lookup, queue};
use crate::catalog::Event;
use crate::edge::place::RoomView;
use crate::edge::{Answer, Outcome, Problem, Request, room_of};
use crate::lane::Fault;

/// `GET /v1/events/{event}/room`
pub async fn show(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let view = counts(&request, &event).await?;
    Ok(Answer::json(StatusCode::OK, &view).header(http::header::CACHE_CONTROL, "public, max-age=1"))
}

/// The counts, unknown while the lane is being rebuilt.
pub async fn counts(request: &Request, event: &Event) -> Result<RoomView, Problem> {
    match request.state.admission.counts(&room_of(event)).await {
        Ok(Some(counts)) => Ok(RoomView::new(event, Some(&counts))),
        Ok(None) => Err(queue::not_told()),
        Err(Fault::Recovering(_)) => Ok(RoomView::new(event, None)),
        Err(fault @ (Fault::Unavailable { .. } | Fault::Contract { .. })) => Err(fault.into()),
    }
}
