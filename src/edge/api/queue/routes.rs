//! The routes of `queue`.

use crate::edge::api::queue::challenge::ChallengeView;
use crate::edge::api::queue::place::PlaceView;
use crate::edge::api::queue::{door, stream};
use crate::edge::problem::Code::*;
use crate::edge::router::{Route, delete, get, post};

const QUEUE: &str = "/v1/events/{event}/queue";

pub(in crate::edge::api) const QUEUE_COOKIE: &str =
    "stanchion_queue_spring-hall=AbC3kQ1…; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax";

const PASS_COOKIE: &str = "stanchion_pass_spring-hall=eyJ0eXAiOiJ…; Path=/; Max-Age=600; HttpOnly; SameSite=Lax";

const NO_COOKIE: &str = "stanchion_queue_spring-hall=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";

const KEPT: &str = "The queue token. For a visitor inside, a second such header has the pass";

const FORGOTTEN: &str = "Deletes the cookies of this place";

pub fn routes() -> Vec<Route> {
    vec![
        post(QUEUE, "enter_queue", "Take a place in line, or come back with a token", super::enter)
            .about(
                "Without a queue token the visitor gets a new place: 201. With one, in header, cookie or body, the \
                 answer is the place that the visitor has: 200. A visitor whose place is `done` gets a new place. Keep \
                 the answer's `token`: it carries the place. Token and pass are set as cookies too. A closed or \
                 draining room takes no newcomer: `ROOM_CLOSED`. While many enter, a newcomer sends a `proof`; \
                 `PROOF_REQUIRED` and `PROOF_INVALID` carry the challenge to solve. A room for signed-in users needs \
                 the user's bearer. A token in a cookie is believed only from our own pages: `BAD_ORIGIN`.\n\n\
                 A repeat with the token takes no second place, nor does one with the same proof, or by the same user \
                 in a room for signed-in users. Any other repeat does.",
            )
            .queue_token()
            .body_or_none::<super::EnterBody>()
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
                 without a proof. In a room for signed-in users the challenge is one user's and needs the bearer.",
            )
            .answers::<ChallengeView>(200, "The challenge; `bits` 0: enter without a proof")
            .errors(&[EventNotFound, Unauthenticated]),
        get(QUEUE, "poll_queue", "Where this visitor stands", super::poll)
            .glance(super::glance)
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
        delete(QUEUE, "leave_queue", "Leave for good", super::leave)
            .about(
                "Gives up the place, waiting or inside. Cookies that keep this token are deleted. A token in a cookie \
                 is believed only from our own pages: `BAD_ORIGIN`.\n\n\
                 A repeat is safe: a place that is already gone is answered 204 too.",
            )
            .queue_token()
            .answers_bare(204, "Left")
            .may_carry("Set-Cookie", FORGOTTEN, NO_COOKIE)
            .errors(&[EventNotFound, QueueTokenInvalid, BadOrigin, Recovering]),
        post(
            "/v1/events/{event}/queue/leave",
            "leave_queue_by_beacon",
            "Leave, for sendBeacon",
            super::leave_by_beacon,
        )
        .about(
            "Does the same as `DELETE` of the place, for `navigator.sendBeacon`. The body is read as JSON whatever its \
             content type, and may be left out when a header or cookie has the token.\n\n\
             A repeat is safe: a place that is already gone is answered 204 too.",
        )
        .queue_token()
        .beacon::<super::LeaveBody>()
        .answers_bare(204, "Left")
        .may_carry("Set-Cookie", FORGOTTEN, NO_COOKIE)
        .errors(&[EventNotFound, QueueTokenInvalid, BadOrigin, Recovering]),
        get("/v1/events/{event}/queue/stream", "stream_queue", "The place as server-sent events", stream::open)
            .about(
                "Sends the object that polling answers, at once and then when it changes, each as one `data:` line. \
                 Comment lines keep a quiet stream open. The stream ends when the place is `done` or `closed`, and \
                 when the gateway stops: then connect again, or poll. The number of open streams is limited: one more \
                 is `OVERLOADED`.",
            )
            .queue_token()
            .answers_text("The stream", "text/event-stream", "retry: 3000\ndata: {\"event\":\"spring-hall\", …}\n\n")
            .errors(&[EventNotFound, QueueTokenInvalid]),
    ]
}
