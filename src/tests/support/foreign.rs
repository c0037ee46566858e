//! A foreign HTTP server: a payment provider's, or one that wants notices. What it does is its own file; here is how it
//! misbehaves.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the server does with one call.
pub enum Mood {
    /// It does what is asked and answers nothing.
    SilentAfter,
    /// It does what is asked and answers this.
    SaysAfter(u16, Value),
    /// It does nothing and answers this.
    Says(u16, Value),
    /// It does nothing and closes the connection.
    Gone,
    /// It does nothing and answers a page.
    Page(u16),
    /// It takes this long.
    Slow(Duration),
}

/// A call that came.
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    /// `Null` when it is no JSON.
    pub body: Value,
    pub bytes: Bytes,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// The server's own part.
pub trait Contract: Send + Sync + 'static {
    fn answer(&self, asked: &Asked) -> (u16, Value);
}

/// A server that runs until it is dropped.
pub struct Server<C> {
    pub contract: Arc<C>,
    pub url: String,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// Moods of coming calls, with the end of the paths that they are for.
    moods: Mutex<VecDeque<(&'static str, Mood)>>,
    calls: Mutex<Vec<String>>,
}

impl<C> Drop for Server<C> {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl<C: Contract> Server<C> {
    pub async fn start(contract: C) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let (contract, state) = (Arc::new(contract), Arc::new(State::default()));
        let (served, shared) = (contract.clone(), state.clone());
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (contract, state) = (served.clone(), shared.clone());
                connections.spawn(async move {
                    let service = service_fn(move |request| serve(contract.clone(), state.clone(), request));
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
        });
        Self { contract, url, state, accepting }
    }

    /// The next call whose path ends so meets this mood.
    pub fn next(&self, path_end: &'static str, mood: Mood) {
        self.state.moods.lock().push_back((path_end, mood));
    }

    /// How many calls came whose path ends so.
    pub fn calls(&self, path_end: &str) -> usize {
        self.state.calls.lock().iter().filter(|path| path.ends_with(path_end)).count()
    }
}

/// An error closes the connection.
async fn serve<C: Contract>(
    contract: Arc<C>,
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let path = parts.uri.path().to_owned();
    state.calls.lock().push(path.clone());
    let mood = {
        let mut moods = state.moods.lock();
        let at = moods.iter().position(|(end, _)| path.ends_with(end));
        at.and_then(|at| moods.remove(at)).map(|(_, mood)| mood)
    };
    let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let asked = Asked { method: parts.method, path, headers: parts.headers, body: json, bytes: body };
    let (status, answer) = match mood {
        None => contract.answer(&asked),
        Some(Mood::SilentAfter) => {
            contract.answer(&asked);
            std::future::pending().await
        }
        Some(Mood::SaysAfter(status, body)) => {
            contract.answer(&asked);
            (status, body)
        }
        Some(Mood::Says(status, body)) => (status, body),
        Some(Mood::Gone) => return Err(std::io::Error::other("gone")),
        Some(Mood::Page(status)) => {
            let page = Full::new(Bytes::from_static(b"<html>we are sorry</html>"));
            return Ok(Response::builder().status(status).body(page).expect("a status"));
        }
        Some(Mood::Slow(time)) => {
            tokio::time::sleep(time).await;
            contract.answer(&asked)
        }
    };
    let status = StatusCode::from_u16(status).expect("a status");
    let builder = Response::builder().status(status).header("content-type", "application/json");
    Ok(builder.body(Full::new(Bytes::from(answer.to_string()))).expect("an answer"))
}
