//! Event streams over a whole gateway: what they tell, how many there may be, and how they end.

use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;

use crate::support::gateway::{Gateway, Store, eventually, small_hall};

const QUEUE: &str = "/v1/events/hall/queue";

/// An open stream, read line by line.
struct Stream(Lines<BufReader<TcpStream>>);

impl Stream {
    async fn open(gateway: &Gateway, token: &str) -> Self {
        let address = gateway.public_url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let ask = format!("GET {QUEUE}/stream HTTP/1.1\r\nhost: {address}\r\nstanchion-queue: {token}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.expect("sent");
        let mut stream = Self(BufReader::new(stream).lines());
        assert_eq!(stream.0.next_line().await.expect("text").as_deref(), Some("HTTP/1.1 200 OK"));
        stream
    }

    /// The next place on the stream; `None`: the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        while let Ok(Some(line)) = self.0.next_line().await {
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).expect("a place"));
            }
            if line == "0" {
                return None;
            }
        }
        None
    }

    /// Reads on to a place in this state, and returns all places up to it.
    async fn until(&mut self, state: &str) -> Vec<Value> {
        let mut told = Vec::new();
        while told.last().is_none_or(|place: &Value| place["state"] != state) {
            told.push(self.next().await.unwrap_or_else(|| panic!("ended before {state}: {told:#?}")));
        }
        told
    }
}

/// Puts the hall with this room.
async fn hall(gateway: &Gateway, room: Value) {
    let mut hall = small_hall();
    hall["room"] = room;
    gateway.put_event("hall", &hall).await;
}

fn narrow() -> Value {
    json!({"capacity": 1, "rate_per_min": 600_000, "mode": "open"})
}

async fn enter(gateway: &Gateway) -> String {
    gateway.public.post(QUEUE).json(&json!({})).send().await.expect(201).text("token")
}

async fn leave(gateway: &Gateway, token: &str) {
    gateway.public.call(Method::DELETE, QUEUE).queue(token).send().await.expect(204);
}

async fn a_stream_tells_each_step(store: Store) {
    let gateway = Gateway::start(store).await;
    hall(&gateway, narrow()).await;
    let (inside, first, second) = (enter(&gateway).await, enter(&gateway).await, enter(&gateway).await);
    let mut stream = Stream::open(&gateway, &second).await;
    let place = stream.next().await.expect("the place as it is");
    assert_eq!((&place["state"], &place["position"]), (&json!("waiting"), &json!(2)));
    hall(&gateway, json!({"capacity": 1, "rate_per_min": 600_000, "mode": "paused"})).await;
    let place = stream.next().await.expect("news");
    assert_eq!((&place["room"], &place["position"]), (&json!("paused"), &json!(2)));
    hall(&gateway, narrow()).await;
    leave(&gateway, &first).await;
    leave(&gateway, &inside).await;
    let told = stream.until("admitted").await;
    let positions: Vec<i64> = told.iter().filter_map(|place| place["position"].as_i64()).collect();
    assert!(positions.is_sorted_by(|a, b| a >= b), "{positions:?}");
    let admitted = told.last().expect("the last");
    assert!(admitted["pass"].is_string() && admitted["expires_in_s"].as_i64().is_some_and(|s| s > 0), "{admitted}");
    leave(&gateway, &second).await;
    let told = stream.until("done").await;
    assert_eq!((told.len(), stream.next().await), (1, None), "and ends with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_each_step_embedded() {
    a_stream_tells_each_step(Store::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_each_step_redis() {
    a_stream_tells_each_step(Store::Redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_so_many_streams_and_no_more() {
    let gateway = Gateway::start_with(Store::Embedded, |config| config.limits.streams = 1).await;
    hall(&gateway, narrow()).await;
    let token = enter(&gateway).await;
    let stream = Stream::open(&gateway, &token).await;
    let another = async || gateway.public.get(&format!("{QUEUE}/stream")).queue(&token).send();
    another().await.await.expect_code(503, "OVERLOADED");
    drop(stream);
    // The gateway learns that a client is gone when it looks or writes, so this may take a while.
    eventually("the place of the stream is free", async || {
        let address = gateway.public_url.trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(&address).await.expect("connected");
        let ask = format!("GET {QUEUE}/stream HTTP/1.1\r\nhost: x\r\nstanchion-queue: {token}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.expect("sent");
        let first = BufReader::new(stream).lines().next_line().await.expect("text");
        first.as_deref() == Some("HTTP/1.1 200 OK")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_ends_its_streams() {
    let gateway = Gateway::start(Store::Embedded).await;
    hall(&gateway, narrow()).await;
    enter(&gateway).await;
    let token = enter(&gateway).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = Stream::open(&gateway, &token).await;
        assert_eq!(stream.next().await.expect("the place")["state"], "waiting");
        streams.push(stream);
    }
    gateway.stop().await;
    for stream in &mut streams {
        assert_eq!(stream.next().await, None);
    }
}
