//! A body on its way through: frame by frame, never kept, never silent for too long. Knows no headers.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};

use crate::edge::answer::BoxError;

/// A body of which nothing came for too long.
#[derive(Debug, thiserror::Error)]
#[error("the body stalled")]
pub struct Stalled;

/// Frames that have moved, for whoever watches.
pub type Moved = Arc<AtomicU64>;

/// A body that fails when it is asked for more and nothing comes for `idle`. Who does not ask has a limit of
/// its own.
pub struct Flow<B> {
    body: B,
    idle: Duration,
    /// Set while a frame is waited for.
    waiting: Option<Pin<Box<Sleep>>>,
    moved: Moved,
    /// Trailers end it as its end does.
    drops_trailers: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl<B> Flow<B> {
    pub fn new(body: B, idle: Duration) -> Self {
        Self { body, idle, waiting: None, moved: Moved::default(), drops_trailers: false, _place: None }
    }

    /// Holds the place of its exchange until it is over.
    pub fn holding(self, place: OwnedSemaphorePermit) -> Self {
        Self { _place: Some(place), ..self }
    }

    /// Fields behind the body are not passed on.
    pub fn without_trailers(self) -> Self {
        Self { drops_trailers: true, ..self }
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
            self.moved.fetch_add(1, Ordering::Relaxed);
            let frame = frame.filter(|frame| !self.drops_trailers || !frame.as_ref().is_ok_and(Frame::is_trailers));
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
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
