//! The waiting room through HTTP: entering, polling, leaving, passes, modes.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use stanchion::facts::ids::LogId;

use crate::edge::support::{Answer, Call, Edge, SECRET};

const QUEUE: &str = "/v1/events/hall/queue";

async fn hall(room: Value) -> Edge {
    let edge = Edge::new().await;
    edge.put_event("hall", room).await;
    edge
}

/// The settings of a room with one place inside.
fn narrow() -> Value {
    json!({"capacity": 1})
}

async fn poll(edge: &Edge, token: &str) -> Answer {
    edge.get(QUEUE).header("stanchion-queue", token).send().await
}

#[tokio::test]
async fn a_calm_room_costs_nobody_a_second() {
    let edge = hall(narrow()).await;
    let answer = edge.post(QUEUE).json(&json!({})).send().await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut view = answer.json.clone();
    let (token, pass) = (answer.text("token"), answer.text("pass"));
    for field in ["visitor", "token", "pass", "poll_after_ms"] {
        view[field] = json!("*");
    }
    let wanted = json!({
        "event": "hall", "visitor": "*", "state": "admitted", "token": "*", "position": null, "ahead": null,
        "behind": null, "eta_s": null, "poll_after_ms": "*", "room": "open", "seats_left": 2,
        "waiting": 0, "opens_at": "2026-11-20T11:00:00Z", "closes_at": null, "late": false, "called_at": null, "pass": "*", "expires_at": view["expires_at"],
        "expires_in_s": view["expires_in_s"], "server_time": "2026-11-20T10:00:00Z",
    });
    assert_eq!(view, wanted);
    assert!(view["expires_in_s"].as_i64().is_some_and(|s| s > 0));
    let cookies = answer.cookies();
    assert!(cookies[0].starts_with(&format!("stanchion_queue_hall={token}; Path=/; ")), "{cookies:?}");
    assert!(cookies[1].starts_with(&format!("stanchion_pass_hall={pass}; Path=/; ")), "{cookies:?}");

    // A visitor who comes back with the token has the same place, whether the token is in a header, the body or a
    // cookie.
    let again = [
        edge.post(QUEUE).header("stanchion-queue", &token).send().await,
        edge.post(QUEUE).json(&json!({"token": token})).send().await,
        edge.post(QUEUE)
            .header("cookie", &format!("stanchion_queue_hall={token}"))
            .header("origin", "https://tickets.example")
            .send()
            .await,
        poll(&edge, &token).await,
    ];
    for answer in again {
        assert_eq!((answer.status.as_u16(), answer.text("visitor")), (200, view_visitor(&edge, &token).await));
        assert_eq!(answer.text("state"), "admitted");
    }
}

async fn view_visitor(edge: &Edge, token: &str) -> String {
    poll(edge, token).await.text("visitor")
}

#[tokio::test]
async fn those_who_wait_move_up() {
    let edge = hall(narrow()).await;
    let first = edge.post(QUEUE).send().await;
    let second = edge.post(QUEUE).send().await;
    let third = edge.post(QUEUE).send().await.text("token");
    assert_eq!(second.text("state"), "waiting");
    assert_eq!(second.json["position"], 1);
    let waiting = poll(&edge, &third).await.json;
    assert_eq!((&waiting["position"], &waiting["ahead"], &waiting["behind"]), (&json!(2), &json!(1), &json!(0)));
    assert_eq!(waiting["eta_s"], Value::Null, "nothing has moved yet");
    let patience = waiting["poll_after_ms"].as_i64().expect("a number");
    assert!((1_000..=15_000).contains(&patience), "{patience}");

    let left = edge.call(Method::DELETE, QUEUE).header("stanchion-queue", &first.text("token")).send().await;
    assert_eq!(left.status, 204);
    assert!(left.cookies().iter().all(|cookie| cookie.contains("Max-Age=0")));
    edge.clock.advance(Duration::from_secs(1));
    poll(&edge, &second.text("token")).await;
    edge.pulse("hall").await;
    assert_eq!(poll(&edge, &second.text("token")).await.text("state"), "admitted");
    assert_eq!(poll(&edge, &third).await.json["position"], 1);

    // The place of a visitor who left is spent. They may enter again, as somebody new.
    let done = poll(&edge, &first.text("token")).await;
    assert_eq!((done.text("state"), &done.json["pass"]), ("done".to_owned(), &Value::Null));
    let anew = edge.post(QUEUE).header("stanchion-queue", &first.text("token")).send().await;
    assert_eq!((anew.status.as_u16(), anew.text("state")), (201, "waiting".to_owned()));
    assert_ne!(anew.text("visitor"), first.text("visitor"));
    assert_eq!(edge.post("/v1/events/hall/queue/leave").send().await.code(), (401, "QUEUE_TOKEN_INVALID"));
}

#[tokio::test]
async fn a_beacon_may_say_goodbye() {
    let edge = hall(narrow()).await;
    let token = edge.post(QUEUE).send().await.text("token");
    let leave = || edge.post("/v1/events/hall/queue/leave");
    let cookie = format!("stanchion_queue_hall={token}");
    assert_eq!(leave().header("cookie", &cookie).send().await.code(), (403, "BAD_ORIGIN"));
    let beacon = leave().header("cookie", &cookie).header("sec-fetch-site", "same-origin").body("text/plain", "");
    assert_eq!(beacon.send().await.status, 204);
    assert_eq!(poll(&edge, &token).await.text("state"), "done");
    let in_body = leave().body("text/plain;charset=UTF-8", json!({"token": token}).to_string());
    assert_eq!(in_body.send().await.status, 204, "leaving again is no fault");
}

#[tokio::test]
async fn cookies_count_only_from_our_own_pages() {
    let edge = hall(narrow()).await;
    let token = edge.post(QUEUE).send().await.text("token");
    let cookie = format!("stanchion_queue_hall={token}");
    let with = |method: Method| edge.call(method, QUEUE).header("cookie", &cookie);
    assert_eq!(with(Method::POST).send().await.code(), (403, "BAD_ORIGIN"));
    assert_eq!(with(Method::DELETE).header("origin", "https://evil.example").send().await.code(), (403, "BAD_ORIGIN"));
    assert_eq!(with(Method::GET).send().await.status, 200, "reading changes nothing");
    // A form on another site carries no cookie of ours. Its answer must not replace the browser's place with a new one.
    let form = edge.post(QUEUE).header("origin", "https://evil.example").send().await;
    assert_eq!(form.code(), (403, "BAD_ORIGIN"));
    assert!(form.cookies().is_empty());
    let secure = Edge::with(|config| config.server.public_url = "https://tickets.example".into()).await;
    secure.put_event("hall", narrow()).await;
    let cookies = secure.post(QUEUE).send().await;
    assert!(cookies.cookies().iter().all(|cookie| cookie.contains("; HttpOnly; SameSite=Lax; Secure")));
}

#[tokio::test]
async fn forged_and_foreign_tokens() {
    let edge = hall(narrow()).await;
    edge.put_event("dome", narrow()).await;
    let foreign = edge.post("/v1/events/dome/queue").send().await.text("token");
    for token in ["", "x", foreign.as_str()] {
        assert_eq!(poll(&edge, token).await.code(), (401, "QUEUE_TOKEN_INVALID"), "{token}");
        let entering = edge.post(QUEUE).json(&json!({"token": token})).send().await;
        assert_eq!(entering.code(), (401, "QUEUE_TOKEN_INVALID"), "{token}");
    }
    assert_eq!(edge.get(QUEUE).send().await.code(), (401, "QUEUE_TOKEN_INVALID"));
    // No script can delete the bad cookie, so the answer does.
    let cookie = edge.get(QUEUE).header("cookie", "stanchion_queue_hall=x").send().await;
    assert_eq!(cookie.code(), (401, "QUEUE_TOKEN_INVALID"));
    assert!(cookie.cookies()[0].starts_with("stanchion_queue_hall=; Path=/; Max-Age=0"));
}

#[tokio::test]
async fn one_person_has_one_place() {
    let edge = hall(json!({"identity": "user", "capacity": 1})).await;
    assert_eq!(edge.post(QUEUE).send().await.code(), (401, "UNAUTHENTICATED"));
    assert_eq!(edge.post(QUEUE).bearer("nonsense").send().await.code(), (401, "UNAUTHENTICATED"));
    let (kim, lee) = (edge.token("kim", ""), edge.token("lee", ""));
    let first = edge.post(QUEUE).bearer(&kim).send().await;
    let other_device = edge.post(QUEUE).bearer(&kim).send().await;
    assert_eq!((first.status.as_u16(), other_device.status.as_u16()), (201, 200));
    assert_eq!(first.text("visitor"), other_device.text("visitor"));
    // In a shared browser lee does not get kim's place.
    let shared = edge.post(QUEUE).bearer(&lee).header("stanchion-queue", &first.text("token")).send().await;
    assert_eq!((shared.status.as_u16(), shared.text("state")), (201, "waiting".to_owned()));
    assert_ne!(shared.text("visitor"), first.text("visitor"));
}

#[tokio::test]
async fn a_pass_counts_while_its_visitor_is_inside() {
    let edge = hall(narrow()).await;
    edge.put_event("dome", narrow()).await;
    let entered = edge.post(QUEUE).send().await;
    let pass = entered.text("pass");
    let verify = async |event: &str, pass: &str| {
        edge.get(&format!("/v1/pass/verify?event={event}")).header("stanchion-pass", pass).send().await
    };
    let good = verify("hall", &pass).await;
    assert_eq!(good.status, 204);
    assert_eq!(good.header("stanchion-visitor"), Some(entered.text("visitor").as_str()));
    assert_eq!(verify("dome", &pass).await.code(), (401, "PASS_REQUIRED"));
    assert_eq!(verify("none", &pass).await.code(), (401, "PASS_REQUIRED"));
    assert_eq!(verify("hall", "x.y.z").await.code(), (401, "PASS_REQUIRED"));
    assert_eq!(edge.get("/v1/pass/verify?event=hall").send().await.code(), (401, "PASS_REQUIRED"));
    assert_eq!(edge.get("/v1/pass/verify").send().await.code(), (400, "VALIDATION"));
    // A pass is not a user's bearer, and a user's bearer is no pass.
    let audit = edge.admin_call(Method::GET, "/v1/admin/audit").bearer(&pass).send().await;
    assert_eq!(audit.code(), (401, "UNAUTHENTICATED"));
    assert_eq!(verify("hall", &edge.token("kim", "")).await.code(), (401, "PASS_REQUIRED"));

    edge.call(Method::DELETE, QUEUE).header("stanchion-queue", &entered.text("token")).send().await;
    assert_eq!(verify("hall", &pass).await.code(), (401, "PASS_REQUIRED"), "signed well, but outside");
    let keys = edge.get("/.well-known/jwks.json").send().await;
    assert_eq!(keys.json["keys"][0]["crv"], "Ed25519");
}

#[tokio::test]
async fn modes() {
    let edge = Edge::new().await;
    let mode = async |mode: &str| edge.put_event("hall", json!({"mode": mode, "capacity": 1})).await;
    mode("scheduled").await;
    let early = edge.post(QUEUE).send().await;
    assert_eq!((early.text("state"), early.text("room")), ("scheduled".to_owned(), "scheduled".to_owned()));
    assert_eq!((&early.json["position"], &early.json["ahead"]), (&Value::Null, &Value::Null));
    let token = early.text("token");
    let state = async || {
        let view = poll(&edge, &token).await;
        format!("{} {}", view.text("state"), view.text("room"))
    };
    mode("paused").await;
    edge.pulse("hall").await;
    assert_eq!(state().await, "waiting paused");
    mode("drain").await;
    assert_eq!(edge.post(QUEUE).send().await.code(), (409, "ROOM_CLOSED"));
    assert_eq!(state().await, "waiting drain");
    mode("closed").await;
    assert_eq!(edge.post(QUEUE).send().await.code(), (409, "ROOM_CLOSED"));
    assert_eq!(state().await, "closed closed");
    let room = edge.get("/v1/events/hall/room").send().await;
    let wanted = json!({"room": "closed", "order": "fifo", "waiting": room.json["waiting"], "inside": 0, "capacity": 1,
        "rate_per_min": 3000, "admitted_total": 0, "seats_left": 2, "draw": null});
    assert_eq!(room.json, wanted);
}

#[tokio::test]
async fn while_a_lane_is_rebuilt_tokens_stay_good() {
    let edge = hall(narrow()).await;
    let token = edge.post(QUEUE).send().await.text("token");
    let lane = edge.state.catalog.event("hall").expect("an event").lane;
    edge.lanes.get(lane).expect("a lane").begin_restore(0, 2, LogId(0)).await.expect("begun");
    let view = poll(&edge, &token).await;
    assert_eq!(
        (view.status.as_u16(), view.text("state"), view.text("room")),
        (200, "waiting".into(), "recovering".into())
    );
    assert_eq!((&view.json["position"], &view.json["seats_left"]), (&Value::Null, &Value::Null));
    assert_eq!(view.text("token"), token);
    let entering = edge.post(QUEUE).send().await;
    assert_eq!(entering.code(), (503, "RECOVERING"));
    assert!(entering.header("retry-after").is_some());
    let room = edge.get("/v1/events/hall/room").send().await;
    assert_eq!((room.status.as_u16(), room.text("room")), (200, "recovering".into()));
}

#[tokio::test]
async fn the_line_has_an_end() {
    let edge = Edge::with(|config| config.queue.waiting_max = 1).await;
    edge.put_event("hall", narrow()).await;
    for _ in 0..2 {
        assert_eq!(edge.post(QUEUE).send().await.status, 201);
    }
    assert_eq!(edge.post(QUEUE).send().await.code(), (503, "OVERLOADED"));
}

#[tokio::test]
async fn a_rotated_secret_loses_nobody() {
    let edge = Edge::with(|config| config.queue.secrets = vec!["n".repeat(40), SECRET.into()]).await;
    edge.put_event("hall", narrow()).await;
    let old = Edge::new().await;
    old.put_event("hall", narrow()).await;
    let token = old.post(QUEUE).send().await.text("token");
    assert_eq!(poll(&edge, &token).await.status, 200);
    let new = edge.post(QUEUE).send().await.text("token");
    assert_eq!(poll(&old, &new).await.code(), (401, "QUEUE_TOKEN_INVALID"));
}

#[tokio::test]
async fn a_stream_tells_the_place_and_ends_with_it() {
    let edge = hall(narrow()).await;
    let token = edge.post(QUEUE).send().await.text("token");
    edge.call(Method::DELETE, QUEUE).header("stanchion-queue", &token).send().await;
    let stream = edge.get("/v1/events/hall/queue/stream");
    let told = stream.header("stanchion-queue", &token).send().await;
    assert_eq!(told.header("content-type"), Some("text/event-stream"));
    assert_eq!(told.header("cache-control"), Some("no-store, no-transform"));
    assert_eq!(told.header("x-accel-buffering"), Some("no"));
    let data = told.text.strip_prefix("retry: 3000\ndata: ").and_then(|rest| rest.strip_suffix("\n\n"));
    let view: Value = serde_json::from_str(data.expect("one event")).expect("json");
    assert_eq!(view["state"], "done");
    let full = Edge::with(|config| config.limits.streams = 0).await;
    full.put_event("hall", narrow()).await;
    let token = full.post(QUEUE).send().await.text("token");
    let refused = full.get("/v1/events/hall/queue/stream").header("stanchion-queue", &token).send().await;
    assert_eq!(refused.code(), (503, "OVERLOADED"));
}

/// Any page can post a token of its own. That must not delete the cookies of the place that the visitor's browser
/// keeps.
#[tokio::test]
async fn who_leaves_with_a_token_in_the_body_keeps_the_cookies_of_another_place() {
    let edge = hall(narrow()).await;
    let (mine, other) = (edge.post(QUEUE).send().await.text("token"), edge.post(QUEUE).send().await.text("token"));
    let cookie = format!("stanchion_queue_hall={mine}");
    let leave = async |token: &str, site: &str| {
        let body = json!({ "token": token }).to_string();
        let call = edge.post("/v1/events/hall/queue/leave").header("cookie", &cookie).header("sec-fetch-site", site);
        call.body("text/plain", body).send().await
    };
    let forged = leave("x", "cross-site").await;
    assert_eq!(forged.code(), (401, "QUEUE_TOKEN_INVALID"));
    assert!(forged.cookies().is_empty(), "{:?}", forged.cookies());
    for _ in 0..2 {
        let left = leave(&other, "cross-site").await;
        assert_eq!(
            (left.status.as_u16(), left.cookies().len()),
            (204, 0),
            "the place that ends is the other's, so the browser keeps its cookies"
        );
    }
    assert_eq!(poll(&edge, &mine).await.status.as_u16(), 200);
    let own = leave(&mine, "same-origin").await;
    assert_eq!((own.status.as_u16(), own.cookies().len()), (204, 2), "the cookie that holds this token goes");
}

#[tokio::test]
async fn a_strangers_cookie_before_ours_takes_nothing_from_us() {
    let edge = hall(narrow()).await;
    let entered = edge.post(QUEUE).send().await;
    let (token, pass) = (entered.text("token"), entered.text("pass"));
    // The browser also sends cookies of the same name from another path or a subdomain, and a cookie whose bytes are no
    // text.
    let mut cookie = "nick=".as_bytes().to_vec();
    cookie.extend([0xc3, 0xa9]);
    cookie.extend(format!("; stanchion_queue_hall=x; stanchion_queue_hall={token}; stanchion_pass_hall=y").bytes());
    cookie.extend(format!("; stanchion_pass_hall={pass}").bytes());
    fn with<'c>(call: Call<'c>, cookie: &[u8]) -> Call<'c> {
        call.header_bytes("cookie", cookie).header("sec-fetch-site", "same-origin")
    }
    let polled = with(edge.get(QUEUE), &cookie).send().await;
    assert_eq!(polled.status.as_u16(), 200);
    assert!(polled.cookies().iter().all(|cookie| !cookie.contains("Max-Age=0")), "{:?}", polled.cookies());
    let again = with(edge.post(QUEUE), &cookie).send().await;
    assert_eq!(again.status.as_u16(), 200, "the visitor is known and gets no new place");
    assert_eq!(view_visitor(&edge, &again.text("token")).await, view_visitor(&edge, &token).await);
    let verified = with(edge.get("/v1/pass/verify?utm_term=%C7%D1&event=hall"), &cookie).send().await;
    assert_eq!(verified.status.as_u16(), 204);
}

/// A house is emptied after a rehearsal and keeps its secrets. If the rehearsal's tokens still counted, their holders
/// would be let in before everyone in the real line.
#[tokio::test]
async fn who_stood_in_line_for_the_rehearsal_is_through() {
    let (rehearsal, sale) = (Edge::new().await, Edge::new().await);
    for edge in [&rehearsal, &sale] {
        edge.put_event("hall", json!({"capacity": 1})).await;
    }
    let inside = rehearsal.post(QUEUE).send().await;
    let waiting = rehearsal.post(QUEUE).send().await.text("token");
    let honest = sale.post(QUEUE).send().await;
    assert_eq!(honest.text("state"), "admitted");
    for token in [inside.text("token"), waiting] {
        let poll = sale.get(QUEUE).header("stanchion-queue", &token).send().await;
        assert_eq!((poll.status.as_u16(), poll.text("state"), poll.text("token")), (200, "done".to_owned(), token));
    }
    assert_eq!(
        rehearsal.get(QUEUE).header("stanchion-queue", &inside.text("token")).send().await.text("state"),
        "admitted"
    );
}
