//! A shop for the tests: a real server that counts the requests that reach it, and a gateway in front of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use stanchion::config::{Config, UpstreamConfig, load_from};
use stanchion::shutdown::Stop;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::edge::server::serve;
use crate::edge::support::Edge;
use crate::support::client::Client;

type Fault = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, Fault>;

/// Bytes of one chunk of `/flood`.
pub const CHUNK: usize = 64 * 1024;
/// Chunks of `/flood`: 256 MiB in all, more than anything on the way may buffer.
pub const CHUNKS: usize = 4096;

#[derive(Default)]
pub struct Seen {
    /// How many requests came.
    pub requests: AtomicUsize,
    /// Of the last request: method, path with query, and headers.
    pub last: Mutex<(String, String, HeaderMap)>,
    /// How many chunks of `/flood` were made so far.
    pub chunks: AtomicUsize,
    /// Notified at each request of `/never`.
    pub stuck: tokio::sync::Notify,
}

impl Seen {
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub fn path(&self) -> String {
        self.last.lock().expect("no panic").1.clone()
    }

    pub fn headers(&self) -> HeaderMap {
        self.last.lock().expect("no panic").2.clone()
    }
}

pub struct Origin {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    accepting: JoinHandle<()>,
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Origin {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let seen = Arc::new(Seen::default());
        let shared = seen.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = shared.clone();
                let service = service_fn(move |request| answer(seen.clone(), request));
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
            }
        });
        Self { address, seen, accepting }
    }
}

fn whole(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

async fn answer(seen: Arc<Seen>, mut request: Request<Incoming>) -> Result<Response<Body>, Fault> {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    let uri = request.uri().to_string();
    let path = request.uri().path().trim_start_matches("/shop").to_owned();
    *seen.last.lock().expect("no panic") = (request.method().to_string(), uri, request.headers().clone());
    let answer = Response::builder().header("connection", "x-hop").header("x-hop", "1").header("x-kept", "1");
    Ok(match path.as_str() {
        "/echo" => answer.body(request.into_body().map_err(Into::into).boxed_unsync())?,
        "/release" => answer.header("stanchion-command", "release").body(whole("bye"))?,
        "/denied" => answer.status(StatusCode::UNAUTHORIZED).body(whole("the shop's own"))?,
        "/never" => {
            seen.stuck.notify_one();
            std::future::pending().await
        }
        "/broken" => {
            let first = stream::iter([Ok(Frame::data(Bytes::from_static(b"half")))]);
            let then = stream::once(async {
                // Gives the first half time to be sent before the error.
                tokio::task::yield_now().await;
                Err(Fault::from("broken"))
            });
            answer.body(StreamBody::new(futures_util::StreamExt::chain(first, then)).boxed_unsync())?
        }
        "/silent" => {
            let first = stream::iter([Ok(Frame::data(Bytes::from_static(b"half")))]);
            let body = futures_util::StreamExt::chain(first, stream::pending());
            answer.body(StreamBody::new(body).boxed_unsync())?
        }
        "/flood" => {
            let chunk = Bytes::from(vec![b'x'; CHUNK]);
            let frames = stream::iter(0..CHUNKS);
            let frames = futures_util::StreamExt::map(frames, move |_| {
                seen.chunks.fetch_add(1, Ordering::SeqCst);
                Ok(Frame::data(chunk.clone()))
            });
            answer.body(StreamBody::new(frames).boxed_unsync())?
        }
        "/socket" => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let Ok(socket) = upgrade.await else { return };
                let (mut from, mut to) = tokio::io::split(TokioIo::new(socket));
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
            let answer = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
            answer.header("connection", "upgrade").header("upgrade", "websocket").body(whole(""))?
        }
        _ => answer.body(whole("welcome"))?,
    })
}

/// A gateway on a port, in front of a shop.
pub struct Front {
    pub edge: Edge,
    pub origin: Origin,
    pub client: Client,
    pub address: SocketAddr,
    pub stop: Stop,
    pub serving: JoinHandle<()>,
}

/// An upstream of the event `hall` with these further lines of configuration.
pub fn upstream(address: SocketAddr, lines: &str) -> UpstreamConfig {
    let text = format!("[[upstream]]\nevent = \"hall\"\nurl = \"http://{address}\"\n{lines}\n");
    load_from(&text, std::iter::empty()).expect("good").upstream.remove(0)
}

impl Front {
    pub async fn new() -> Self {
        Self::with("path = \"/shop\"", |_| {}).await
    }

    pub async fn with(lines: &str, change: impl FnOnce(&mut Config)) -> Self {
        let origin = Origin::start().await;
        let edge = Edge::with(|config| {
            config.upstream = vec![upstream(origin.address, lines)];
            change(config);
        })
        .await;
        edge.put_event("hall", json!({"capacity": 2})).await;
        let (address, stop, serving) = serve(&edge.public).await;
        Self { edge, origin, client: Client::new(format!("http://{address}")), address, stop, serving }
    }

    /// Takes a place. Returns the API's answer. The first two visitors are let in at once.
    pub async fn enter(&self) -> Value {
        self.client.post("/v1/events/hall/queue").json(&json!({})).send().await.expect(201).json
    }

    /// Takes a place inside. Returns its visitor, queue token and pass.
    pub async fn inside(&self) -> (String, String, String) {
        let place = self.enter().await;
        let text = |field: &str| place[field].as_str().expect("inside").to_owned();
        (text("visitor"), text("token"), text("pass"))
    }

    pub async fn leave(&self, token: &str) {
        self.client.delete("/v1/events/hall/queue").queue(token).send().await.expect(204);
    }
}
