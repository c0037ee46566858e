//! How often a client may ask. A client is the address that connected, or that a trusted proxy names. Also: a client
//! that never finishes its request keeps no other waiting.

use std::time::Duration;

use serde_json::json;
use stanchion::config::Config;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::edge::server::{serve, talk};
use crate::edge::support::{Answer, Edge};

const QUEUE: &str = "/v1/events/hall/queue";
const ROOM: &str = "/v1/events/hall/room";

/// An edge that trusts 192.0.2.0/24 as a proxy that names its clients. The requests of these tests come from there.
async fn behind_a_proxy(change: impl FnOnce(&mut Config)) -> Edge {
    let edge = Edge::with(|config| {
        config.server.trusted_proxies = vec!["192.0.2.0/24".into()];
        change(config);
    })
    .await;
    edge.put_event("hall", json!({"capacity": 1})).await;
    edge
}

async fn join(edge: &Edge, address: &str) -> Answer {
    edge.post(QUEUE).header("x-forwarded-for", address).send().await
}

async fn look(edge: &Edge, address: &str) -> u16 {
    edge.get(ROOM).header("x-forwarded-for", address).send().await.status.as_u16()
}

#[tokio::test]
async fn a_carriers_address_keeps_polling_while_its_joins_are_limited() {
    let edge = behind_a_proxy(|config| {
        (config.limits.client_rps, config.limits.client_burst, config.limits.visitor_rps) = (20, 40, 10);
        (config.limits.join_rps, config.limits.join_burst) = (1, 5);
    })
    .await;
    let mut tokens = Vec::new();
    for n in 0..1_000 {
        let entered = join(&edge, &format!("198.51.{}.{}", n / 250, n % 250)).await;
        assert_eq!(entered.status, 201);
        tokens.push(entered.text("token"));
    }
    let carrier = "203.0.113.7";
    let polls = async || {
        for token in &tokens {
            let call = edge.get(QUEUE).header("x-forwarded-for", carrier).header("stanchion-queue", token);
            assert_eq!(call.send().await.status, 200);
        }
    };
    polls().await;
    let mut refused = 0;
    for _ in 0..20 {
        let answer = join(&edge, carrier).await;
        match answer.status.as_u16() {
            201 => {}
            429 => {
                refused += 1;
                let after = answer.header("retry-after").and_then(|text| text.parse::<u64>().ok());
                assert_eq!((answer.code().1, after.is_some_and(|s| (1..=2).contains(&s))), ("TOO_MANY_REQUESTS", true));
            }
            other => panic!("{other}"),
        }
    }
    assert!(
        (13..=15).contains(&refused),
        "{refused} of twenty are refused: five get in, and those for whom the bucket fills meanwhile"
    );
    polls().await;
    // A visitor who comes back with a token does not join.
    for token in &tokens[..50] {
        let back = edge.post(QUEUE).header("x-forwarded-for", carrier).header("stanchion-queue", token).send().await;
        assert_eq!(back.status, 200);
    }
    assert_eq!(join(&edge, "203.0.113.8").await.status, 201, "another address");
}

#[tokio::test]
async fn signed_in_or_not_an_address_joins_so_often() {
    let edge = behind_a_proxy(|config| (config.limits.join_rps, config.limits.join_burst) = (1, 2)).await;
    edge.put_event("hall", json!({"identity": "user"})).await;
    let mut seen = Vec::new();
    for user in ["kim", "lee", "park"] {
        let call = edge.post(QUEUE).header("x-forwarded-for", "203.0.113.7").bearer(&edge.token(user, ""));
        seen.push(call.send().await.status.as_u16());
    }
    assert_eq!(seen, [201, 201, 429]);
}

#[tokio::test]
async fn only_a_trusted_proxy_says_who_asks() {
    let limited = |config: &mut Config| (config.limits.client_rps, config.limits.client_burst) = (1, 2);
    let trusting = behind_a_proxy(limited).await;
    assert_eq!([look(&trusting, "198.51.100.1").await, look(&trusting, "198.51.100.2").await], [200, 200]);
    let same = [look(&trusting, "198.51.100.3").await, look(&trusting, "198.51.100.3").await];
    assert_eq!((same, look(&trusting, "198.51.100.3").await), ([200, 200], 429));
    // The rightmost address is the proxy's word. A client may have invented those to the left of it.
    assert_eq!(look(&trusting, "10.9.8.7, 198.51.100.3").await, 429);
    assert_eq!(look(&trusting, "198.51.100.3, 198.51.100.4").await, 200);

    let wary = Edge::with(limited).await;
    wary.put_event("hall", json!({})).await;
    let seen =
        [look(&wary, "198.51.100.1").await, look(&wary, "198.51.100.2").await, look(&wary, "198.51.100.3").await];
    assert_eq!(seen, [200, 200, 429], "all count as the address that connected");
}

#[tokio::test]
async fn an_ipv6_home_is_one_client() {
    let edge = behind_a_proxy(|config| {
        (config.limits.client_rps, config.limits.client_burst) = (1, 2);
        (config.limits.join_rps, config.limits.join_burst) = (1, 1);
    })
    .await;
    assert_eq!(join(&edge, "2001:db8:0:7::1").await.status, 201);
    assert_eq!(join(&edge, "2001:db8:0:7:ffff::2").await.status, 429);
    assert_eq!(look(&edge, "2001:db8:0:7::3").await, 429, "both limits count a /64 as one client");
    assert_eq!(join(&edge, "2001:db8:0:8::1").await.status, 201, "the neighbours");
}

#[tokio::test]
async fn more_addresses_than_are_remembered_share_a_bucket() {
    let edge = behind_a_proxy(|config| {
        (config.limits.client_rps, config.limits.client_burst) = (1, 2);
        config.limits.keys_max = 10;
    })
    .await;
    let mut seen = Vec::new();
    for n in 0..14 {
        seen.push(look(&edge, &format!("198.51.100.{n}")).await);
    }
    assert_eq!((seen[..12].to_vec(), seen[12..].to_vec()), (vec![200; 12], vec![429; 2]));
    assert_eq!(
        look(&edge, "198.51.100.3").await,
        200,
        "an address that was known before the flood keeps its own bucket"
    );
}

/// A shop checks the passes of many visitors from one address. Each check counts for the visitor of the pass, and the
/// spelling of the event in the query does not change that.
#[tokio::test]
async fn a_pass_is_limited_as_its_visitor_however_its_event_is_written() {
    let edge = behind_a_proxy(|config| {
        (config.limits.client_rps, config.limits.client_burst, config.limits.visitor_rps) = (1, 2, 1_000);
        config.limits.join_rps = 0;
    })
    .await;
    let pass = join(&edge, "198.51.100.1").await.text("pass");
    for query in ["event=hall", "x=1&event=hall", "event=h%61ll", "%65vent=hall&y="] {
        for n in 0..5 {
            let call = edge.get(&format!("/v1/pass/verify?{query}")).header("stanchion-pass", &pass);
            let answer = call.header("x-forwarded-for", "203.0.113.7").send().await;
            assert_eq!(answer.status, 204, "{query}, {n}");
        }
    }
}

/// Many clients at once that never finish their request, or never read the answers.
#[tokio::test(flavor = "multi_thread")]
async fn who_never_finishes_keeps_nobody_waiting() {
    let edge = Edge::with(|config| {
        config.server.header_timeout_ms = 30_000;
        config.server.body_timeout_ms = 30_000;
        config.server.write_timeout_ms = 30_000;
        config.limits.in_flight = 100;
    })
    .await;
    let (address, _stop, _serving) = serve(&edge.public).await;
    let mut stuck = Vec::new();
    for n in 0..90 {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let part = match n % 3 {
            0 => "GET / HTTP/1.1\r\nhost: x\r\n".to_owned(),
            1 => "POST /v1/events/hall/queue HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{".to_owned(),
            _ => "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100),
        };
        stream.write_all(part.as_bytes()).await.expect("sent");
        stuck.push(stream);
    }
    for _ in 0..20 {
        let answer = talk(address, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer:.60}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_cut_off() {
    let edge = Edge::with(|config| config.server.write_timeout_ms = 100).await;
    let (address, _stop, _serving) = serve(&edge.public).await;
    let mut stream = TcpStream::connect(address).await.expect("connected");
    // Nobody reads the answers. So the gateway stops reading requests, and in the end it closes the connection.
    let hangs_up = async { while stream.write_all(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(60), hangs_up).await.expect("cut off, though nothing was read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_for_a_connection_comes_free_when_an_idle_one_is_cut() {
    let edge = Edge::with(|config| {
        config.server.connections_max = 1;
        config.server.header_timeout_ms = 100;
    })
    .await;
    let (address, _stop, _serving) = serve(&edge.public).await;
    let idle = TcpStream::connect(address).await.expect("connected");
    let answer = talk(address, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:.60}");
    drop(idle);
}
