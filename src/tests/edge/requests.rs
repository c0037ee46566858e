//! What every request passes through, whatever it asks for: paths and methods, bodies, authentication, limits, CORS,
//! compression, and the answers to faults; and the probes and API documents of the listeners.

use std::io::Read as _;

use http::Method;
use serde_json::json;

use crate::edge::support::{Answer, Edge};

const QUEUE: &str = "/v1/events/hall/queue";

async fn hall() -> Edge {
    let edge = Edge::new().await;
    edge.put_event("hall", json!({})).await;
    edge
}

#[tokio::test]
async fn a_problem_is_whole() {
    let answer = hall().await.get("/v1/nothing").header("x-request-id", "mine-1").send().await;
    let wanted = json!({
        "type": "about:blank", "title": "There is nothing here", "status": 404, "detail": "There is nothing here",
        "code": "NOT_FOUND", "retryable": false, "request_id": "mine-1",
    });
    assert_eq!(answer.json, wanted);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.header("x-request-id"), Some("mine-1"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn an_insane_request_id_is_replaced() {
    let edge = hall().await;
    for given in ["", "a b", "{}", &"x".repeat(65)] {
        let answer = edge.get("/v1/nothing").header("x-request-id", given).send().await;
        let id = answer.header("x-request-id").expect("always").to_owned();
        assert_eq!(id.len(), 16, "{given}: {id}");
        assert_eq!(answer.json["request_id"], id);
    }
}

#[tokio::test]
async fn wrong_paths_and_methods() {
    let edge = hall().await;
    let answer = edge.call(Method::PATCH, QUEUE).send().await;
    assert_eq!(answer.code(), (405, "METHOD_NOT_ALLOWED"));
    assert_eq!(answer.header("allow"), Some("DELETE, GET, HEAD, OPTIONS, POST"));
    for path in ["/v1/events/none/room", "/v1/events/No/room", "/v1/events/%2e/room", "/v1/events/a%20b/queue"] {
        assert_eq!(edge.get(path).send().await.code(), (404, "EVENT_NOT_FOUND"), "{path}");
    }
    assert_eq!(edge.get("/metrics").send().await.code(), (404, "NOT_FOUND"));
    assert_eq!(edge.get("/v1/admin/audit").send().await.code(), (404, "NOT_FOUND"));
    assert_eq!(edge.call(Method::HEAD, "/v1/events/hall/room").send().await.status, 200);
}

#[tokio::test]
async fn bad_bodies() {
    let edge = hall().await;
    let refusal = async |content_type: &str, body: &[u8]| {
        let answer = edge.post(QUEUE).body(content_type, body).send().await;
        let (status, code) = answer.code();
        format!("{status} {code} {}", answer.json["errors"][0]["pointer"].as_str().unwrap_or("-"))
    };
    assert_eq!(refusal("text/plain", b"{}").await, "415 UNSUPPORTED_MEDIA_TYPE -");
    assert_eq!(refusal("application/json-seq", b"{}").await, "415 UNSUPPORTED_MEDIA_TYPE -");
    assert_eq!(refusal("application/json", b"{").await, "400 BAD_JSON -");
    assert_eq!(refusal("application/json", b"\xff\xfe").await, "400 BAD_JSON -");
    assert_eq!(refusal("application/json", br#"{"token":null,"token":null}"#).await, "400 BAD_JSON -");
    assert_eq!(refusal("application/json", "[".repeat(60_000).as_bytes()).await, "400 BAD_JSON -");
    assert_eq!(refusal("application/json", b"[]").await, "400 VALIDATION ");
    assert_eq!(refusal("application/json", b"null").await, "400 VALIDATION ");
    assert_eq!(refusal("application/json", br#"{"token":7}"#).await, "400 VALIDATION /token");
    assert_eq!(refusal("application/json", br#"{"more":1}"#).await, "400 VALIDATION /more");
    assert_eq!(refusal("application/json", br#"{"token":1e999}"#).await, "400 VALIDATION ");
    assert_eq!(refusal("application/json", &vec![b' '; 65_537]).await, "413 BODY_TOO_LARGE -");
    let good = edge.post(QUEUE).body("Application/JSON; charset=utf-8", "{}").send().await;
    assert_eq!(good.status, 201);
    assert_eq!(edge.post(QUEUE).send().await.status, 201, "no body is {{}}");
}

#[tokio::test]
async fn who_asks() {
    let edge = Edge::with(|config| config.admin.public = true).await;
    let audit = async |token: Option<String>| -> Answer {
        let call = edge.get("/v1/admin/audit");
        match token {
            Some(token) => call.bearer(&token).send().await,
            None => call.send().await,
        }
    };
    assert_eq!(audit(None).await.code(), (401, "UNAUTHENTICATED"));
    assert_eq!(audit(Some("nonsense".into())).await.code(), (401, "UNAUTHENTICATED"));
    assert_eq!(audit(Some(edge.token("kim", ""))).await.code(), (403, "ADMIN_REQUIRED"));
    // The admin is let in, but the part behind is away. The answer does not say why.
    let answer = audit(Some(edge.token("kim", "admin"))).await;
    assert_eq!(answer.code(), (503, "UNAVAILABLE"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(!answer.text.contains("absent"), "{}", answer.text);
}

#[tokio::test]
async fn a_panic_is_a_500_and_no_more() {
    let edge = Edge::new().await;
    let admin = edge.token("kim", "admin");
    let read = edge.admin_call(Method::GET, "/v1/admin/pipeline").bearer(&admin).send().await;
    assert_eq!(read.code(), (500, "INTERNAL"));
    let write = edge.admin_call(Method::POST, "/v1/admin/dead-letters/x/requeue").bearer(&admin).send().await;
    assert_eq!(write.code(), (500, "INTERNAL"));
    assert!(!write.text.contains("panics"));
    assert_eq!(edge.admin_call(Method::GET, "/livez").send().await.status, 200);
}

#[tokio::test]
async fn strangers_are_limited_and_the_known_by_themselves() {
    let edge = Edge::with(|config| {
        config.limits.client_rps = 1;
        config.limits.client_burst = 2;
        config.limits.visitor_rps = 1;
    })
    .await;
    edge.put_event("hall", json!({})).await;
    let entered = edge.post(QUEUE).send().await;
    let token = entered.text("token");
    assert_eq!(edge.get("/v1/events/hall/room").send().await.status, 200);
    let refused = edge.get("/v1/events/hall/room").send().await;
    assert_eq!(refused.code(), (429, "TOO_MANY_REQUESTS"));
    assert!(refused.header("retry-after").is_some());
    // Unknown paths count too, and a forged token counts as a stranger's.
    assert_eq!(edge.get("/v1/nothing").send().await.status, 429);
    assert_eq!(edge.get(QUEUE).header("stanchion-queue", "forged").send().await.status, 429);
    // A visitor has a limit of its own.
    let polls = async || edge.get(QUEUE).header("stanchion-queue", &token).send().await.status.as_u16();
    assert_eq!([polls().await, polls().await, polls().await], [200, 200, 429]);
    let user = edge.token("kim", "");
    assert_eq!(edge.get("/v1/events/hall/room").bearer(&user).send().await.status, 200);
    assert_eq!(edge.admin_call(Method::GET, "/livez").send().await.status, 200);
}

/// Without this limit one good token, even a spent one, would let thousands of requests past the limit of strangers.
#[tokio::test]
async fn an_address_has_a_wide_limit_whoever_asks_from_it() {
    let edge = Edge::with(|config| {
        config.limits.client_rps = 1;
        config.limits.client_burst = 2;
        config.limits.visitor_rps = 1_000;
        config.limits.address_rps = 5;
    })
    .await;
    edge.put_event("hall", json!({})).await;
    let token = edge.post(QUEUE).send().await.text("token");
    edge.call(Method::DELETE, QUEUE).header("stanchion-queue", &token).send().await;
    let poll = async || edge.get(QUEUE).header("stanchion-queue", &token).send().await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(poll().await.status.as_u16());
    }
    assert_eq!(answers, [200, 200, 200, 429, 429]);
    let forged = edge.get(QUEUE).header("stanchion-queue", "forged").send().await;
    assert_eq!(forged.code(), (429, "TOO_MANY_REQUESTS"), "before any signature is looked at");
    assert!(forged.json["detail"].as_str().is_some_and(|why| why.contains("address")), "{}", forged.json);
    assert_eq!(edge.admin_call(Method::GET, "/livez").send().await.status, 200);
}

#[tokio::test]
async fn beyond_the_bound_nothing_is_begun() {
    let edge = Edge::with(|config| config.limits.in_flight = 0).await;
    let answer = edge.get("/openapi.json").send().await;
    assert_eq!(answer.code(), (503, "OVERLOADED"));
    assert_eq!(answer.json["retryable"], true);
    assert_eq!(edge.admin_call(Method::GET, "/livez").send().await.status, 200, "operators get in");
}

#[tokio::test]
async fn sites_that_may_call() {
    let edge = Edge::with(|config| config.server.cors_origins = vec!["https://shop.example".into()]).await;
    edge.put_event("hall", json!({})).await;
    let preflight = async |origin: &str| {
        let call = edge.call(Method::OPTIONS, QUEUE).header("origin", origin);
        call.header("access-control-request-method", "POST").send().await
    };
    let allowed = preflight("https://shop.example").await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://shop.example"));
    assert!(allowed.header("access-control-allow-headers").expect("told").contains("idempotency-key"));
    assert_eq!(preflight("https://evil.example").await.header("access-control-allow-origin"), None);
    let answer = edge.get("/v1/events/hall/room").header("origin", "https://shop.example").send().await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    assert_eq!(answer.header("vary"), Some("origin"));
    assert_eq!(edge.call(Method::OPTIONS, "/v1/nothing").send().await.status, 404);
}

#[tokio::test]
async fn probes_tell_how_it_is() {
    let edge = Edge::new().await;
    let ready = async || edge.admin_call(Method::GET, "/readyz").send().await;
    assert_eq!(ready().await.json, json!({"ready": true, "recovering": [], "away": [], "store_fit": true}));
    let lane = edge.lanes.iter().next().expect("a lane");
    lane.begin_restore(0, 2, stanchion::facts::ids::LogId(0)).await.expect("begun");
    let recovering = ready().await;
    assert_eq!(
        (recovering.status.as_u16(), recovering.json),
        (200, json!({"ready": true, "recovering": [0], "away": [], "store_fit": true}))
    );
    edge.state.readiness.drain();
    let draining = ready().await;
    assert_eq!((draining.status.as_u16(), draining.header("retry-after")), (503, Some("1")));
    assert_eq!(edge.admin_call(Method::GET, "/metrics").send().await.status, 200);
}

#[tokio::test]
async fn each_listener_serves_its_own_document() {
    let has = |document: &Answer, path: &str| {
        assert_eq!((document.status.as_u16(), &document.json["openapi"]), (200, &json!("3.1.0")));
        document.json["paths"].get(path).is_some()
    };
    for admin_public in [false, true] {
        let edge = Edge::with(|config| config.admin.public = admin_public).await;
        let public = edge.get("/openapi.json").send().await;
        let admin = edge.admin_call(Method::GET, "/openapi.json").send().await;
        let shown = |path: &str| (has(&public, path), has(&admin, path));
        assert_eq!(shown("/v1/events/{event}/queue"), (true, false));
        assert_eq!(shown("/v1/admin/audit"), (admin_public, true));
        assert_eq!(shown("/metrics"), (false, true));
        let zipped = edge.admin_call(Method::GET, "/openapi.json").header("accept-encoding", "gzip").send().await;
        assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    }
}

#[tokio::test]
async fn pages_and_large_documents_are_compressed_for_who_takes_it() {
    let edge = Edge::new().await;
    edge.put_event("hall", json!({})).await;
    for path in ["/openapi.json", "/room/hall"] {
        let plain = edge.get(path).send().await;
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        assert!(plain.headers.get_all("vary").iter().any(|name| name == "accept-encoding"), "{path}");
        let zipped = edge.get(path).header("accept-encoding", "br, gzip").send().await;
        assert_eq!(zipped.header("content-encoding"), Some("gzip"), "{path}");
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&zipped.body[..]).read_to_end(&mut text).expect("gzip");
        assert!(text.len() > 2 * zipped.body.len(), "{path}: {} bytes of {}", zipped.body.len(), text.len());
        assert!(String::from_utf8(text).is_ok(), "{path}");
    }
    let small = edge.get("/v1/events/hall/room").header("accept-encoding", "gzip").send().await;
    assert_eq!(small.header("content-encoding"), None);
}
