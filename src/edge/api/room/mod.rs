//! A room's public counts.

pub mod draw;
pub mod draws;
pub mod onward;
pub mod page;
pub mod routes;

use http::StatusCode;

use self::draws::DrawCache;
use super::queue::room_view::{DrawView, RoomView};
use super::{lookup, queue};
use crate::catalog::Event;
use crate::edge::{Answer, Outcome, Problem, Request};
use crate::facts::fault::Fault;
use crate::facts::room::RoomCounts;
use crate::web::room::Template;

/// What all answers about rooms are made with.
pub struct RoomPages {
    pub template: Template,
    pub draws: DrawCache,
}

/// `GET /v1/events/{event}/room`
pub async fn show(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let state = &request.state;
    let counts = known(&request, &event).await?;
    let drawing = match &counts {
        Some(counts) => state.room.draws.of(&state.ledger, &event, counts).await?,
        None => None,
    };
    let draw = drawing.map(|drawing| DrawView::new(&drawing, state.clock.now_ms()));
    let view = RoomView { draw, ..RoomView::new(&event, counts.as_ref()) };
    Ok(Answer::json(StatusCode::OK, &view).header(http::header::CACHE_CONTROL, "public, max-age=1"))
}

/// The counts without the draw.
pub async fn counts(request: &Request, event: &Event) -> Result<RoomView, Problem> {
    Ok(RoomView::new(event, known(request, event).await?.as_ref()))
}

/// `None` while the lane is being rebuilt.
async fn known(request: &Request, event: &Event) -> Result<Option<RoomCounts>, Problem> {
    match request.state.admission.counts(&event.room()).await {
        Ok(Some(counts)) => Ok(Some(counts)),
        Ok(None) => Err(queue::not_told()),
        Err(Fault::Recovering(_)) => Ok(None),
        Err(fault @ (Fault::Unavailable { .. } | Fault::Contract { .. })) => Err(fault.into()),
    }
}
