//! A body on its way through the gateway: frame by frame, never kept, never silent for too long.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::places::ProxySlot;
use crate::clock::{self, Instant};
use crate::edge::answer::BoxError;

/// Nothing came of a body for too long, or it came too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the body stalled")]
pub struct Stalled;

/// Counts the frames that have moved, for the code that waits for the server's answer.
pub type Moved = Arc<AtomicU64>;

/// A body that fails when it is asked for more and nothing comes for `idle`. A receiver that does not ask for more has
/// a time limit elsewhere.
pub struct Flow<B> {
    body: B,
    idle: Duration,
    /// Set while a frame is waited for.
    waiting: Option<Pin<Box<Sleep>>>,
    moved: Moved,
    /// Trailers are dropped, and end the body.
    drops_trailers: bool,
    /// Least rate, bytes a second, on average over the time in which the sender was waited for; 0: none.
    least: u64,
    /// Time spent waiting for the sender, without the wait under way.
    waited: Duration,
    waiting_since: Option<Instant>,
    came: u64,
    _place: Option<ProxySlot>,
}

impl<B> Flow<B> {
    pub fn new(body: B, idle: Duration) -> Self {
        Self {
            body,
            idle,
            waiting: None,
            moved: Moved::default(),
            drops_trailers: false,
            least: 0,
            waited: Duration::ZERO,
            waiting_since: None,
            came: 0,
            _place: None,
        }
    }

    /// Holds the place of its exchange until the body is over.
    pub fn holding(self, place: ProxySlot) -> Self {
        Self { _place: Some(place), ..self }
    }

    /// Trailers, the fields behind the body, are not passed on.
    pub fn without_trailers(self) -> Self {
        Self { drops_trailers: true, ..self }
    }

    /// Fails when fewer than `least` bytes a second come, on average. A sender of single bytes is never silent for
    /// long, so `idle` does not end it. Only the time in which the sender was waited for counts, not that in which the
    /// receiver was slow. The rate is not judged before that time exceeds `idle`.
    pub fn at_least(self, least: u64) -> Self {
        Self { least, ..self }
    }

    fn is_too_slow(&self) -> bool {
        self.waited > self.idle && u128::from(self.came) * 1_000 < u128::from(self.least) * self.waited.as_millis()
    }

    pub fn moved(&self) -> Moved {
        self.moved.clone()
    }
}

impl<B> Body for Flow<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.waiting = None;
            let waited = self.waiting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
            self.waited += waited;
            self.moved.fetch_add(1, Ordering::Relaxed);
            if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
                self.came += data.len() as u64;
                if self.is_too_slow() {
                    return Poll::Ready(Some(Err(Stalled.into())));
                }
            }
            let frame = frame.filter(|frame| !self.drops_trailers || !frame.as_ref().is_ok_and(Frame::is_trailers));
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.waiting_since.get_or_insert_with(clock::instant);
        let idle = self.idle;
        ready!(self.waiting.get_or_insert_with(|| Box::pin(sleep(idle))).as_mut().poll(cx));
        Poll::Ready(Some(Err(Stalled.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    /// Only the sender's rate counts. All of this body is there from the start.
    #[tokio::test]
    async fn a_slow_receiver_is_not_the_senders_fault() {
        let frames = ["a", "b", "c"].map(|text| Ok::<_, BoxError>(Frame::data(Bytes::from(text))));
        let idle = Duration::from_millis(10);
        let mut flow = Flow::new(StreamBody::new(stream::iter(frames)), idle).at_least(1_000_000);
        for text in ["a", "b", "c"] {
            tokio::time::sleep(3 * idle).await;
            let frame = flow.frame().await.expect("a frame").expect("in time");
            assert_eq!(frame.into_data().expect("data"), text);
        }
        assert!(flow.frame().await.is_none());
    }
}
