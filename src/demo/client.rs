//! The crowd's HTTP client: a bounded number of connections, JSON in and out, a time limit on every request.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::client::{ClientLimits, HttpAnswer, HttpClient, HttpFault};
use crate::clock;

/// How long an idle connection is kept. Shorter than any gateway keeps one, so that nothing is written to a connection
/// that is being closed.
const IDLE: Duration = Duration::from_secs(4);
const TIME_LIMIT: Duration = Duration::from_secs(30);
const ANSWER_MAX: usize = 16 << 20;

pub struct Client {
    http: HttpClient,
    short: Semaphore,
    long: Semaphore,
}

/// Whether the server may hold a request back on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    Short,
    /// A long poll; it must not take the turn of a short request.
    Long,
}

#[derive(Debug)]
pub struct ClientRequest<'a> {
    pub kind: RequestKind,
    pub method: Method,
    /// Whole, with scheme and host.
    pub url: String,
    /// Names are static, values plain ASCII.
    pub headers: &'a [(&'static str, &'a str)],
    pub body: Option<&'a Value>,
}

#[derive(Debug)]
pub struct ClientAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// `Null` when the answer had no body, or a body that is not JSON.
    pub body: Value,
    /// From the request's handover to the pool, which may have to connect first, to the last byte received. The wait
    /// for one of our turns is not counted.
    pub took: Duration,
}

impl ClientAnswer {
    /// The problem's code; empty when the answer is not a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Seconds of `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
        text.parse().ok().map(Duration::from_secs)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("not a request that can be sent")]
    Malformed(#[from] http::Error),
    #[error("no whole answer")]
    Fault(#[from] HttpFault),
    #[error("no answer within {} s", TIME_LIMIT.as_secs())]
    TimeLimit,
}

impl Client {
    /// A client with at most so many requests of each [`RequestKind`] under way at once.
    pub fn new(connections: usize) -> Self {
        let limits = ClientLimits { idle: IDLE, idle_max: 2 * connections, answer_max: ANSWER_MAX };
        let http = HttpClient::new(limits).expect("the TLS parts of this build are there");
        Self { http, short: Semaphore::new(connections), long: Semaphore::new(connections) }
    }

    pub async fn send(&self, ask: ClientRequest<'_>) -> Result<ClientAnswer, Error> {
        let lane = match ask.kind {
            RequestKind::Short => &self.short,
            RequestKind::Long => &self.long,
        };
        let _turn = lane.acquire().await.expect("the semaphores are never closed");
        tokio::time::timeout(TIME_LIMIT, self.exchange(ask)).await.map_err(|_| Error::TimeLimit)?
    }

    async fn exchange(&self, ask: ClientRequest<'_>) -> Result<ClientAnswer, Error> {
        let mut request = Request::builder().method(ask.method).uri(ask.url);
        for &(name, value) in ask.headers {
            request = request.header(name, value);
        }
        let body = match ask.body {
            Some(json) => {
                request = request.header(http::header::CONTENT_TYPE, "application/json");
                Bytes::from(json.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(body)?;
        let sent = clock::instant();
        let answer = self.http.send(request).await?;
        let (took, body) = (sent.elapsed(), answer.json());
        let HttpAnswer { status, headers, .. } = answer;
        Ok(ClientAnswer { status, headers, body, took })
    }
}
