//! Rows of the table: the waiting room, its page, its passes.

use super::{delete, get, post};
use crate::edge::handlers::{door, draw, passes, queue, room, room_page, stream};
use crate::edge::place::{PlaceView, RoomView};
use crate::edge::problem::Code::*;
use crate::edge::router::Route;
use crate::edge::views::challenge::ChallengeView;

const QUEUE: &str = "/v1/events/{event}/queue";

const QUEUE_COOKIE: &str = "stanchion_queue_spring-hall=AbC3kQ1…; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax";
const PASS_COOKIE: &str = "stanchion_pass_spring-hall=eyJ0eXAiOiJ…; Path=/; Max-Age=600; HttpOnly; SameSite=Lax";
const NO_COOKIE: &str = "stanchion_queue_spring-hall=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";
const KEPT: &str = "The queue token; of a visitor inside, in another such header, the pass";
const FORGOTTEN: &str = "Deletes the cookies of this place";

pub(super) fn line() -> Vec<Route> {
    vec![
        post(QUEUE, "enter_queue", "Take a place in line, or come back with a token", queue::enter)
            .about(
                "Without a queue token it takes a place: 201. With one, in header, cookie or body, it answers the \
                 place the visitor has: 200; but of one that is `done` the visitor gets a new place. Keep the \
                 answer's `token`: it is the place. Token and pass are set as cookies too. A closed or draining room \
                 takes no newcomer: `ROOM_CLOSED`. While many enter, a newcomer sends a `proof`; `PROOF_REQUIRED` and \
                 `PROOF_INVALID` carry the challenge to solve. A room for signed-in users needs the user's bearer. A \
                 token in a cookie is believed only from our own pages: `BAD_ORIGIN`.\n\n\
                 A repeat with the token takes no second place, nor does one with the same proof, or by the same user \
                 in a room for signed-in users. Any other repeat does.",
            )
            .queue_token()
            .body_or_none::<queue::EnterBody>()
            .answers::<PlaceView>(201, "A new place")
            .carries("Set-Cookie", KEPT, QUEUE_COOKIE)
            .answers::<PlaceView>(200, "The place this visitor has")
            .carries("Set-Cookie", KEPT, QUEUE_COOKIE)
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
            .about(
                "A newcomer finds a text `nonce` with which the SHA-256 of `challenge`, a full stop and `nonce` begins \
                 with `bits` zero bits, and sends both as `proof` when it enters. While `required` is false it enters \
                 without. In a room for signed-in users the challenge is one user's and needs the bearer.",
            )
            .answers::<ChallengeView>(200, "The challenge; `bits` 0: enter without")
            .errors(&[EventNotFound, Unauthenticated]),
        get(QUEUE, "poll_queue", "Where this visitor stands", queue::poll)
            .glance(queue::glance)
            .about(
                "Ask again after `poll_after_ms`: a visitor who does not ask for too long is taken for absent. While \
                 `state` is `admitted` the answer carries the pass, and sets its cookie. A token that is missing, \
                 forged or of another event is `QUEUE_TOKEN_INVALID`. While the room is being rebuilt, `room` is \
                 `recovering` and the place stays what it was.",
            )
            .queue_token()
            .pass()
            .answers::<PlaceView>(200, "The place")
            .may_carry("Set-Cookie", "The pass of a visitor inside, and a token newer than the one sent", PASS_COOKIE)
            .errors(&[EventNotFound, QueueTokenInvalid]),
        delete(QUEUE, "leave_queue", "Leave for good", queue::leave)
            .about(
                "Gives up the place, waiting or inside. Cookies that keep this token are deleted. A token in a cookie \
                 is believed only from our own pages: `BAD_ORIGIN`.\n\nA repeat is safe: gone is gone, 204.",
            )
            .queue_token()
            .answers_bare(204, "Left")
            .may_carry("Set-Cookie", FORGOTTEN, NO_COOKIE)
            .errors(&[EventNotFound, QueueTokenInvalid, BadOrigin, Recovering]),
        post(
            "/v1/events/{event}/queue/leave",
            "leave_queue_by_beacon",
            "Leave, for sendBeacon",
            queue::leave_by_beacon,
        )
        .about(
            "As `DELETE` of the place, for `navigator.sendBeacon`: the body is read as JSON whatever its content \
             type, and may be left out where header or cookie have the token.\n\n\
             A repeat is safe: gone is gone, 204.",
        )
        .queue_token()
        .beacon::<queue::LeaveBody>()
        .answers_bare(204, "Left")
        .may_carry("Set-Cookie", FORGOTTEN, NO_COOKIE)
        .errors(&[EventNotFound, QueueTokenInvalid, BadOrigin, Recovering]),
        get("/v1/events/{event}/queue/stream", "stream_queue", "The place as server-sent events", stream::open)
            .about(
                "The object that polling answers, at once and then when it changes, each as one `data:` line. Comment \
                 lines keep a quiet stream open. It ends when the place is `done` or `closed` and when the gateway \
                 stops: connect again, or poll. So many streams may be open at once as are configured; one more is \
                 `OVERLOADED`.",
            )
            .queue_token()
            .answers_text("The stream", "text/event-stream", "retry: 3000\ndata: {\"event\":\"spring-hall\", …}\n\n")
            .errors(&[EventNotFound, QueueTokenInvalid]),
        get("/v1/events/{event}/room", "show_room", "Public counts of a room", room::show)
            .about(
                "How many wait and are inside, and how many may come. It may be cached for a second. While the room is \
                 being rebuilt, `room` is `recovering` and the counts are null. In a room with a draw, `draw` has the \
                 commitment, and after the opening the digest of the list and the seed.",
            )
            .answers::<RoomView>(200, "The counts")
            .errors(&[EventNotFound]),
        get("/v1/events/{event}/room/draw", "show_draw", "The draw after its opening, for anyone to check", draw::list)
            .about(
                "All it takes to draw again: the seed, the commitment that was told before, and everybody who took \
                 part. `stanchion verify-draw` reads it. Before the opening it is `DRAW_NOT_OPEN`; a room without a \
                 draw is `NOT_FOUND`. It may be cached for a minute.",
            )
            .answers::<draw::DrawListView>(200, "The seed, and who took part")
            .errors(&[EventNotFound, NotFound, DrawNotOpen, Recovering]),
    ]
}

/// Of the page and its forms: where to go on to.
const RETURN: &str = "Path of this site to which the page leads on; anything else is not looked at";

pub(super) fn page() -> Vec<Route> {
    vec![
        get("/room/{event}", "room_page", "The waiting room, for browsers", room_page::show)
            .about(
                "The page of a visitor, in the language the browser asks for. It shows the place of the queue token, \
                 or the door; it takes no place. What goes wrong is said on the page, with 503.",
            )
            .queue_token()
            .pass()
            .query("return", RETURN, "/shop/seats")
            .query("left", "Said by a redirect: the visitor has left", "")
            .query("busy", "Said by a redirect: there was no time for the request", "")
            .query("again", "Said by a redirect: there was no such place", "")
            .query("gone", "Said by the page: this browser has lost its place", "")
            .query("cookies", "Said by a redirect: the browser keeps no cookies", "")
            .query("stay", "Said by a link: who was let in is not sent on by itself", "")
            .query("script", "Said by a redirect: a proof of work is wanted, which takes a script", "")
            .answers_text("The page", "text/html", "<!doctype html>…")
            .may_carry("Set-Cookie", "The cookies of the place, and one that shows that cookies are kept", QUEUE_COOKIE)
            .errors(&[EventNotFound]),
        post("/room/{event}", "room_page_enter", "The page's form: take a place", room_page::enter)
            .about(
                "What the page sends where no script runs. It redirects to the page, with the cookies of the place; \
                 what went wrong is said there. Only our own pages may send it: `BAD_ORIGIN`. The body is not looked \
                 at.\n\nA repeat keeps the place.",
            )
            .queue_token()
            .query("return", RETURN, "/shop/seats")
            .answers_bare(303, "Back to the page")
            .carries("Location", "The page", "/room/spring-hall")
            .may_carry("Set-Cookie", "The cookies of the place, kept or deleted", QUEUE_COOKIE)
            .errors(&[EventNotFound, BadOrigin]),
        post("/room/{event}/leave", "room_page_leave", "The page's form: leave for good", room_page::leave)
            .about(
                "What the page sends where no script runs. It redirects to the page, and the cookies are deleted; what \
                 went wrong is said there. Only our own pages may send it: `BAD_ORIGIN`. The body is not looked \
                 at.\n\nA repeat is safe: gone is gone.",
            )
            .queue_token()
            .query("return", RETURN, "/shop/seats")
            .answers_bare(303, "Back to the page")
            .carries("Location", "The page", "/room/spring-hall")
            .may_carry("Set-Cookie", "The cookies of the place, kept or deleted", QUEUE_COOKIE)
            .errors(&[EventNotFound, BadOrigin]),
    ]
}

pub(super) fn passes() -> Vec<Route> {
    vec![
        get("/v1/pass/verify", "verify_pass", "Whether a pass is good and its visitor inside", passes::verify)
            .relayed()
            .about(
                "For servers that ask about each request, as nginx does with `auth_request`. Of a good pass whose \
                 visitor is inside, the answer's header `Stanchion-Visitor` names the visitor. Anything else, an event \
                 that is not there too, is `PASS_REQUIRED`; without `event` it is `VALIDATION`.",
            )
            .query("event", "Slug of the event", "spring-hall")
            .required()
            .pass()
            .answers_bare(204, "It is; the visitor is in Stanchion-Visitor")
            .carries("Stanchion-Visitor", "The visitor's id", "AbC3kQ1dE5fG7hJ9")
            .errors(&[Validation, PassUnverified, Recovering]),
        get("/.well-known/jwks.json", "pass_keys", "The keys that verify passes", passes::jwks)
            .about(
                "A JWK Set of Ed25519 keys: a pass is a JWT signed with one of them (EdDSA). It may be cached for a \
                 minute, after which a new key may have begun to sign.",
            )
            .answers::<passes::KeysSchema>(200, "A JWK Set"),
    ]
}
