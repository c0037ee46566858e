//! What a handler answers: status, headers, body. Knows no routes.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE, VARY};
use http::{HeaderName, HeaderValue, Response, StatusCode, response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;

use super::problem::Problem;

/// What can go wrong with a body that comes from elsewhere.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Body of every answer: mostly one buffer, sometimes a stream. Only another server's can fail midway; the
/// client's connection then breaks off, so that it does not take a part for the whole.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// An answer under construction.
#[derive(Debug)]
pub struct Answer(Response<Body>);

impl Answer {
    pub fn json<T: Serialize>(status: StatusCode, view: &T) -> Self {
        let text = serde_json::to_vec(view).expect("views are maps with text keys");
        Self::bytes(status, "application/json", text)
    }

    pub fn bytes(status: StatusCode, content_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self::body(status, content_type, Full::new(bytes.into()))
    }

    /// A streamed answer.
    pub fn body<B>(status: StatusCode, content_type: &'static str, body: B) -> Self
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let mut response = Response::new(body.map_err(Into::into).boxed_unsync());
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self(response)
    }

    /// Another server's answer.
    pub fn relayed<B>(parts: response::Parts, body: B) -> Self
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Self(Response::from_parts(parts, body.map_err(Into::into).boxed_unsync()))
    }

    pub fn empty(status: StatusCode) -> Self {
        let mut response = Response::new(Full::default().map_err(Into::into).boxed_unsync());
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
        if let Some(allow) = &problem.allow {
            answer = answer.header(http::header::ALLOW, allow);
        }
        answer
    }

    /// Sets a header. A value that is no header value is left out: none of ours can be one.
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    /// For answers with a token, pass, hold, order or anything of a user.
    pub fn no_store(self) -> Self {
        self.header(CACHE_CONTROL, "no-store")
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

    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    pub fn into_response(self) -> Response<Body> {
        self.0
    }
}
