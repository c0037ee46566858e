//! Connections: time limits, clients that leave, and draining; and the JWKS that the edge fetches.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::Method;
use serde_json::json;
use stanchion::clock::Clock;
use stanchion::config::Config;
use stanchion::edge::auth::{Auth, fetch};
use stanchion::edge::http::server;
use stanchion::edge::http::workers::Workers;
use stanchion::edge::service::Service;
use stanchion::shutdown::Stop;
use stanchion::{config, shutdown};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::edge::support::Edge;

const RESOLVE: &str = "/v1/admin/payments/p1/resolve";

pub async fn serve(service: &Arc<Service>) -> (SocketAddr, Stop, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (stop, stopping) = shutdown::channel();
    let service = service.clone();
    let serving = async move { server::serve(listener, service, &Workers::here(), stopping).await };
    (address, stop, tokio::spawn(serving))
}

/// Sends this text, and reads until the other side closes.
pub async fn talk(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(text.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    answer
}

/// A request of the admin API that lasts until `edge.operator.go` is notified.
pub fn resolve(edge: &Edge) -> String {
    let token = edge.token("root", "admin");
    let body = r#"{"outcome":"captured"}"#;
    format!(
        "POST {RESOLVE} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn impatient(change: impl FnOnce(&mut Config)) -> Edge {
    Edge::with(|config| {
        config.server.header_timeout_ms = 100;
        config.server.body_timeout_ms = 100;
        change(config);
    })
    .await
}

#[tokio::test]
async fn slow_clients_are_not_waited_for() {
    let edge = impatient(|_| {}).await;
    let (address, _stop, _serving) = serve(&edge.public).await;
    // A client that sends half a head is cut off. One that sends half a body is answered.
    assert!(!talk(address, "GET / HTTP/1.1\r\nhost: x\r\n").await.contains(" 200 "));
    let half = "POST /v1/events/hall/queue HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{";
    assert!(talk(address, half).await.contains(r#""code":"REQUEST_TIMEOUT""#));
    // An idle connection is closed.
    assert!(talk(address, "GET /v1/none HTTP/1.1\r\nhost: x\r\n\r\n").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_body_too_large_is_refused_before_it_comes() {
    let edge = impatient(|_| {}).await;
    let (address, _stop, _serving) = serve(&edge.public).await;
    let announced = "POST /v1/events/hall/queue HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n";
    assert!(talk(address, announced).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn a_handler_that_writes_runs_to_its_end_though_the_client_is_gone() {
    let edge = Edge::new().await;
    let (address, stop, serving) = serve(&edge.admin).await;
    let mut client = TcpStream::connect(address).await.expect("connected");
    client.write_all(resolve(&edge).as_bytes()).await.expect("sent");
    edge.operator.begun.notified().await;
    drop(client);
    edge.operator.go.notify_one();
    // Draining waits for the handler, too.
    stop.now();
    serving.await.expect("drained");
    assert_eq!(edge.operator.done.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn draining_lets_requests_finish_and_takes_no_new_ones() {
    let edge = Edge::new().await;
    let (address, stop, serving) = serve(&edge.admin).await;
    let client = tokio::spawn({
        let request = resolve(&edge);
        async move { talk(address, &request).await }
    });
    edge.operator.begun.notified().await;
    stop.now();
    edge.operator.go.notify_one();
    assert!(client.await.expect("ran").starts_with("HTTP/1.1 204"));
    serving.await.expect("drained");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn draining_has_an_end() {
    let edge = impatient(|config| config.server.drain_ms = 50).await;
    let (address, stop, serving) = serve(&edge.admin).await;
    let mut client = TcpStream::connect(address).await.expect("connected");
    client.write_all(resolve(&edge).as_bytes()).await.expect("sent");
    edge.operator.begun.notified().await;
    stop.now();
    serving.await.expect("given up");
    assert_eq!(edge.operator.done.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_request_has_a_time_limit() {
    let edge = Edge::with(|config| config.server.request_timeout_ms = 50).await;
    let admin = edge.token("root", "admin");
    let call = edge.admin_call(Method::POST, RESOLVE).bearer(&admin).json(&json!({"outcome": "captured"}));
    assert_eq!(call.send().await.code(), (503, "UNAVAILABLE"));
    // The client was answered 503, and the handler still runs to its end.
    edge.operator.go.notify_one();
    edge.admin.finish().await;
    assert_eq!(edge.operator.done.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn keys_of_users_are_fetched() {
    let edge = Edge::new().await;
    let (address, _stop, _serving) = serve(&edge.public).await;
    let config = config::AuthConfig {
        hs256_secret: String::new(),
        jwks_file: String::new(),
        // Any JWKS will do, so this is our own.
        jwks_url: format!("http://{address}/.well-known/jwks.json"),
        issuer: String::new(),
        audience: String::new(),
        leeway_s: 0,
    };
    let auth = Auth::new(&config, Clock::system()).expect("keys come later");
    let (stop, stopping) = shutdown::channel();
    let fetched = async {
        while !auth.has_keys() {
            tokio::task::yield_now().await;
        }
        stop.now();
    };
    let both = async { tokio::join!(fetched, fetch::keep_fresh(&auth, &config.jwks_url, stopping)) };
    tokio::time::timeout(std::time::Duration::from_secs(60), both).await.expect("fetched, and stopped when told to");
}
