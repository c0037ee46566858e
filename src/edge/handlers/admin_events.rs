//! Events and their rooms, for organizers.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::lookup;
use crate::catalog::{Event, EventSpec, PutEventOutcome, RoomPatch};
use crate::edge::asks::Faults;
use crate::edge::{Answer, Code, Outcome, Problem, Request};

/// An event as it was put, with what the gateway knows of it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminEvent)]
pub struct AdminEventView<'a> {
    pub id: &'a str,
    /// Grows with every change.
    pub version: i64,
    pub lane: u16,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub spec: &'a EventSpec,
}

fn answer(status: StatusCode, event: &Event) -> Answer {
    let view = AdminEventView { id: event.id.as_str(), version: event.version, lane: event.lane.0, spec: &event.spec };
    Answer::json(status, &view).no_store()
}

/// `PUT /v1/admin/events/{event}`
pub async fn put(request: Request) -> Outcome {
    let id = request.event_id()?;
    let body = request.json::<EventSpec>()?;
    let outcome = request.state.catalog.put_event(&id, body.value).await?;
    changed(outcome)
}

/// `PATCH /v1/admin/events/{event}/room`
pub async fn patch_room(request: Request) -> Outcome {
    let id = request.event_id()?;
    let body = request.json::<RoomPatch>()?;
    let outcome = request.state.catalog.patch_room(&id, &body.value).await?;
    changed(outcome)
}

fn changed(outcome: PutEventOutcome) -> Outcome {
    match outcome {
        PutEventOutcome::Created(event) => {
            let path = format!("/v1/admin/events/{}", event.id);
            Ok(answer(StatusCode::CREATED, &event).location(&path))
        }
        PutEventOutcome::Changed(event) => Ok(answer(StatusCode::OK, &event)),
        PutEventOutcome::SeatsSold(seats) => Err(Problem::new(Code::SeatsSold).conflicts(seats)),
        PutEventOutcome::Invalid(faults) => Err(Faults::from(faults).problem()),
        PutEventOutcome::NotFound => Err(Code::EventNotFound.into()),
    }
}

/// `GET /v1/admin/events/{event}`
pub async fn get(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    Ok(answer(StatusCode::OK, &event))
}
