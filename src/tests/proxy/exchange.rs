//! Reverse-proxy mode: what passes between a visitor and the shop.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::proxy::origin::{CHUNK, CHUNKS, Front};
use crate::support::gateway::eventually;

#[tokio::test]
async fn the_shop_sees_the_visitor_and_nothing_of_ours() {
    let front = Front::with("path = \"/shop\"", |config| {
        config.server.public_url = "https://tickets.example".into();
        config.server.trusted_proxies = vec!["127.0.0.1".into()];
    })
    .await;
    let (visitor, token, pass) = front.inside().await;
    let asked = front.client.get("/shop/a%20b?c=d&e").pass(&pass).queue(&token);
    let asked = asked
        .header("host", "tickets.example")
        .header("cookie", &format!("basket=7; stanchion_pass_hall={pass}; stanchion_queue_hall={token}; lang=ko"))
        .header("stanchion-visitor", "forged")
        .header("stanchion_visitor", "forged")
        .header("connection", "x-secret, stanchion-visitor, x-forwarded-for")
        .header("x-secret", "1")
        .header("te", "trailers")
        .header("x-request-id", "r-1")
        .header("x-forwarded-for", "198.51.100.7");
    let answer = asked.send().await.expect(200);
    assert_eq!(front.origin.seen.path(), "/shop/a%20b?c=d&e");
    let headers = front.origin.seen.headers();
    let get = |name: &str| headers.get(name).map(|value| value.to_str().expect("text"));
    assert_eq!(get("stanchion-visitor"), Some(visitor.as_str()));
    assert_eq!(get("cookie"), Some("basket=7; lang=ko"));
    assert_eq!(get("host"), Some("tickets.example"));
    assert_eq!(get("x-forwarded-host"), Some("tickets.example"));
    assert_eq!(get("x-forwarded-proto"), Some("https"));
    assert_eq!(get("x-forwarded-for"), Some("127.0.0.1"), "a header that Connection names is not passed on");
    assert_eq!(get("via"), Some("1.1 stanchion"));
    assert_eq!(get("x-request-id"), Some("r-1"));
    for name in ["stanchion-pass", "stanchion-queue", "stanchion_visitor", "x-secret", "te", "connection"] {
        assert_eq!(get(name), None, "{name}");
    }
    assert_eq!((answer.header("x-kept"), answer.header("x-hop")), (Some("1"), None));
    assert_eq!(answer.header("x-request-id"), Some("r-1"));

    front.client.get("/shop").pass(&pass).header("x-forwarded-for", "198.51.100.7").send().await.expect(200);
    let way = front.origin.seen.headers();
    assert_eq!(way["x-forwarded-for"], "198.51.100.7, 127.0.0.1");
}

#[tokio::test]
async fn heads_and_statuses_come_as_the_shop_sent_them() {
    let front = Front::new().await;
    let (_, _, pass) = front.inside().await;
    let head = front.client.call(http::Method::HEAD, "/shop").pass(&pass).send().await.expect(200);
    assert_eq!((head.header("content-length"), head.body.len()), (Some("7"), 0));
    let denied = front.client.get("/shop/denied").pass(&pass).send().await.expect(401);
    assert_eq!(denied.body, "the shop's own");
}

/// Each chunk is sent only after the one before has come back. So this works only if nothing on the way waits for the
/// whole body.
#[tokio::test]
async fn bodies_stream_both_ways_even_past_the_end_of_a_pass() {
    let front = Front::new().await;
    let (_, _, pass) = front.inside().await;
    let (chunks, body) = mpsc::channel::<Bytes>(1);
    let frames = stream::unfold(body, |mut body| async move {
        body.recv().await.map(|chunk| (Ok::<_, std::convert::Infallible>(Frame::data(chunk)), body))
    });
    let client: Client<HttpConnector, _> = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let request = Request::post(format!("http://{}/shop/echo", front.address)).header("stanchion-pass", &pass);
    let request = request.body(StreamBody::new(frames).boxed_unsync()).expect("a request");
    let chunk = Bytes::from(vec![b'x'; CHUNK]);
    chunks.send(chunk.clone()).await.expect("wanted");
    let mut answer = client.request(request).await.expect("an answer").into_body();
    for round in 0..500 {
        let mut back = 0;
        while back < CHUNK {
            let frame = answer.frame().await.expect("more").expect("whole");
            back += frame.into_data().map_or(0, |data| data.len());
        }
        assert_eq!(back, CHUNK, "round {round}");
        if round == 250 {
            // The request that was let in goes on after the pass has ended; a new request is refused.
            front.edge.clock.advance(Duration::from_secs(24 * 3600));
            front.client.get("/shop").pass(&pass).send().await.expect_code(403, "PASS_REQUIRED");
        }
        chunks.send(chunk.clone()).await.expect("wanted");
    }
    drop(chunks);
    let rest = answer.collect().await.expect("whole").to_bytes();
    assert_eq!(rest.len(), CHUNK);
    assert_eq!(front.origin.seen.requests(), 1);
}

/// The part of an answer that the shop has made and the visitor has not read stays bounded, however large the whole
/// answer is. The test counts it in chunks.
#[tokio::test]
async fn a_slow_reader_slows_the_shop() {
    const ON_THE_WAY_MAX: usize = 32 * 1024 * 1024 / CHUNK;
    let front = Front::new().await;
    let (_, _, pass) = front.inside().await;
    let mut stream = TcpStream::connect(front.address).await.expect("connected");
    let request = format!("GET /shop/flood HTTP/1.1\r\nhost: x\r\nconnection: close\r\nstanchion-pass: {pass}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let made = || front.origin.seen.chunks.load(Ordering::SeqCst);
    // The shop has gone as far ahead as it can when it makes nothing more.
    eventually("the shop waits", async || {
        let before = made();
        tokio::time::sleep(Duration::from_millis(100)).await;
        before > 0 && made() == before
    })
    .await;
    let (mut read, mut most, mut buffer) = (0, 0, vec![0; CHUNK]);
    loop {
        // The bytes read include the head and the frames, so at the end they are slightly more than what was made.
        most = most.max(made().saturating_sub(read / CHUNK));
        match stream.read(&mut buffer).await.expect("whole") {
            0 => break,
            bytes => read += bytes,
        }
    }
    assert!(read >= CHUNKS * CHUNK, "{read}");
    assert!(most < ON_THE_WAY_MAX, "{most} chunks were on the way at once");
}

async fn socket(front: &Front, pass: &str) -> TcpStream {
    let mut stream = TcpStream::connect(front.address).await.expect("connected");
    let request = format!(
        "GET /shop/socket HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-key: x\r\nstanchion-pass: {pass}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head"));
    }
    let head = String::from_utf8(head).expect("text").to_lowercase();
    assert!(head.starts_with("http/1.1 101") && head.contains("\r\nupgrade: websocket\r\n"), "{head}");
    assert!(head.contains("\r\nconnection: upgrade\r\n"), "{head}");
    stream
}

async fn echoed(socket: &mut TcpStream, text: &[u8]) {
    socket.write_all(text).await.expect("sent");
    let mut back = vec![0; text.len()];
    socket.read_exact(&mut back).await.expect("echoed");
    assert_eq!(back, text);
}

#[tokio::test]
async fn web_sockets_last_as_long_as_their_visitor_is_inside() {
    let front = Front::new().await;
    let (_, token, pass) = front.inside().await;
    let mut socket = socket(&front, &pass).await;
    let headers = front.origin.seen.headers();
    assert_eq!(
        (&headers["connection"], &headers["upgrade"]),
        (&"upgrade".parse().unwrap(), &"websocket".parse().unwrap())
    );
    assert_eq!(headers["sec-websocket-key"], "x");
    for _ in 0..100 {
        echoed(&mut socket, b"ping").await;
    }
    front.leave(&token).await;
    assert_eq!(socket.read(&mut [0; 8]).await.expect("closed well"), 0);
}

/// A lane that cannot answer does not say who is inside. If that ended web sockets, one silence of Redis would cut all
/// of them.
#[tokio::test]
async fn web_sockets_stay_while_nobody_can_tell() {
    let front = Front::with("path = \"/shop\"\nidle_ms = 100", |_| {}).await;
    let (_, _, pass) = front.inside().await;
    let mut socket = socket(&front, &pass).await;
    let lane = front.edge.state.catalog.event("hall").expect("was put").lane;
    let lane = front.edge.lanes.get(lane).expect("a lane").clone();
    lane.seal().await.expect("sealed");
    // The last answer about the visitor counts for a second. Afterwards the gateway goes on asking.
    while front.client.get("/shop").pass(&pass).send().await.status == 200 {
        echoed(&mut socket, b"ping").await;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    for _ in 0..40 {
        echoed(&mut socket, b"ping").await;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

#[tokio::test]
async fn draining_ends_web_sockets() {
    let front = Front::new().await;
    let (_, _, pass) = front.inside().await;
    let mut socket = socket(&front, &pass).await;
    echoed(&mut socket, b"ping").await;
    front.stop.now();
    front.serving.await.expect("drained");
    assert_eq!(socket.read(&mut [0; 8]).await.expect("closed well"), 0);
}

#[tokio::test]
async fn no_other_protocol_takes_a_connection_over() {
    let front = Front::new().await;
    let (_, _, pass) = front.inside().await;
    let plain = front.client.get("/shop").pass(&pass).header("connection", "upgrade, http2-settings");
    let plain = plain.header("upgrade", "h2c").header("http2-settings", "x").send().await.expect(200);
    assert_eq!(plain.body, "welcome");
    let headers = front.origin.seen.headers();
    assert!(["connection", "upgrade", "http2-settings"].iter().all(|name| !headers.contains_key(*name)));
    // The shop switches protocols although the client did not ask for it.
    front.client.get("/shop/socket").pass(&pass).send().await.expect_code(502, "UPSTREAM_UNREACHABLE");
}
