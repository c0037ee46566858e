//! An answer: its status, headers and body.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Frame, SizeHint};
use serde::Serialize;

use super::problem::Problem;

/// What can go wrong with a streamed body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Body of an answer: mostly one buffer, sometimes a stream. A stream (another server's body, a draw's list) can fail
/// midway. The client's connection then breaks off, so that the client does not take a part for the whole.
#[derive(Debug)]
pub enum AnswerBody {
    Whole(Full<Bytes>),
    Stream(UnsyncBoxBody<Bytes, BoxError>),
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            AnswerBody::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            AnswerBody::Stream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AnswerBody::Whole(body) => body.is_end_stream(),
            AnswerBody::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Whole(body) => body.size_hint(),
            AnswerBody::Stream(body) => body.size_hint(),
        }
    }
}

/// Bytes reserved for a JSON answer: enough for a place in line, the largest of the frequent answers.
const JSON_USUAL: usize = 768;
/// Most bytes that a thread keeps reserved for its next JSON answer.
const JSON_KEPT: usize = 64 * 1024;

/// An answer under construction.
#[derive(Debug)]
pub struct Answer(Response<AnswerBody>);

impl Answer {
    pub fn json<T: Serialize>(status: StatusCode, view: &T) -> Self {
        thread_local! {
            static TEXT: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(JSON_USUAL));
        }
        // The copy takes exactly as much memory as the answer is long, in one allocation.
        let text = TEXT.with_borrow_mut(|text| {
            text.clear();
            serde_json::to_writer(&mut *text, view).expect("views are maps with text keys");
            let copy = Bytes::copy_from_slice(text);
            if text.capacity() > JSON_KEPT {
                *text = Vec::with_capacity(JSON_USUAL);
            }
            copy
        });
        Self::bytes(status, "application/json", text)
    }

    pub fn bytes(status: StatusCode, content_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self::of(status, content_type, AnswerBody::Whole(Full::new(bytes.into())))
    }

    /// A streamed answer.
    pub fn body<B>(status: StatusCode, content_type: &'static str, body: B) -> Self
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Self::of(status, content_type, AnswerBody::Stream(body.map_err(Into::into).boxed_unsync()))
    }

    fn of(status: StatusCode, content_type: &'static str, body: AnswerBody) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self(response)
    }

    /// Another server's answer.
    pub fn relayed<B>(parts: response::Parts, body: B) -> Self
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Self(Response::from_parts(parts, AnswerBody::Stream(body.map_err(Into::into).boxed_unsync())))
    }

    pub fn empty(status: StatusCode) -> Self {
        let mut response = Response::new(AnswerBody::Whole(Full::default()));
        *response.status_mut() = status;
        Self(response)
    }

    pub fn no_content() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    pub fn problem(problem: &Problem, request_id: &str) -> Self {
        let view = serde_json::to_vec(&problem.view(request_id)).expect("views are maps with text keys");
        let mut answer = Self::bytes(problem.code.status(), "application/problem+json", view).no_store();
        if let Some(seconds) = problem.retry_after_seconds() {
            answer = answer.retry_after(seconds);
        }
        if let Some(challenge) = problem.code.challenge() {
            answer = answer.header(http::header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(allow) = &problem.allow {
            answer = answer.header(http::header::ALLOW, allow);
        }
        answer
    }

    /// The same answer with another body.
    pub fn with_body(mut self, bytes: impl Into<Bytes>) -> Self {
        *self.0.body_mut() = AnswerBody::Whole(Full::new(bytes.into()));
        self
    }

    /// Sets a header. A text that is not a valid header value is skipped; the gateway's own texts are all valid.
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    /// As [`Answer::header`], but takes the text over instead of copying it.
    pub fn header_text(mut self, name: HeaderName, value: String) -> Self {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    /// For answers with a token, a pass, a hold, an order or anything else that is a user's.
    pub fn no_store(mut self) -> Self {
        self.0.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self
    }

    pub fn location(self, path: &str) -> Self {
        self.header(LOCATION, path)
    }

    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, &seconds.to_string())
    }

    /// Marks the answer as the repeat of an earlier one with the same Idempotency-Key.
    pub fn replayed(self) -> Self {
        self.header(HeaderName::from_static("idempotent-replayed"), "true")
    }

    /// Adds a `Set-Cookie`.
    pub fn cookie(mut self, cookie: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            self.0.headers_mut().append(SET_COOKIE, value);
        }
        self
    }

    /// Adds a name to `Vary`.
    pub fn vary(mut self, name: &'static str) -> Self {
        self.0.headers_mut().append(VARY, HeaderValue::from_static(name));
        self
    }

    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// Length of the body in bytes; 0 when it is not known beforehand.
    pub fn length(&self) -> u64 {
        hyper::body::Body::size_hint(self.0.body()).exact().unwrap_or(0)
    }

    /// The body, if it is one buffer.
    pub fn whole(&self) -> Option<Bytes> {
        let AnswerBody::Whole(body) = self.0.body() else { return None };
        let collected = body.clone().collect().now_or_never()?;
        collected.map(|whole| whole.to_bytes()).ok()
    }

    pub fn replaced(mut self, whole: Bytes) -> Self {
        *self.0.body_mut() = AnswerBody::Whole(Full::new(whole));
        self
    }

    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    pub fn into_response(self) -> Response<AnswerBody> {
        self.0
    }
}
