//! A visitor's place in line: enter, poll, leave.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{door, lookup};
use crate::admission::tokens::Claim;
use crate::admission::{Along, Entered, Newcomer, Place, Polled, Room, Standing, Why};
use crate::catalog::{Event, Identity};
use crate::edge::credential::{self, Carried, Jar, Kind};
use crate::edge::place::PlaceView;
use crate::edge::router::Glance;
use crate::edge::{Answer, Code, Outcome, Problem, Request, body, room_of};
use crate::lane::Token;

/// A token kept by the page itself, where neither header nor cookie serves.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = EnterRequest)]
pub struct EnterBody {
    #[schema(example = json!(null))]
    pub token: Option<String>,
    /// Wanted while many enter; see `PROOF_REQUIRED`.
    pub proof: Option<ProofBody>,
}

/// What solves a challenge.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Proof)]
pub struct ProofBody {
    #[schema(example = "c1.Zk3v9w")]
    pub challenge: String,
    /// Any text.
    #[schema(example = "104729")]
    pub nonce: String,
}

/// As [`EnterBody`], for who leaves.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = LeaveRequest)]
pub struct LeaveBody {
    #[schema(example = "AbC3kQ1…")]
    pub token: Option<String>,
}

/// `POST /v1/events/{event}/queue`
pub async fn enter(mut request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let body = request.json_or_empty::<EnterBody>()?.value;
    let known = request.place.take();
    let user = match event.spec.room.identity {
        Identity::Browser => None,
        Identity::User => Some(request.user()?),
    };
    let room = room_of(&event);
    if let Some((text, carried)) = carried(&request, &event, body.token.as_deref()) {
        request.believe(carried)?;
        let known = known.filter(|_| carried != Carried::Body);
        let Some(token) = placed_by(&request, &room, known, text) else {
            return Ok(forged(&request, &event, carried));
        };
        // Someone else's place in a shared browser is not this user's.
        let tokens = request.state.admission.tokens();
        let own = user.is_none_or(|user| tokens.is_visitor_of(&event.id, user, &token.visitor));
        if own {
            let standing = place(&request, &room, token, Some(text), Why::Enters).await?;
            // Through, or of another round: whoever asks to enter gets a new place.
            if !matches!(standing.place, Place::Done { .. }) {
                return Ok(placed(&request, &event, StatusCode::OK, standing));
            }
        }
    }
    request.state.origins.must_not_be_foreign(&request.headers)?;
    let proven = door::pass(&request, &event, user, body.proof.as_ref())?;
    let who = match (user, &proven) {
        (Some(user), _) => Newcomer::User(user),
        (None, Some(visitor)) => Newcomer::Proven(visitor),
        (None, None) => Newcomer::Browser,
    };
    match request.state.admission.enter(&room, who).await? {
        Entered::New(standing) => {
            request.state.proofs.entered(request.state.clock.now_ms(), &event.id);
            Ok(placed(&request, &event, StatusCode::CREATED, standing))
        }
        Entered::Known(standing) => Ok(placed(&request, &event, StatusCode::OK, standing)),
        Entered::Closed => Err(Code::RoomClosed.into()),
        Entered::Behind => Err(Problem::new(Code::Overloaded).detail("too many enter at once").retry_after(2)),
        Entered::Full => Err(Problem::new(Code::Overloaded).detail("the line is full").retry_after(30)),
        Entered::NoEvent => Err(not_told()),
    }
}

/// As [`poll`], while the board tells and the token stays as it came: without one Redis command, and with
/// nothing for a cookie.
pub fn glance(seen: &Glance<'_>) -> Option<Answer> {
    let Glance { state, headers, place } = *seen;
    let event = place.event.as_str();
    let (text, _) = state.queue_token(headers, event)?;
    let is_current = |event: &Arc<Event>| state.admission.tokens().is_current(text, event.birth);
    let event = state.catalog.event(event).filter(is_current)?;
    let room = room_of(&event);
    let token = state.admission.token_of(&room, place.clone())?;
    let now_ms = state.clock.now_ms();
    let standing = state.admission.glance(now_ms, &room, &token, text)?;
    let view = PlaceView::new(&event, standing, now_ms);
    Some(Answer::json(StatusCode::OK, &view).no_store())
}

/// `GET /v1/events/{event}/queue`
pub async fn poll(mut request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let known = request.place.take();
    let Some((text, carried)) = carried(&request, &event, None) else { return Err(Code::QueueTokenInvalid.into()) };
    let room = room_of(&event);
    let Some(token) = placed_by(&request, &room, known, text) else { return Ok(forged(&request, &event, carried)) };
    let standing = poll_place(&request, &room, token, Some(text)).await?;
    Ok(placed(&request, &event, StatusCode::OK, standing))
}

/// `DELETE /v1/events/{event}/queue`
pub async fn leave(request: Request) -> Outcome {
    leave_with(&request, None).await
}

/// `POST /v1/events/{event}/queue/leave`, for `sendBeacon`: whatever content type a beacon has, its body
/// is nothing or `{"token"}`.
pub async fn leave_by_beacon(request: Request) -> Outcome {
    let body =
        if request.body.is_empty() { LeaveBody::default() } else { body::parse::<LeaveBody>(&request.body)?.value };
    leave_with(&request, body.token.as_deref()).await
}

async fn leave_with(request: &Request, in_body: Option<&str>) -> Outcome {
    let event = lookup::event(request)?;
    let (text, carried) = carried(request, &event, in_body).ok_or(Code::QueueTokenInvalid)?;
    request.believe(carried)?;
    let Some(token) = verified(request, &event, text) else { return Ok(forged(request, &event, carried)) };
    // Gone already is gone.
    request.state.admission.leave(&room_of(&event), token).await?;
    let answer = Answer::no_content().no_store();
    // A token in the body may be anyone's: the place that this browser keeps is not given up with it.
    let kept = credential::is_in_cookie(&request.headers, Kind::Queue, event.id.as_str(), text);
    Ok(if kept { forget(request, &event, answer) } else { answer })
}

/// The queue token of the request: what was given on purpose before what the browser adds by itself.
fn carried<'a>(request: &'a Request, event: &Event, in_body: Option<&'a str>) -> Option<(&'a str, Carried)> {
    let found = request.state.queue_token(&request.headers, event.id.as_str());
    match (found, in_body) {
        (Some((text, Carried::Header)), _) => Some((text, Carried::Header)),
        (_, Some(text)) => Some((text, Carried::Body)),
        (found, None) => found,
    }
}

/// The place of a token: as it was read already, or from its text.
fn placed_by(request: &Request, room: &Room, known: Option<Claim>, text: &str) -> Option<Token> {
    let admission = &request.state.admission;
    match known {
        Some(claim) => admission.token_of(room, claim),
        None => admission.read_token(room, text),
    }
}

/// The token in `text`, if it is ours and of this event.
fn verified(request: &Request, event: &Event, text: &str) -> Option<Token> {
    request.state.admission.read_token(&room_of(event), text)
}

/// Where the holder of a token stands now; `text` is how it came, if that is to go back.
pub async fn poll_place<'a>(
    request: &'a Request,
    room: &Room,
    token: Token,
    text: Option<&'a str>,
) -> Result<Standing<'a>, Problem> {
    place(request, room, token, text, Why::Polls).await
}

async fn place<'a>(
    request: &'a Request,
    room: &Room,
    token: Token,
    text: Option<&'a str>,
    why: Why,
) -> Result<Standing<'a>, Problem> {
    let pass = request.state.pass(&request.headers, room.event.as_str()).map(|(text, _)| text);
    match request.state.admission.poll(room, token, Along { text, pass, why }).await? {
        Polled::Standing(standing) => Ok(standing),
        Polled::NoEvent => Err(not_told()),
        Polled::Full => Err(Problem::new(Code::Overloaded).detail("the line is behind").retry_after(2)),
    }
}

/// The token a request must have, for answers that go on for long.
pub fn token(request: &Request, event: &Event) -> Result<Token, Problem> {
    let found = carried(request, event, None).and_then(|(text, _)| verified(request, event, text));
    found.ok_or(Code::QueueTokenInvalid.into())
}

/// A place as it is answered, with its cookies; a poll by whoever has its token already is not given it again.
pub fn placed(request: &Request, event: &Event, status: StatusCode, standing: Standing<'_>) -> Answer {
    let view = PlaceView::new(event, standing, request.state.clock.now_ms());
    let answer = Answer::json(status, &view).no_store();
    let carried = request.state.queue_token(&request.headers, event.id.as_str());
    match request.method == Method::GET && carried.is_some_and(|(text, _)| text == view.token) {
        true => keep_pass(request, event, &view, answer),
        false => keep(request, event, &view, answer),
    }
}

/// With the cookies in which a browser keeps its place and its pass.
pub fn keep(request: &Request, event: &Event, view: &PlaceView<'_>, answer: Answer) -> Answer {
    let answer = answer.cookie(&jar(request).queue(event.id.as_str(), &view.token));
    keep_pass(request, event, view, answer)
}

fn keep_pass(request: &Request, event: &Event, view: &PlaceView<'_>, answer: Answer) -> Answer {
    match (&view.pass, view.expires_in_s) {
        (Some(pass), Some(expires_in_s)) => answer.cookie(&jar(request).pass(event.id.as_str(), pass, expires_in_s)),
        (None, _) | (_, None) => answer,
    }
}

/// `QUEUE_TOKEN_INVALID`, and a cookie that holds such a token is forgotten: no script can reach it, so
/// it would stand in its visitor's way for ever.
fn forged(request: &Request, event: &Event, carried: Carried) -> Answer {
    let answer = Answer::problem(&Code::QueueTokenInvalid.into(), &request.id);
    match carried {
        Carried::Cookie => forget(request, event, answer),
        Carried::Header | Carried::Body => answer,
    }
}

/// Makes the browser forget its place and its pass.
pub fn forget(request: &Request, event: &Event, answer: Answer) -> Answer {
    let jar = jar(request);
    let id = event.id.as_str();
    answer.cookie(&jar.drop(Kind::Queue, id)).cookie(&jar.drop(Kind::Pass, id))
}

pub fn jar(request: &Request) -> Jar {
    Jar { https: request.state.origins.https }
}

/// The catalogue has the event and its lane not yet: a moment's matter.
pub fn not_told() -> Problem {
    Problem::new(Code::Unavailable).detail("the event is just being created").retry_after(1)
}
