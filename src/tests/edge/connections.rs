//! How many connections one address may have. The gateway listens on its own sockets, and clients connect from several
//! addresses of this machine.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::edge::server::serve;
use crate::edge::support::Edge;
use crate::support::gateway::{Gateway, Store, eventually};

const ONE: [u8; 4] = [127, 0, 0, 2];
const OTHER: [u8; 4] = [127, 0, 0, 3];

async fn connect(from: [u8; 4], to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("all of 127.0.0.0/8 is this machine");
    socket.connect(to).await
}

/// A connection on which a request was answered; `Err`: the connection ended before the answer.
async fn open(from: [u8; 4], to: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = connect(from, to).await?;
    stream.write_all(b"GET /v1/none HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await?;
    assert_eq!(&status, b"HTTP/1.1 404");
    Ok(stream)
}

async fn bounded(client_max: usize, trusted: &str) -> Edge {
    Edge::with(|config| {
        config.server.connections_max = 5;
        config.server.client_connections_max = client_max;
        config.server.trusted_proxies = vec![trusted.into()];
        config.server.header_timeout_ms = 600_000;
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_at_its_bound_gets_no_more_and_others_do() {
    let edge = bounded(3, "192.0.2.1").await;
    let (address, _stop, _serving) = serve(&edge.public).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(open(ONE, address).await.expect("below the bound"));
    }
    for _ in 0..20 {
        assert!(open(ONE, address).await.is_err(), "one more");
    }
    let other = open(OTHER, address).await.expect("another address");
    let mut first = held.remove(0);
    // A connection that was open before is still served.
    first.write_all(b"GET /v1/none HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("open");
    let mut rest = String::new();
    first.read_to_string(&mut rest).await.expect("text");
    assert!(rest.contains("HTTP/1.1 404"), "{rest}");
    eventually("its place came back", async || open(ONE, address).await.is_ok()).await;
    drop((held, other));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opens_and_says_nothing_takes_no_others_place() {
    let edge = bounded(3, "192.0.2.1").await;
    let (address, _stop, _serving) = serve(&edge.public).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(connect(ONE, address).await);
    }
    let others = async {
        for _ in 0..5 {
            open(OTHER, address).await.expect("served");
        }
    };
    tokio::time::timeout(Duration::from_secs(60), others).await.expect("there are places for others");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_and_operators_are_not_bounded() {
    let edge = bounded(1, "127.0.0.2").await;
    let (address, _stop, _serving) = serve(&edge.public).await;
    let (admin, _stop, _serving) = serve(&edge.admin).await;
    let (mut proxied, mut operators) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        proxied.push(open(ONE, address).await.expect("the proxy's"));
        operators.push(open(OTHER, admin).await.expect("an operator's"));
    }
    let _other = open(OTHER, address).await.expect("the first");
    assert!(open(OTHER, address).await.is_err(), "the second");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_connections_are_counted() {
    let gateway = Gateway::start_with(Store::Embedded, |config| config.server.client_connections_max = 1).await;
    let address = gateway.public_url.trim_start_matches("http://").parse().expect("an address");
    let _held = open(ONE, address).await.expect("the first");
    assert!(open(ONE, address).await.is_err());
    let shown = gateway.admin.get("/metrics").send().await.expect(200).body;
    let shown = String::from_utf8(shown.to_vec()).expect("text");
    let refused =
        shown.lines().find_map(|line| line.strip_prefix(r#"stanchion_edge_limited_total{limit="connections"} "#));
    assert!(refused.is_some_and(|count| count.parse::<u64>().is_ok_and(|count| count >= 1)), "{shown}");
}
