//! The one table of routes: router and OpenAPI document are both made from it.

mod admin;
mod purchase;

use http::Method;

use super::handlers::{door, draw, ops, pages, passes, queue, room, room_page, stream};
use super::place::{PlaceView, RoomView};
use super::problem::Code::*;
use super::router::Route;
use super::views::challenge::ChallengeView;

/// Every route of every listener.
pub fn table() -> Vec<Route> {
    let parts = [
        waiting_room(),
        purchase::catalogue(),
        purchase::purchase(),
        purchase::own(),
        admin::organizers(),
        admin::office(),
        operations(),
    ];
    parts.into_iter().flatten().collect()
}

fn get<F, Fut>(pattern: &'static str, operation: &'static str, summary: &'static str, handler: F) -> Route
where
    F: Fn(super::Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = super::Outcome> + Send + 'static,
{
    Route::new(Method::GET, pattern, operation, summary, handler)
}

fn post<F, Fut>(pattern: &'static str, operation: &'static str, summary: &'static str, handler: F) -> Route
where
    F: Fn(super::Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = super::Outcome> + Send + 'static,
{
    Route::new(Method::POST, pattern, operation, summary, handler)
}

fn delete<F, Fut>(pattern: &'static str, operation: &'static str, summary: &'static str, handler: F) -> Route
where
    F: Fn(super::Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = super::Outcome> + Send + 'static,
{
    Route::new(Method::DELETE, pattern, operation, summary, handler)
}

fn waiting_room() -> Vec<Route> {
    const QUEUE: &str = "/v1/events/{event}/queue";
    vec![
        post(QUEUE, "enter_queue", "Take a place in line, or come back with a token", queue::enter)
            .body::<queue::EnterBody>()
            .answers::<PlaceView>(201, "A new place")
            .answers::<PlaceView>(200, "The place this visitor has")
            .errors(&[
                EventNotFound,
                QueueTokenInvalid,
                Unauthenticated,
                RoomClosed,
                BadOrigin,
                ProofRequired,
                ProofInvalid,
                Recovering,
            ]),
        get("/v1/events/{event}/queue/challenge", "ask_challenge", "What a newcomer has to solve", door::challenge)
            .answers::<ChallengeView>(200, "The challenge; `bits` 0: enter without")
            .errors(&[EventNotFound, Unauthenticated]),
        get(QUEUE, "poll_queue", "Where this visitor stands", queue::poll)
            .glance(queue::glance)
            .answers::<PlaceView>(200, "The place")
            .errors(&[EventNotFound, QueueTokenInvalid]),
        delete(QUEUE, "leave_queue", "Leave for good", queue::leave).answers_bare(204, "Left").errors(&[
            EventNotFound,
            QueueTokenInvalid,
            BadOrigin,
            Recovering,
        ]),
        post(
            "/v1/events/{event}/queue/leave",
            "leave_queue_by_beacon",
            "Leave, for sendBeacon",
            queue::leave_by_beacon,
        )
        .body::<queue::LeaveBody>()
        .answers_bare(204, "Left")
        .errors(&[EventNotFound, QueueTokenInvalid, BadOrigin, Recovering]),
        get("/v1/events/{event}/queue/stream", "stream_queue", "The place as server-sent events", stream::open)
            .answers_bare(200, "text/event-stream of places")
            .errors(&[EventNotFound, QueueTokenInvalid]),
        get("/v1/events/{event}/room", "show_room", "Public counts of a room", room::show)
            .answers::<RoomView>(200, "The counts")
            .errors(&[EventNotFound]),
        get("/v1/events/{event}/room/draw", "show_draw", "The draw after its opening, for anyone to check", draw::list)
            .answers::<draw::DrawListView>(200, "The seed, and who took part")
            .errors(&[EventNotFound, NotFound, DrawNotOpen, Recovering]),
        get("/room/{event}", "room_page", "The waiting room, for browsers", room_page::show)
            .query("left", "Said by a redirect: the visitor has left")
            .query("busy", "Said by a redirect: there was no time for the request")
            .query("again", "Said by a redirect: there was no such place")
            .query("gone", "Said by the page: this browser has lost its place")
            .query("cookies", "Said by a redirect: the browser keeps no cookies")
            .query("stay", "Said by a link: who was let in is not sent on by itself")
            .query("script", "Said by a redirect: a proof of work is wanted, which takes a script")
            .answers_bare(200, "HTML")
            .errors(&[EventNotFound]),
        post("/room/{event}", "room_page_enter", "The page's form: take a place", room_page::enter)
            .answers_bare(303, "Back to the page")
            .errors(&[EventNotFound, BadOrigin]),
        post("/room/{event}/leave", "room_page_leave", "The page's form: leave for good", room_page::leave)
            .answers_bare(303, "Back to the page")
            .errors(&[EventNotFound, BadOrigin]),
        get("/v1/pass/verify", "verify_pass", "Whether a pass is good and its visitor inside", passes::verify)
            .relayed()
            .query("event", "Slug of the event")
            .answers_bare(204, "It is; the visitor is in Stanchion-Visitor")
            .errors(&[PassUnverified, Recovering]),
        get("/.well-known/jwks.json", "pass_keys", "The keys that verify passes", passes::jwks)
            .answers_bare(200, "A JWKS"),
    ]
}

fn operations() -> Vec<Route> {
    vec![
        get("/", "index", "The front door, for browsers", pages::index).answers_bare(200, "HTML"),
        get("/openapi.json", "openapi", "This document", ops::openapi).answers_bare(200, "OpenAPI 3.1"),
        get("/livez", "livez", "The process runs", ops::livez).ops().answers_bare(200, "It does"),
        get("/readyz", "readyz", "Traffic may come", ops::readyz)
            .ops()
            .answers::<ops::ReadyView>(200, "It may")
            .answers::<ops::ReadyView>(503, "Not now"),
        get("/metrics", "metrics", "Prometheus metrics", ops::metrics).ops().answers_bare(200, "Prometheus text"),
    ]
}
