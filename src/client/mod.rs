//! The HTTP client of the house, for http and https. An answer is read whole, up to a limit.
//!
//! A request has no time limit of its own. The caller sets one with `tokio::time::timeout`: a request may be dropped at
//! any await.

mod reach;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

pub use reach::Reach;
use reach::Resolver;

/// How a client treats its connections and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// How long an idle connection is kept for the next request.
    pub idle: Duration,
    /// Idle connections kept, per host.
    pub idle_max: usize,
    /// Longest answer that is read, bytes.
    pub answer_max: usize,
}

/// A client with connections of its own. A clone shares them.
#[derive(Clone)]
pub struct HttpClient {
    pool: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    answer_max: usize,
    reach: Reach,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A request without a whole answer. The server may have done what it asked.
#[derive(Debug, thiserror::Error)]
pub enum HttpFault {
    /// The host is an address that this client does not connect to.
    #[error("{0} is no public address")]
    OutOfReach(String),
    /// Nobody was reached, or the connection broke.
    #[error("no connection or a broken one: {}", causes(.0))]
    Connection(#[source] hyper_util::client::legacy::Error),
    /// The answer began, and then broke off or became too long.
    #[error("{status}, then an answer that broke off or is longer than {max} bytes: {}", causes(.source.as_ref()))]
    Body { status: StatusCode, max: usize, source: Box<dyn std::error::Error + Send + Sync> },
}

impl HttpClient {
    /// Fails when the system's TLS parts cannot be used.
    pub fn new(limits: ClientLimits) -> Result<Self, rustls::Error> {
        Self::within(Reach::Anywhere, limits)
    }

    /// As [`HttpClient::new`]; it connects only to addresses within reach.
    pub fn within(reach: Reach, limits: ClientLimits) -> Result<Self, rustls::Error> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver { names: GaiResolver::new(), reach });
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let crypto = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(crypto)?;
        let connector = connector.https_or_http().enable_http1().wrap_connector(tcp);
        let pool = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits.idle)
            .pool_max_idle_per_host(limits.idle_max)
            .build(connector);
        Ok(Self { pool, answer_max: limits.answer_max, reach })
    }

    /// Sends a request with a whole URL. Redirects are not followed.
    pub async fn send(&self, request: Request<Bytes>) -> Result<HttpAnswer, HttpFault> {
        let host = request.uri().host().unwrap_or_default();
        if !self.reach.allows_host(host) {
            return Err(HttpFault::OutOfReach(host.to_owned()));
        }
        let answer = self.pool.request(request.map(Full::new)).await.map_err(HttpFault::Connection)?;
        let (head, body) = answer.into_parts();
        let (status, max) = (head.status, self.answer_max);
        let body = Limited::new(body, max).collect().await;
        let body = body.map_err(|source| HttpFault::Body { status, max, source })?.to_bytes();
        Ok(HttpAnswer { status, headers: head.headers, body })
    }
}

impl HttpAnswer {
    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// The error and what caused it, in one line.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Asks a server that gives one connection this text.
    async fn answered(text: &'static str) -> Result<HttpAnswer, HttpFault> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(text.as_bytes()).await;
        });
        let limits = ClientLimits { idle: Duration::ZERO, idle_max: 0, answer_max: 10 };
        let client = HttpClient::new(limits).expect("TLS");
        client.send(Request::get(format!("http://{address}/")).body(Bytes::new()).expect("a request")).await
    }

    #[tokio::test]
    async fn an_answer_is_whole_or_a_fault() {
        let whole = answered("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"a\": 123}").await.expect("whole");
        assert_eq!((whole.status, whole.json()), (StatusCode::OK, serde_json::json!({"a": 123})));
        let too_long = answered("HTTP/1.1 201 Created\r\ncontent-length: 11\r\n\r\n0123456789a").await;
        assert!(matches!(too_long, Err(HttpFault::Body { status: StatusCode::CREATED, max: 10, .. })), "{too_long:?}");
        let broke_off = answered("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123").await;
        assert!(matches!(broke_off, Err(HttpFault::Body { .. })), "{broke_off:?}");
        let nothing = answered("").await;
        assert!(matches!(nothing, Err(HttpFault::Connection(_))), "{nothing:?}");
    }

    #[tokio::test]
    async fn a_client_of_public_servers_reaches_no_other() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let limits = ClientLimits { idle: Duration::ZERO, idle_max: 0, answer_max: 10 };
        let client = HttpClient::within(Reach::Public, limits).expect("TLS");
        let ask = async |host: &str| {
            let request = Request::get(format!("http://{host}:{port}/")).body(Bytes::new()).expect("a request");
            client.send(request).await
        };
        assert!(matches!(ask("127.0.0.1").await, Err(HttpFault::OutOfReach(_))));
        assert!(matches!(ask("[::1]").await, Err(HttpFault::OutOfReach(_))));
        // A name, and an address that only the system's resolver takes for one.
        for host in ["localhost", "127.1"] {
            let fault = ask(host).await.expect_err("out of reach");
            assert!(matches!(fault, HttpFault::Connection(_)) && fault.to_string().contains("no public"), "{fault}");
        }
        let came = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(came.is_err(), "nobody came");
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_not_followed() {
        let moved = answered("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(moved.expect("whole").status, StatusCode::FOUND);
    }
}
