//! A room's public counts.

use http::StatusCode;

use super::{lookup, queue};
use crate::edge::place::RoomView;
use crate::edge::{Answer, Outcome, Request, room_of};
use crate::lane::Fault;

/// `GET /v1/events/{event}/room`
pub async fn show(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let view = match request.state.admission.counts(&room_of(&event)).await {
        Ok(Some(counts)) => RoomView::new(&event, Some(&counts)),
        Ok(None) => return Err(queue::not_told()),
        Err(Fault::Recovering(_)) => RoomView::new(&event, None),
        Err(fault @ (Fault::Unavailable { .. } | Fault::Contract { .. })) => return Err(fault.into()),
    };
    Ok(Answer::json(StatusCode::OK, &view).header(http::header::CACHE_CONTROL, "public, max-age=1"))
}
