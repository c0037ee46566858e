//! A visitor's place as server-sent events, for those who prefer a stream to polling.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::sync::OwnedSemaphorePermit;

use super::{lookup, queue};
use crate::admission::Polled;
use crate::catalog::Event;
use crate::edge::place::{PlaceView, StateView};
use crate::edge::{Answer, Code, Outcome, Request, room_of};
use crate::lane::Token;

/// How often the place is asked for, which also tells the room that its visitor is there.
const EVERY: Duration = Duration::from_secs(1);

/// Quiet seconds after which something is sent, so that nobody on the way takes the stream for dead.
const QUIET_MAX: u32 = 10;

/// What a browser waits before it connects again (ms).
const RETRY_MS: u64 = 3_000;

struct Stream {
    request: Request,
    event: Arc<Event>,
    token: Token,
    /// The last place sent, without what changes by itself.
    last: Option<PlaceView>,
    quiet: u32,
    over: bool,
    _place: OwnedSemaphorePermit,
}

/// `GET /v1/events/{event}/queue/stream`
pub async fn open(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let token = queue::token(&request, &event)?;
    let place = request.state.streams.clone().try_acquire_owned().map_err(|_| Code::Overloaded)?;
    let stream = Stream { request, event, token, last: None, quiet: 0, over: false, _place: place };
    let frames = stream::unfold(stream, |stream| async move {
        let (text, stream) = stream.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), stream))
    });
    let answer = Answer::body(StatusCode::OK, "text/event-stream", StreamBody::new(frames).boxed_unsync());
    Ok(answer.no_store())
}

impl Stream {
    /// The next piece of text; `None`: over.
    async fn next(mut self) -> Option<(String, Self)> {
        if self.last.is_none() && self.quiet == 0 && !self.over {
            self.quiet = 1;
            if let Some(text) = self.ask().await {
                return Some((format!("retry: {RETRY_MS}\n{text}"), self));
            }
        }
        loop {
            if self.over || !self.request.state.is_serving() {
                return None;
            }
            tokio::time::sleep(EVERY).await;
            self.quiet += 1;
            if let Some(text) = self.ask().await {
                return Some((text, self));
            }
            if self.quiet >= QUIET_MAX {
                self.quiet = 0;
                return Some((":\n\n".to_owned(), self));
            }
        }
    }

    /// The place, when it is news. While its lane does not answer there is none.
    async fn ask(&mut self) -> Option<String> {
        let state = &self.request.state;
        let asked = state.admission.poll(&room_of(&self.event), self.token.clone(), None).await;
        let standing = match asked {
            Ok(Polled::Standing(standing)) => standing,
            Ok(Polled::NoEvent | Polled::Full) => return None,
            Err(error) => {
                tracing::debug!(%error, "no place for a stream");
                return None;
            }
        };
        let view = PlaceView::new(&self.event, standing, state.clock.now_ms());
        self.over = match view.state {
            StateView::Scheduled | StateView::Waiting | StateView::Admitted => false,
            StateView::Done | StateView::Closed => true,
        };
        let lasting = PlaceView {
            poll_after_ms: 0,
            pass: None,
            expires_in_s: None,
            eta_s: None,
            server_time: String::new(),
            ..view.clone()
        };
        if self.last.as_ref() == Some(&lasting) {
            return None;
        }
        self.last = Some(lasting);
        self.quiet = 0;
        let text = serde_json::to_string(&view).expect("views are maps with text keys");
        Some(format!("data: {text}\n\n"))
    }
}
