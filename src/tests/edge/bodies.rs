//! Slow request bodies: they keep no other request waiting, and are refused when the gateway is busy by the time they
//! come.

use std::net::SocketAddr;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::edge::server::{resolve, serve, talk};
use crate::edge::support::Edge;

/// The head of a request to join. Its body is sent only after the gateway has asked for it (`100 Continue`).
const HEAD: &str = "POST /v1/events/hall/queue HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\n\
                    content-type: application/json\r\ncontent-length: 2\r\n\r\n";

const GO_ON: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// A connection on which `HEAD` was sent and the gateway waits for the body.
async fn announced(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(HEAD.as_bytes()).await.expect("sent");
    let mut answer = [0; GO_ON.len()];
    stream.read_exact(&mut answer).await.expect("answered");
    assert_eq!(std::str::from_utf8(&answer), Ok(GO_ON));
    stream
}

async fn finished(mut stream: TcpStream, rest: &str) -> String {
    stream.write_all(rest.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    answer
}

async fn one_at_a_time() -> Edge {
    let edge = Edge::with(|config| {
        config.limits.in_flight = 1;
        config.server.body_timeout_ms = 600_000;
        config.admin.public = true;
    })
    .await;
    edge.put_event("hall", json!({})).await;
    edge
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_its_body_slowly_keeps_nobody_out() {
    let edge = one_at_a_time().await;
    let (address, _stop, _serving) = serve(&edge.public).await;
    let mut slow = Vec::new();
    for _ in 0..30 {
        let mut stream = announced(address).await;
        stream.write_all(b"{").await.expect("sent");
        slow.push(stream);
    }
    for _ in 0..5 {
        let answer = talk(address, "GET /v1/events/hall/room HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    for stream in slow {
        let answer = finished(stream, "}").await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_when_all_are_busy_is_told_so_and_none_is_asked_for() {
    let edge = one_at_a_time().await;
    let (address, _stop, _serving) = serve(&edge.public).await;
    let slow = announced(address).await;
    let mut busy = tokio::spawn({
        let request = resolve(&edge);
        async move { talk(address, &request).await }
    });
    tokio::select! {
        () = edge.operator.begun.notified() => {}
        answer = &mut busy => panic!("{answer:?}"),
    }
    for answer in [finished(slow, "{}").await, talk(address, HEAD).await] {
        let refused = answer.starts_with("HTTP/1.1 503") && answer.contains("OVERLOADED");
        assert!(refused && answer.contains("retry-after: 1"), "{answer}");
    }
    edge.operator.go.notify_one();
    let answer = busy.await.expect("ran");
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let answer = finished(announced(address).await, "{}").await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}
