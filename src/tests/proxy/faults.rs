//! Reverse-proxy mode: shops that are away, are slow or break off, and more requests than a shop may get.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::proxy::origin::{Front, upstream};
use crate::support::gateway::eventually;

/// Sends a request, and returns what comes until the connection ends, well or not.
async fn talk(front: &Front, request: &str) -> String {
    let mut stream = TcpStream::connect(front.address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // An error at the end does not matter.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn a_shop_that_is_away_is_502_and_one_that_does_not_answer_504() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = gone.local_addr().expect("bound");
    drop(gone);
    let front = Front::with("path = \"/shop\"\nanswer_ms = 50", |config| {
        config.upstream.push(upstream(address, "path = \"/gone\""));
    })
    .await;
    let (_, _, pass) = front.inside().await;
    let away = front.client.get("/gone").pass(&pass).send().await.expect_code(502, "UPSTREAM_UNREACHABLE");
    assert_eq!(away.header("content-type"), Some("application/problem+json"));
    assert_eq!(away.json["retryable"], true);
    assert!(!String::from_utf8_lossy(&away.body).contains(&address.to_string()), "nothing internal");
    front.client.get("/shop/never").pass(&pass).send().await.expect_code(504, "UPSTREAM_TIMEOUT");
    front.client.get("/shop").pass(&pass).send().await.expect(200);
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_stalls_is_not_taken_for_a_whole_one() {
    let front = Front::with("path = \"/shop\"\nidle_ms = 50", |_| {}).await;
    let (_, _, pass) = front.inside().await;
    for path in ["/shop/broken", "/shop/silent"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nstanchion-pass: {pass}\r\n\r\n");
        let answer = talk(&front, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("half"), "{answer}");
        assert!(!answer.ends_with("\r\n0\r\n\r\n"), "the end of a chunked body must not be there: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_stalls_is_told_so() {
    let front = Front::with("path = \"/shop\"\nidle_ms = 50", |_| {}).await;
    let (_, _, pass) = front.inside().await;
    let half = format!("POST /shop HTTP/1.1\r\nhost: x\r\nstanchion-pass: {pass}\r\ncontent-length: 9\r\n\r\nhalf");
    // The shop never answers and the client never ends its body. The gateway does not wait for the client.
    let answer = talk(&front, &half.replace("/shop ", "/shop/never ")).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("REQUEST_TIMEOUT"), "{answer}");
}

#[tokio::test]
async fn places_at_a_shop_are_bounded_and_come_free() {
    let front = Front::with("path = \"/shop\"\nconnections_max = 1", |_| {}).await;
    let (_, _, pass) = front.inside().await;
    let mut first = TcpStream::connect(front.address).await.expect("connected");
    let request = format!("GET /shop/never HTTP/1.1\r\nhost: x\r\nstanchion-pass: {pass}\r\n\r\n");
    first.write_all(request.as_bytes()).await.expect("sent");
    front.origin.seen.stuck.notified().await;
    let busy = front.client.get("/shop").pass(&pass).send().await.expect_code(503, "OVERLOADED");
    assert!(busy.header("retry-after").is_some());
    drop(first);
    eventually("the place is free", async || front.client.get("/shop").pass(&pass).send().await.status == 200).await;
}

#[tokio::test]
async fn one_visitor_leaves_places_for_the_others() {
    let front = Front::with("path = \"/shop\"\nconnections_max = 3\nvisitor_max = 2", |_| {}).await;
    let (_, _, greedy) = front.inside().await;
    let (_, _, other) = front.inside().await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(front.address).await.expect("connected");
        let request = format!("GET /shop/never HTTP/1.1\r\nhost: x\r\nstanchion-pass: {greedy}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        front.origin.seen.stuck.notified().await;
        open.push(stream);
    }
    let more = front.client.get("/shop").pass(&greedy).send().await.expect_code(429, "TOO_MANY_REQUESTS");
    assert!(more.header("retry-after").is_some());
    front.client.get("/shop").pass(&other).send().await.expect(200);
    open.pop();
    eventually("a place is free", async || front.client.get("/shop").pass(&greedy).send().await.status == 200).await;
}

/// A client that sends single bytes is never silent long enough for `idle_ms`. So the rate has a lower bound, too.
#[tokio::test]
async fn an_upload_slower_than_the_least_rate_is_cut_off() {
    let front = Front::with("path = \"/shop\"\nidle_ms = 100\nupload_bytes_s = 1000", |_| {}).await;
    let (_, _, pass) = front.inside().await;
    let stream = TcpStream::connect(front.address).await.expect("connected");
    let (mut read, mut write) = stream.into_split();
    let head = format!("POST /shop/never HTTP/1.1\r\nhost: x\r\nstanchion-pass: {pass}\r\n");
    write.write_all(format!("{head}content-length: 100000\r\n\r\n").as_bytes()).await.expect("sent");
    let drip = tokio::spawn(async move {
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = vec![0; 1024];
    let length = read.read(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("REQUEST_TIMEOUT"), "{answer}");
    drip.abort();
}

#[tokio::test]
async fn who_uploads_slowly_to_a_slow_shop_keeps_nobody_out_of_the_room() {
    let front = Front::with("path = \"/shop\"", |config| config.limits.in_flight = 2).await;
    let (_, _, pass) = front.inside().await;
    let mut stuck = Vec::new();
    for n in 1..=10 {
        let mut stream = TcpStream::connect(front.address).await.expect("connected");
        let head =
            format!("POST /shop/never HTTP/1.1\r\nhost: x\r\nstanchion-pass: {pass}\r\ncontent-length: 9\r\n\r\n");
        stream.write_all(format!("{head}half").as_bytes()).await.expect("sent");
        stuck.push(stream);
        eventually("the shop has it", async || front.origin.seen.requests() == n).await;
    }
    front.client.get("/v1/events/hall/room").send().await.expect(200);
    front.client.get("/shop").pass(&pass).send().await.expect(200);
}

#[tokio::test]
async fn an_upload_may_take_its_time_while_it_moves() {
    let front = Front::with("path = \"/shop\"\nanswer_ms = 200\nidle_ms = 60000", |_| {}).await;
    let (_, _, pass) = front.inside().await;
    let mut stream = TcpStream::connect(front.address).await.expect("connected");
    let head = format!("POST /shop/echo HTTP/1.1\r\nhost: x\r\nstanchion-pass: {pass}\r\nconnection: close\r\n");
    stream.write_all(format!("{head}content-length: 20\r\n\r\n").as_bytes()).await.expect("sent");
    for _ in 0..20 {
        stream.write_all(b"x").await.expect("sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("xxxxxxxxxxxxxxxxxxxx"), "{answer}");
}

/// A shop that answers one request and closes the connection at the second, as a server does whose idle time has just
/// ended. Returns its address and the first lines of the requests it got.
async fn closing_shop() -> (std::net::SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let shared = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let asked = shared.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                for n in 0..2 {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    asked.lock().expect("no panic").push(head.lines().next().expect("a line").to_owned());
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    if n == 1 || stream.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, asked)
}

#[tokio::test]
async fn a_kept_connection_that_ends_costs_only_what_may_not_be_repeated() {
    let (address, asked) = closing_shop().await;
    let front = Front::with("path = \"/shop\"", |config| {
        config.upstream.push(upstream(address, "path = \"/old\""));
    })
    .await;
    let (_, _, pass) = front.inside().await;
    let ask = |method: Method, path: &str| front.client.call(method, path).pass(&pass);
    for n in 0..2 {
        ask(Method::GET, &format!("/old/{n}")).send().await.expect(200);
    }
    ask(Method::GET, "/old/kept").send().await.expect(200);
    ask(Method::POST, "/old/order").send().await.expect_code(502, "UPSTREAM_UNREACHABLE");
    ask(Method::GET, "/old/kept").send().await.expect(200);
    let asks_with_body = ask(Method::GET, "/old/search").json(&serde_json::json!({"q": 1}));
    asks_with_body.send().await.expect_code(502, "UPSTREAM_UNREACHABLE");
    let lines = asked.lock().expect("no panic").clone();
    let lines: Vec<&str> = lines.iter().filter_map(|line| line.strip_suffix(" HTTP/1.1")).collect();
    let kept = ["GET /old/0", "GET /old/1", "GET /old/1", "GET /old/kept", "POST /old/order"];
    assert_eq!(lines[..5], kept);
    assert_eq!(lines[5..], ["GET /old/kept", "GET /old/search"], "a body may have been read");
}

/// This holds for GET, too. The trailer is dropped, because it could name the visitor once more.
#[tokio::test]
async fn a_chunked_body_arrives_without_what_stands_behind_it() {
    let front = Front::new().await;
    let (_, _, pass) = front.inside().await;
    for method in ["GET", "POST"] {
        let head =
            format!("{method} /shop/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\nstanchion-pass: {pass}\r\n");
        let chunked = "transfer-encoding: chunked\r\ntrailer: stanchion-visitor\r\n\r\n5\r\nhello\r\n0\r\n";
        let answer = talk(&front, &format!("{head}{chunked}stanchion-visitor: evil\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("hello"), "{method}: {answer}");
        assert!(!answer.contains("evil"), "{answer}");
        let (_, _, headers) = front.origin.seen.last.lock().expect("no panic").clone();
        assert!(!headers.contains_key("trailer") && !headers.contains_key("content-length"), "{headers:?}");
        assert_eq!(headers.get_all("stanchion-visitor").iter().count(), 1);
    }
}
