//! Events and their rooms, for organizers.

pub mod body;
pub mod cancellation;
pub mod routes;
pub mod view;

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value};

use self::view::AdminEventView;
use crate::catalog::{Edited, Event, PutEventOutcome, RoomPatch};
use crate::edge::api::field_faults::FieldFaults;
use crate::edge::api::lookup;
use crate::edge::http::body as http_body;
use crate::edge::{Answer, Code, Outcome, Problem, Request};

fn answer(status: StatusCode, event: &Event) -> Answer {
    Answer::json(status, &AdminEventView::new(event)).no_store().header(http::header::ETAG, &etag(event))
}

/// The fields that `GET` adds to what was put. A `PUT` may contain them; they change nothing.
const TOLD: [&str; 3] = ["id", "version", "lane"];

/// `PUT /v1/admin/events/{event}`: fields that the body does not name stay as they are, or have their defaults in a new
/// event.
pub async fn put(request: Request) -> Outcome {
    let id = request.event_id()?;
    let mut named = request.json::<Map<String, Value>>()?.value;
    if named.get("id").is_some_and(|given| given != id.as_str()) {
        return Err(Problem::field("/id", "not the event of the path"));
    }
    for told in TOLD {
        named.remove(told);
    }
    let condition = IfMatch::of(&request);
    let edit = |before: Option<&Event>| {
        if !condition.allows(before) {
            return Edited::Stale;
        }
        match http_body::fit(laid_over(before, &named)) {
            Ok(spec) => Edited::Spec(Box::new(spec)),
            Err(problem) => Edited::Invalid(problem.errors.into_iter().map(|e| (e.pointer, e.detail)).collect()),
        }
    };
    changed(request.state.catalog.edit_event(&id, edit).await?)
}

/// The present spec with the named fields replaced. The fields of the room are replaced one by one.
fn laid_over(before: Option<&Event>, named: &Map<String, Value>) -> Value {
    let before = before.map(|event| serde_json::to_value(&event.spec).expect("a spec is plain data"));
    let mut whole = match before {
        Some(Value::Object(whole)) => whole,
        Some(_) | None => Map::new(),
    };
    for (name, value) in named {
        match (name.as_str(), whole.get_mut(name), value) {
            ("room", Some(Value::Object(room)), Value::Object(fields)) => room.extend(fields.clone()),
            _ => {
                whole.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(whole)
}

/// `PATCH /v1/admin/events/{event}/room`
pub async fn patch_room(request: Request) -> Outcome {
    let id = request.event_id()?;
    let body = request.json::<RoomPatch>()?;
    let condition = IfMatch::of(&request);
    let may = |event: &Event| condition.allows(Some(event));
    changed(request.state.catalog.patch_room(&id, &body.value, may).await?)
}

/// `If-Match` (RFC 9110 §13.1.1): the version that an editor saw, so that two editors do not overwrite each other.
struct IfMatch<'r>(Option<&'r str>);

impl<'r> IfMatch<'r> {
    fn of(request: &'r Request) -> Self {
        let given = request.headers.get(http::header::IF_MATCH);
        // An unreadable value counts as present, and matches no version.
        Self(given.map(|value| value.to_str().unwrap_or("")))
    }

    fn allows(&self, event: Option<&Event>) -> bool {
        match (self.0, event) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(tags), Some(event)) => tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == etag(event)),
        }
    }
}

fn etag(event: &Event) -> String {
    format!("\"{}\"", event.version)
}

fn changed(outcome: PutEventOutcome) -> Outcome {
    let is_new = matches!(outcome, PutEventOutcome::Created(_));
    let event = done(outcome)?;
    if is_new {
        let path = format!("/v1/admin/events/{}", event.id);
        return Ok(answer(StatusCode::CREATED, &event).location(&path));
    }
    Ok(answer(StatusCode::OK, &event))
}

/// The event after a change, or why it was not changed.
fn done(outcome: PutEventOutcome) -> Result<Arc<Event>, Problem> {
    match outcome {
        PutEventOutcome::Created(event) | PutEventOutcome::Changed(event) => Ok(event),
        PutEventOutcome::SeatsSold(seats) => Err(Problem::new(Code::SeatsSold).conflicts(seats)),
        PutEventOutcome::Invalid(faults) => Err(FieldFaults::from(faults).problem()),
        PutEventOutcome::Cancelled => Err(Code::EventCancelled.into()),
        PutEventOutcome::NotFound => Err(Code::EventNotFound.into()),
        PutEventOutcome::Stale => Err(Code::PreconditionFailed.into()),
    }
}

/// `GET /v1/admin/events/{event}`
pub async fn get(request: Request) -> Outcome {
    let event = lookup::any_event(&request)?;
    Ok(answer(StatusCode::OK, &event))
}
