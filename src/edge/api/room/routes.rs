//! The routes of `room`.

use crate::edge::api::queue::room_view::RoomView;
use crate::edge::api::queue::routes::QUEUE_COOKIE;
use crate::edge::api::room::{draw, page};
use crate::edge::problem::Code::*;
use crate::edge::router::{Route, get, post};

/// What `return` is, for the page and its forms.
const RETURN: &str = "A path of this site to which the page leads the visitor on. Any other value is ignored";

pub fn routes() -> Vec<Route> {
    vec![
        get("/v1/events/{event}/room", "show_room", "Public counts of a room", super::show)
            .about(
                "How many wait and are inside, and how many may come. It may be cached for a second. While the room is \
                 being rebuilt, `room` is `recovering` and the counts are null. In a room with a draw, `draw` has the \
                 commitment, and after the opening the digest of the list and the seed.",
            )
            .answers::<RoomView>(200, "The counts")
            .errors(&[EventNotFound]),
        get("/v1/events/{event}/room/draw", "show_draw", "The draw after its opening, for anyone to check", draw::list)
            .about(
                "All that is needed to compute the draw again: the seed, the commitment that was published before, and \
                 everybody who took part. `stanchion verify-draw` reads it. Before the opening the answer is \
                 `DRAW_NOT_OPEN`, and in a room without a draw `NOT_FOUND`. It may be cached for a minute.",
            )
            .answers::<draw::DrawListView>(200, "The seed, and who took part")
            .errors(&[EventNotFound, NotFound, DrawNotOpen, Recovering]),
        get("/room/{event}", "room_page", "The waiting room, for browsers", page::show)
            .about(
                "The page of a visitor, in the language the browser asks for. It shows the place of the queue token, \
                 or the door. It takes no place. A fault is shown on the page, with 503.",
            )
            .queue_token()
            .pass()
            .query("return", RETURN, "/shop/seats")
            .query("left", "Said by a redirect: the visitor has left", "")
            .query("busy", "Said by a redirect: the gateway could not take the request just then", "")
            .query("again", "Said by a redirect or the page: the request was refused", "")
            .query("gone", "Said by the page: this browser has lost its place", "")
            .query("cookies", "Said by a redirect: the browser keeps no cookies", "")
            .query("stay", "Said by a link: the page does not send an admitted visitor on by itself", "")
            .query("script", "Said by a redirect: entering needs a proof of work, which only a script can make", "")
            .answers_text("The page", "text/html", "<!doctype html>…")
            .may_carry("Set-Cookie", "The cookies of the place, and one that shows that cookies are kept", QUEUE_COOKIE)
            .errors(&[EventNotFound]),
        post("/room/{event}", "room_page_enter", "The page's form: take a place", page::enter)
            .about(
                "What the page sends where no script runs. It redirects to the page, with the cookies of the place. \
                 The page shows what went wrong. Only our own pages may send it: `BAD_ORIGIN`. The body is \
                 ignored.\n\nA repeat keeps the place.",
            )
            .queue_token()
            .query("return", RETURN, "/shop/seats")
            .answers_bare(303, "Back to the page")
            .carries("Location", "The page", "/room/spring-hall")
            .may_carry("Set-Cookie", "The cookies of the place, kept or deleted", QUEUE_COOKIE)
            .errors(&[EventNotFound, BadOrigin]),
        post("/room/{event}/leave", "room_page_leave", "The page's form: leave for good", page::leave)
            .about(
                "What the page sends where no script runs. It redirects to the page and deletes the cookies. The page \
                 shows what went wrong. Only our own pages may send it: `BAD_ORIGIN`. The body is ignored.\n\n\
                 A repeat is safe: the place is already gone.",
            )
            .queue_token()
            .query("return", RETURN, "/shop/seats")
            .answers_bare(303, "Back to the page")
            .carries("Location", "The page", "/room/spring-hall")
            .may_carry("Set-Cookie", "The cookies of the place, kept or deleted", QUEUE_COOKIE)
            .errors(&[EventNotFound, BadOrigin]),
    ]
}
