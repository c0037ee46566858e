//! A visitor's place in line: enter, poll, leave.

pub mod challenge;
pub mod door;
pub mod place;
pub mod room_view;
pub mod routes;
pub mod stream;

use std::sync::Arc;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::place::PlaceView;
use super::lookup;
use crate::admission::tokens::TokenClaim;
use crate::admission::{Along, Entered, Newcomer, Polled, Standing, VisitorPlace, Why};
use crate::catalog::{Event, Identity};
use crate::edge::credential::{Carried, CredentialKind, Jar};
use crate::edge::http::body;
use crate::edge::router::GlanceRequest;
use crate::edge::{Answer, Code, Outcome, Problem, Request, credential};
use crate::facts::place::Token;
use crate::facts::room::Room;

/// A newcomer's proof, and the token of a page that can send it neither in a header nor in a cookie.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = EnterRequest)]
pub struct EnterBody {
    #[schema(example = json!(null))]
    pub token: Option<String>,
    /// Required while many enter; see `PROOF_REQUIRED`.
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

/// The token as in [`EnterBody`], for a visitor who leaves.
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
    let room = event.room();
    if let Some((text, carried)) = carried(&request, &event, body.token.as_deref()) {
        request.believe(carried)?;
        let known = known.filter(|_| carried != Carried::Body);
        let Some(token) = placed_by(&request, &room, known, text) else {
            return Ok(forged(&request, &event, carried));
        };
        // In a shared browser the token may be someone else's. Then its place is not this user's.
        let tokens = request.state.admission.tokens();
        let own = user.is_none_or(|user| tokens.is_visitor_of(&event.id, user, &token.visitor));
        if own {
            let standing = place(&request, &room, token, Some(text), Why::Enters).await?;
            // The visitor is through, or the token is of another round: a visitor who asks to enter gets a new place.
            if !matches!(standing.place, VisitorPlace::Done { .. }) {
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
        Entered::New(standing) => Ok(placed(&request, &event, StatusCode::CREATED, standing)),
        Entered::Known(standing) => Ok(placed(&request, &event, StatusCode::OK, standing)),
        Entered::Closed => Err(Code::RoomClosed.into()),
        Entered::Behind => Err(Problem::new(Code::Overloaded).detail("too many enter at once").retry_after(2)),
        Entered::Full => Err(Problem::new(Code::Overloaded).detail("the line is full").retry_after(30)),
        Entered::NoEvent => Err(not_told()),
    }
}

/// Answers like [`poll`], if the board shows the place and the token stays as it came. It needs no Redis command and
/// sets no cookie.
pub fn glance(seen: &GlanceRequest<'_>) -> Option<Answer> {
    let GlanceRequest { state, headers, place } = *seen;
    let event = place.event.as_str();
    let (text, _) = state.queue_token(headers, event)?;
    let is_current = |event: &Arc<Event>| state.admission.tokens().is_current(text, event.birth);
    let event = state.catalog.event(event).filter(is_current)?;
    let room = event.room();
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
    let room = event.room();
    let Some(token) = placed_by(&request, &room, known, text) else { return Ok(forged(&request, &event, carried)) };
    let standing = poll_place(&request, &room, token, Some(text)).await?;
    Ok(placed(&request, &event, StatusCode::OK, standing))
}

/// `DELETE /v1/events/{event}/queue`
pub async fn leave(request: Request) -> Outcome {
    leave_with(&request, None).await
}

/// `POST /v1/events/{event}/queue/leave`, for `sendBeacon`: the body is empty or `{"token"}`, with any content type.
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
    // A place that was already gone is no fault.
    request.state.admission.leave(&event.room(), token).await?;
    let answer = Answer::no_content().no_store();
    // A token in the body may be anyone's. The browser's cookies are deleted only if they keep this token.
    let kept = credential::is_in_cookie(&request.headers, CredentialKind::Queue, event.id.as_str(), text);
    Ok(if kept { forget(request, &event, answer) } else { answer })
}

/// The queue token of the request. Header and body, which are sent on purpose, come before the cookie, which the
/// browser adds by itself.
fn carried<'a>(request: &'a Request, event: &Event, in_body: Option<&'a str>) -> Option<(&'a str, Carried)> {
    let found = request.state.queue_token(&request.headers, event.id.as_str());
    match (found, in_body) {
        (Some((text, Carried::Header)), _) => Some((text, Carried::Header)),
        (_, Some(text)) => Some((text, Carried::Body)),
        (found, None) => found,
    }
}

/// The place of a token: from the claim that was read before, else from the token's text.
fn placed_by(request: &Request, room: &Room, known: Option<TokenClaim>, text: &str) -> Option<Token> {
    let admission = &request.state.admission;
    match known {
        Some(claim) => admission.token_of(room, claim),
        None => admission.read_token(room, text),
    }
}

/// The token in `text`, if it is ours and of this event.
fn verified(request: &Request, event: &Event, text: &str) -> Option<Token> {
    request.state.admission.read_token(&event.room(), text)
}

/// Where the holder of a token stands now; `text` is the token as it came, if the answer may give it back unchanged.
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

/// The good token that a request carries in header or cookie, or `QUEUE_TOKEN_INVALID`.
pub fn token(request: &Request, event: &Event) -> Result<Token, Problem> {
    let found = carried(request, event, None).and_then(|(text, _)| verified(request, event, text));
    found.ok_or(Code::QueueTokenInvalid.into())
}

/// The answer that shows a place, with its cookies. A poll that came with the place's present token gets no new cookie
/// for it.
pub fn placed(request: &Request, event: &Event, status: StatusCode, standing: Standing<'_>) -> Answer {
    let view = PlaceView::new(event, standing, request.state.clock.now_ms());
    let answer = Answer::json(status, &view).no_store();
    let carried = request.state.queue_token(&request.headers, event.id.as_str());
    match request.method == Method::GET && carried.is_some_and(|(text, _)| text == view.token) {
        true => keep_pass(request, event, &view, answer),
        false => keep(request, event, &view, answer),
    }
}

/// Adds the cookies in which a browser keeps its place and its pass.
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

/// `QUEUE_TOKEN_INVALID`. If the token came in a cookie, the cookie is deleted: no script can reach it, so it would
/// stand in its visitor's way for ever.
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
    answer.cookie(&jar.drop(CredentialKind::Queue, id)).cookie(&jar.drop(CredentialKind::Pass, id))
}

pub fn jar(request: &Request) -> Jar {
    Jar { https: request.state.origins.https }
}

/// The problem for an event that the catalogue has, but its lane has not. The lane will be told of it in a moment.
pub fn not_told() -> Problem {
    Problem::new(Code::Unavailable).detail("the event is just being created").retry_after(1)
}
