//! A room's draw through HTTP: the commitment comes first, the list and then the seed after the opening, and anyone can
//! check the list. Most tests put the list into the ledger themselves, in place of the writer.

use std::time::Duration;

use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use stanchion::facts::draw::list_digest;
use stanchion::facts::ids::VisitorId;
use stanchion::ledger::catalog::Put;
use stanchion::ledger::draws::{SaveDraw, parts};

use crate::cli::verify_draw::verify;
use crate::edge::support::{Answer, Edge};
use crate::faults::away::behind_proxies;
use crate::ledger::rows::run;
use crate::support::gateway::{Gateway, Store, eventually};
use crate::support::proxy;

const ROOM: &str = "/v1/events/hall/room";
const DRAW: &str = "/v1/events/hall/room/draw";

async fn mode(edge: &Edge, mode: &str) {
    edge.put_event("hall", json!({"order": "lottery", "identity": "user", "mode": mode})).await;
    edge.pulse("hall").await;
}

async fn draw(edge: &Edge) -> Value {
    edge.get(ROOM).send().await.json["draw"].clone()
}

fn ids(count: usize) -> Vec<VisitorId> {
    (0..count).map(|n| VisitorId::from(format!("-_{n:020}"))).collect()
}

async fn save(edge: &Edge, round: i64, ids: &[VisitorId], visitors: usize) -> String {
    let save = SaveDraw {
        event: "hall".into(),
        round,
        list_digest: list_digest(ids),
        visitors: visitors.try_into().expect("few"),
        parts: parts(ids),
        now_ms: edge.clock.now_ms(),
    };
    assert_eq!(edge.ledger.save_draw(save.clone()).await.expect("answers"), Put::Done);
    save.list_digest
}

async fn not_open(edge: &Edge) {
    assert_eq!(edge.get(DRAW).send().await.code(), (409, "DRAW_NOT_OPEN"));
}

#[tokio::test]
async fn first_the_commitment_then_the_list_then_the_seed() {
    let edge = Edge::new().await;
    mode(&edge, "scheduled").await;
    let before = edge.get(ROOM).send().await.json;
    assert_eq!(before["order"], "lottery");
    let commitment = before["draw"]["commitment"].as_str().expect("text").to_owned();
    let only_committed = json!({"commitment": commitment, "list_digest": null, "seed": null});
    assert_eq!(before["draw"], only_committed);
    not_open(&edge).await;

    mode(&edge, "open").await;
    assert_eq!(draw(&edge).await, only_committed, "nobody has written the list yet");
    not_open(&edge).await;

    let ids = ids(12_345);
    let digest = save(&edge, 1, &ids, ids.len()).await;
    // The answer that there is no draw counts for a second.
    eventually("the list is known", async || draw(&edge).await["list_digest"] == digest.as_str()).await;
    edge.clock.advance(Duration::from_millis(999));
    assert_eq!(draw(&edge).await, json!({"commitment": commitment, "list_digest": digest, "seed": null}));
    not_open(&edge).await;

    edge.clock.advance(Duration::from_millis(1));
    let seed = draw(&edge).await["seed"].as_str().expect("told now").to_owned();
    let answer = edge.get(DRAW).send().await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
    let told = json!({
        "event": "hall", "round": 1, "commitment": commitment, "list_digest": digest, "seed": seed, "visitors": ids,
    });
    assert!(answer.json == told, "{:.300}", answer.text);

    // A stored draw is read once: from then on the room is shown without the ledger.
    run(&edge.ledger, "DELETE FROM room_draw").await.expect("writes");
    assert_eq!(draw(&edge).await, json!({"commitment": commitment, "list_digest": digest, "seed": seed}));

    let ran = verify(answer.text.as_bytes(), &["--commitment", &commitment]);
    assert_eq!((ran.code, ran.out.lines().count()), (Some(0), 12_345), "{}", ran.err);
}

#[tokio::test]
async fn every_round_has_a_draw_of_its_own() {
    let edge = Edge::new().await;
    mode(&edge, "scheduled").await;
    let first = draw(&edge).await;
    mode(&edge, "open").await;
    save(&edge, 1, &[], 0).await;
    edge.clock.advance(Duration::from_secs(1));
    let empty = edge.get(DRAW).send().await;
    assert_eq!((empty.status.as_u16(), &empty.json["visitors"]), (200, &json!([])));
    mode(&edge, "closed").await;
    assert_eq!(draw(&edge).await["seed"], empty.json["seed"], "the seed that was told stays");
    mode(&edge, "scheduled").await;
    let second = draw(&edge).await;
    assert_ne!(second["commitment"], first["commitment"]);
    assert_eq!((&second["list_digest"], &second["seed"]), (&Value::Null, &Value::Null));
    not_open(&edge).await;
    // A second request gets the same answer.
    assert_eq!(draw(&edge).await, second);
}

#[tokio::test]
async fn a_room_without_a_draw() {
    let edge = Edge::new().await;
    edge.put_event("hall", json!({"identity": "user"})).await;
    assert_eq!(draw(&edge).await, Value::Null);
    assert_eq!(edge.get(DRAW).send().await.code(), (404, "NOT_FOUND"));
    assert_eq!(edge.get("/v1/events/none/room/draw").send().await.code(), (404, "EVENT_NOT_FOUND"));
}

#[tokio::test]
async fn a_list_that_is_not_whole_breaks_off() {
    let edge = Edge::new().await;
    mode(&edge, "open").await;
    save(&edge, 1, &ids(6_000), 6_001).await;
    edge.clock.advance(Duration::from_secs(1));
    let request = Request::get(DRAW).header("host", "tickets.example").body(Full::<bytes::Bytes>::default());
    let response = edge.public.call(request.expect("a request"), ([192, 0, 2, 1], 5000).into()).await;
    assert_eq!(response.status(), 200, "the answer has begun");
    assert!(response.into_body().collect().await.is_err(), "the body breaks off");
}

#[tokio::test]
async fn a_room_keeps_its_order_and_its_visitors_their_identity() {
    let edge = Edge::new().await;
    edge.put_event("hall", json!({"identity": "user"})).await;
    let pointers = |answer: &Answer| -> Vec<String> {
        let errors = answer.json["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().expect("text").to_owned()).collect()
    };
    let admin = edge.token("root", "admin");
    let patch = async |room: Value| {
        edge.admin_call(Method::PATCH, "/v1/admin/events/hall/room").bearer(&admin).json(&room).send().await
    };
    let lottery = patch(json!({"order": "lottery"})).await;
    assert_eq!((lottery.code(), pointers(&lottery)), ((400, "VALIDATION"), vec!["/order".to_owned()]));
    let browser = patch(json!({"identity": "browser", "order": "lottery"})).await;
    assert_eq!((browser.code(), pointers(&browser)), ((400, "VALIDATION"), vec!["/order".to_owned()]));
    let browser = patch(json!({"identity": "browser"})).await;
    assert_eq!((browser.code(), pointers(&browser)), ((400, "VALIDATION"), vec!["/identity".to_owned()]));
    assert_eq!(patch(json!({"identity": "user", "capacity": 7})).await.status, 200, "the same is no change");

    let put = async |event: &str, room: Value| {
        let spec = json!({
            "name": "Concert", "starts_at": "2027-01-01T00:00:00Z", "opens_at": "2026-11-20T11:00:00Z",
            "currency": "KRW", "organizer": "hall-co", "room": room, "sections": [],
        });
        let path = format!("/v1/admin/events/{event}");
        edge.admin_call(Method::PUT, &path).bearer(&admin).json(&spec).send().await
    };
    let changed = put("hall", json!({"order": "lottery", "identity": "user"})).await;
    assert_eq!((changed.code(), pointers(&changed)), ((400, "VALIDATION"), vec!["/room/order".to_owned()]));
    let of_browsers = put("dome", json!({"order": "lottery"})).await;
    assert_eq!((of_browsers.code(), pointers(&of_browsers)), ((400, "VALIDATION"), vec!["/room/order".to_owned()]));
    assert_eq!(put("dome", json!({"order": "lottery", "identity": "user"})).await.status, 201);
}

fn lottery() -> Value {
    json!({
        "name": "Concert", "starts_at": "2030-01-01T00:00:00Z", "currency": "KRW", "organizer": "hall-co",
        "sections": [], "room": {"order": "lottery", "identity": "user", "mode": "open"},
    })
}

/// A whole gateway with its writer: at the opening the writer stores who takes part, and the gateway publishes it.
async fn a_draw_opens(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &lottery()).await;
    let commitment = gateway.public.get(ROOM).send().await.expect(200).json["draw"]["commitment"].clone();
    gateway.public.post("/v1/events/hall/queue").bearer(&gateway.token("kim")).send().await.expect(201);
    eventually("the seed is told", async || {
        gateway.public.get(ROOM).send().await.expect(200).json["draw"]["seed"].is_string()
    })
    .await;
    let told = gateway.public.get(DRAW).send().await.expect(200);
    let ran = verify(&told.body, &["--commitment", commitment.as_str().expect("told from the beginning")]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), ""),
        "a visitor who comes after the opening is in no draw: {}",
        ran.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draw_opens_embedded() {
    a_draw_opens(Store::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draw_opens_on_redis() {
    a_draw_opens(Store::Redis).await;
}

/// While the ledger does not answer, one request at a time asks it, and all the others get that result.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_away_is_not_asked_by_everyone() {
    const MANY: usize = 100;
    let (_redis, mysql, gateway) = behind_proxies(2_000).await;
    mysql.set(proxy::Mode::CutAt("FROM room_draw "));
    gateway.put_event("hall", &lottery()).await;
    eventually("the draw is looked for", async || gateway.public.get(DRAW).send().await.status == 503).await;
    let before = mysql.cuts();
    let asked = futures_util::future::join_all((0..MANY).map(|_| gateway.public.get(DRAW).send())).await;
    for answer in asked {
        let answer = answer.expect_code(503, "UNAVAILABLE");
        assert!(answer.header("retry-after").is_some());
    }
    let cuts = mysql.cuts() - before;
    assert!(cuts < MANY / 2, "of {MANY} requests {cuts} asked the ledger");
    mysql.set(proxy::Mode::Pass);
    eventually("the draw is told", async || gateway.public.get(DRAW).send().await.status == 200).await;
}
