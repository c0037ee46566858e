//! A visitor's place as server-sent events, for clients that prefer a stream to polling.
//!
//! One look a second at a room's line wakes all streams of the room, and each finds its place there. A stream sends
//! news at once, and mere steps forward no more often than the visitor should poll.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use metrics::gauge;
use tokio::sync::OwnedSemaphorePermit;

use super::place::{PlaceView, RoomStateView, StateView};
use crate::admission::watch::{PlaceLook, Sight, Watching};
use crate::admission::{Along, Polled};
use crate::catalog::Event;
use crate::edge::api::{lookup, queue};
use crate::edge::state::State;
use crate::edge::{Answer, Code, Outcome, Request};
use crate::facts::place::Token;
use crate::facts::room::Room;
use crate::facts::time::Timestamp;
use crate::metrics::EDGE_STREAMS;
use crate::random;

/// After this many looks without news a comment is sent, so that no proxy on the way takes the stream for dead.
const QUIET_MAX: u32 = 10;

/// How long a browser waits before it connects again, ms.
const RETRY_MS: u64 = 3_000;

/// Time between two looks, ms.
const LOOK_MS: i64 = 1_000;

/// An open stream. There are many of them, so the request is not kept.
struct Stream {
    state: Arc<State>,
    event: Arc<Event>,
    room: Room,
    token: Token,
    watching: Watching,
    next: Next,
    /// What was sent last.
    told: Option<ToldPlace>,
    /// What the board showed of the place when it was last asked for; `None`: the next look asks again.
    sight: Option<Sight>,
    /// Looks until a step forward may be sent again.
    rest: u32,
    /// Looks since something was sent.
    quiet: u32,
    _open: OpenStream,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    First,
    Looks,
    /// Nothing more will change.
    Over,
}

/// The parts of a place whose change is news. Other parts, such as the server's time, change by themselves.
#[derive(Debug, PartialEq, Eq)]
struct ToldPlace {
    state: StateView,
    room: RoomStateView,
    ahead: Option<i64>,
    behind: Option<i64>,
    seats_left: Option<i64>,
    late: bool,
    expires_at: Option<Timestamp>,
}

/// A place among the open streams, counted by a gauge.
struct OpenStream(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl OpenStream {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        gauge!(EDGE_STREAMS).increment(1.0);
        Self(permit)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        gauge!(EDGE_STREAMS).decrement(1.0);
    }
}

/// `GET /v1/events/{event}/queue/stream`
pub async fn open(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let token = queue::token(&request, &event)?;
    let place = request.state.streams.clone().try_acquire_owned().map_err(|_| Code::Overloaded)?;
    let room = event.room();
    let stream = Stream {
        watching: request.state.admission.watch(&room),
        state: request.state,
        event,
        room,
        token,
        next: Next::First,
        told: None,
        sight: None,
        rest: 0,
        // Random, so that streams that were opened together do not all send their comments together.
        quiet: u32::try_from(random::below(QUIET_MAX.into())).unwrap_or(0),
        _open: OpenStream::new(place),
    };
    let frames = stream::unfold(stream, |stream| async move {
        let (text, stream) = stream.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), stream))
    });
    let answer = Answer::body(StatusCode::OK, "text/event-stream", StreamBody::new(frames).boxed_unsync());
    // A proxy on the way must neither buffer (nginx has its own header for that) nor rewrite what should arrive at
    // once.
    Ok(answer
        .header(http::header::CACHE_CONTROL, "no-store, no-transform")
        .header(http::HeaderName::from_static("x-accel-buffering"), "no"))
}

impl Stream {
    /// The next piece of text; `None`: the stream is over.
    async fn next(mut self) -> Option<(String, Self)> {
        if self.next == Next::First {
            self.next = Next::Looks;
            let text = self.ask().await.unwrap_or_else(|| ":\n\n".to_owned());
            return Some((format!("retry: {RETRY_MS}\n{text}"), self));
        }
        loop {
            if self.next == Next::Over || !self.state.readiness.is_serving() {
                return None;
            }
            let view = self.watching.next().await?;
            self.quiet += 1;
            self.rest = self.rest.saturating_sub(1);
            let glance = self.state.admission.sight(&self.room, &self.token, &view);
            if self.is_worth_asking(glance)
                && let Some(text) = self.ask().await
            {
                return Some((text, self));
            }
            if self.quiet >= QUIET_MAX {
                self.quiet = 0;
                return Some((":\n\n".to_owned(), self));
            }
        }
    }

    fn is_worth_asking(&mut self, glance: PlaceLook) -> bool {
        match glance {
            PlaceLook::Nothing => false,
            PlaceLook::Recovering => self.told.as_ref().is_none_or(|told| told.room != RoomStateView::Recovering),
            PlaceLook::Waiting(sight) => {
                let news = self.sight.is_none_or(|before| sight.is_news_after(&before));
                let due = news || (self.rest == 0 && self.sight != Some(sight));
                if due {
                    self.sight = Some(sight);
                }
                due
            }
            PlaceLook::Ask => {
                self.sight = None;
                // A place inside is asked for no more often than its visitor would poll. A visitor who waited may have
                // been called, so that place is asked for at once.
                self.rest == 0 || self.told.as_ref().is_none_or(|told| told.state != StateView::Admitted)
            }
        }
    }

    /// The place as an event, if it is news. `None` also while its lane does not answer.
    async fn ask(&mut self) -> Option<String> {
        let asked = self.state.admission.poll(&self.room, self.token.clone(), Along::default()).await;
        let standing = match asked {
            Ok(Polled::Standing(standing)) => standing,
            Ok(Polled::NoEvent | Polled::Full) => {
                self.sight = None;
                return None;
            }
            Err(error) => {
                self.sight = None;
                tracing::debug!(%error, "no place for a stream");
                return None;
            }
        };
        let view = PlaceView::new(&self.event, standing, self.state.clock.now_ms());
        self.next = match view.state {
            StateView::Scheduled | StateView::Waiting | StateView::Admitted => Next::Looks,
            StateView::Done | StateView::Closed => Next::Over,
        };
        self.rest = u32::try_from(view.poll_after_ms / LOOK_MS).unwrap_or(0);
        let told = ToldPlace {
            state: view.state,
            room: view.room,
            ahead: view.ahead,
            behind: view.behind,
            seats_left: view.seats_left,
            late: view.late,
            expires_at: view.expires_at,
        };
        if self.told.as_ref() == Some(&told) {
            return None;
        }
        self.told = Some(told);
        self.quiet = 0;
        let text = serde_json::to_string(&view).expect("views are maps with text keys");
        Some(format!("data: {text}\n\n"))
    }
}
