//! The ways out of a line, each with its metric; and changes by an operator, which apply at the next pulse. On both
//! stores.

use serde_json::json;

use crate::admission::support::Line;
use crate::support::gateway::{Gateway, Store, eventually};

/// The value of a counter without labels. Other tests of this process raise it too.
async fn counter(gateway: &Gateway, name: &str) -> f64 {
    let text = gateway.admin.get("/metrics").send().await.expect(200);
    let text = String::from_utf8(text.body.to_vec()).expect("text");
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap_or("0").to_owned();
    value.parse().expect("a number")
}

async fn rises(gateway: &Gateway, name: &str, before: f64) {
    eventually(&format!("{name} rises"), async || counter(gateway, name).await > before).await;
}

const ABSENT: &str = "stanchion_admission_absent_total";
const UNCLAIMED: &str = "stanchion_admission_unclaimed_total";
const LAPSED: &str = "stanchion_admission_lapsed_total";
const EXPIRED: &str = "stanchion_admission_expired_total";
const LEFT: &str = "stanchion_admission_left_total";

async fn every_way_out(store: Store) {
    let gateway = Gateway::start(store).await;
    // The tests of this process share gauges, which are labelled by event: so each store has an event of its own.
    let event = if store == Store::Redis { "ways-redis" } else { "ways-embedded" };
    let line =
        Line::new(&gateway, event, json!({"capacity": 1, "absent_after_s": 2, "claim_ttl_s": 1, "late_grace_s": 1}))
            .await;
    let before = [ABSENT, UNCLAIMED, LAPSED, LEFT].map(|name| (name, counter(&gateway, name)));
    let mut at = Vec::new();
    for (name, value) in before {
        at.push((name, value.await));
    }
    let (inside, _) = line.enter().await;
    let (absent, _) = line.enter().await;
    let (next, _) = line.enter().await;
    // The second visitor never polls again. The third keeps polling and is let in before the second.
    eventually("two seconds have passed", {
        let began = gateway.clock.now_ms();
        let line = &line;
        let (gateway, next) = (&gateway, &next);
        async move || {
            line.poll(next).await;
            gateway.clock.now_ms() - began > 2_500
        }
    })
    .await;
    line.leave(&inside).await;
    line.until(&next, "admitted").await;
    for (name, before) in &at {
        if [ABSENT, LEFT].contains(name) {
            rises(&gateway, name, *before).await;
        }
    }
    // The absent visitor's grace runs out. Only the event's gauge may be watched: a poll would bring the place back.
    eventually("two are through", async || line.metric("stanchion_admission_spent{").await == 2.0).await;
    rises(&gateway, LAPSED, at[2].1).await;
    assert_eq!(line.state(&absent).await, "done", "they did not come back within the grace");
    // A visitor who is called and never claims is late. After the grace their place is spent, and a visitor who polls
    // is let in instead.
    let (unclaimed, _) = line.enter().await;
    let (after, _) = line.enter().await;
    line.leave(&next).await;
    line.until(&after, "admitted").await;
    rises(&gateway, UNCLAIMED, at[1].1).await;
    eventually("four are through", async || line.metric("stanchion_admission_spent{").await == 4.0).await;
    assert_eq!(line.state(&unclaimed).await, "done", "they did not come back within the grace");
}

/// A place inside that expires goes to the next visitor.
async fn places_run_out(store: Store) {
    let gateway = Gateway::start(store).await;
    let line = Line::new(&gateway, "run-out", json!({"capacity": 1, "pass_ttl_s": 2})).await;
    let expired = counter(&gateway, EXPIRED).await;
    let (inside, _) = line.enter().await;
    let (next, _) = line.enter().await;
    line.until(&next, "admitted").await;
    rises(&gateway, EXPIRED, expired).await;
    assert_eq!(line.state(&inside).await, "done");
}

async fn an_operators_word(store: Store) {
    let gateway = Gateway::start(store).await;
    let line = Line::new(&gateway, "modes", json!({"capacity": 1})).await;
    let (first, _) = line.enter().await;
    let tokens = line.many(4).await;
    let is = async |room: &str| eventually(room, async || line.poll(&tokens[3]).await["room"] == room).await;

    line.set(json!({"mode": "paused"})).await;
    is("paused").await;
    line.leave(&first).await;
    let paused = line.poll(&tokens[0]).await;
    assert_eq!((&paused["state"], &paused["eta_s"]), (&json!("waiting"), &json!(null)), "nobody is let in");
    line.enter().await;

    line.set(json!({"mode": "drain"})).await;
    is("drain").await;
    gateway.public.post(&line.path()).json(&json!({})).send().await.expect_code(409, "ROOM_CLOSED");
    line.until(&tokens[0], "admitted").await;

    line.set(json!({"capacity": 3})).await;
    line.until(&tokens[1], "admitted").await;
    line.until(&tokens[2], "admitted").await;
    assert_eq!(line.room().await["inside"], 3, "as many as the capacity allows");

    line.set(json!({"rate_per_min": 0, "capacity": 9})).await;
    eventually("the rate is known", async || line.room().await["rate_per_min"] == 0).await;
    assert_eq!(line.state(&tokens[3]).await, "waiting", "a rate of 0 lets nobody in");

    line.set(json!({"mode": "closed"})).await;
    eventually("closed", async || line.state(&tokens[3]).await == "closed").await;
    line.set(json!({"mode": "open", "rate_per_min": 600_000})).await;
    eventually("a new round", async || line.state(&tokens[3]).await == "done").await;
    assert_eq!(line.enter().await.1.json["state"], "admitted");
}

/// A scheduled room opens by itself at its time.
async fn an_opening(store: Store) {
    let gateway = Gateway::start(store).await;
    let mut spec = crate::admission::support::spec(json!({"mode": "scheduled"}));
    let opens_ms = gateway.clock.now_ms() + 3_000;
    spec["opens_at"] = json!(stanchion::facts::time::rfc3339(opens_ms));
    gateway.put_event("opening", &spec).await;
    let line = Line { gateway: &gateway, event: "opening" };
    let (token, entered) = line.enter().await;
    assert_eq!((&entered.json["state"], &entered.json["position"]), (&json!("scheduled"), &json!(null)));
    let admitted = line.until(&token, "admitted").await;
    assert!(gateway.clock.now_ms() >= opens_ms - 1_000, "not before: {admitted}");
}

macro_rules! on_both_stores {
    ($($case:ident: $embedded:ident, $redis:ident;)+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $embedded() {
            $case(Store::Embedded).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn $redis() {
            $case(Store::Redis).await;
        })+
    };
}

on_both_stores! {
    every_way_out: every_way_out_embedded, every_way_out_on_redis;
    places_run_out: places_run_out_embedded, places_run_out_on_redis;
    an_operators_word: an_operators_word_embedded, an_operators_word_on_redis;
    an_opening: an_opening_embedded, an_opening_on_redis;
}
