//! Long after a purchase: requests about orders that have left their lane, and about a provider that is no longer
//! configured.

use serde_json::{Value, json};
use stanchion::app::Role;
use stanchion::facts::ids::{EventId, FactKind, fact_lane};
use stanchion::facts::time::{parse_rfc3339, rfc3339};
use stanchion::lane::redis::connect;
use stanchion::lane::rooms::Pulse;

use crate::purchase::support::{Buyer, merge, on_both_stores};
use crate::support::gateway::{Gateway, Store, eventually, small_hall};

on_both_stores!(an_event_that_is_over_leaves_its_lane);

const DAY_MS: i64 = 86_400_000;

/// Pulses the hall a day after it has begun. By then the order's time in its lane is over. Checks that it has left.
async fn much_later(gateway: &Gateway, order: &str) {
    let mut config = gateway.config.redis.clone();
    config.skew_max_ms = 0;
    let lanes = connect(&config, gateway.config.store.lanes).await.expect("the gateway's own server");
    let lane = fact_lane(FactKind::Order, order).expect("an order's id");
    let then_ms = parse_rfc3339("2030-01-01T00:00:00Z").expect("when the hall begins") + DAY_MS;
    let pulse = Pulse { event: EventId::from("hall"), work_max: 1_000 };
    let lane = &lanes[usize::from(lane.0)];
    lane.pulse(then_ms, pulse).await.expect("an answer").expect("the hall");
    assert_eq!(lane.orders(&[order.into()]).await.expect("an answer"), [None], "the order has left its lane");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_left_its_lane_is_known_and_can_be_refunded() {
    let gateway = Gateway::start(Store::Redis).await;
    gateway.put_event("hall", &small_hall()).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let hold = kim.hold(&["a-1-1", "a-1-2"]).await;
    let place = || kim.order_call(&hold, json!({"payment": {"provider": "sandbox", "key": "ok"}})).key("same");
    let order = place().send().await.expect(202).text("id");
    assert_eq!(gateway.concluded("kim", &order).await["status"], "confirmed");
    let asked = kim.refund_call(&order, 1).key("first").send().await.expect(202).text("id");
    let path = format!("/v1/orders/{order}");
    let first = format!("{path}/refunds/{asked}");
    eventually("the refund is done", async || kim.get(&first).send().await.expect(200).json["status"] == "done").await;
    much_later(&gateway, &order).await;

    assert_eq!(kim.get(&path).send().await.expect(200).json["status"], "partially_refunded");
    let repeated = place().send().await.expect(202);
    assert_eq!((repeated.text("id"), repeated.header("idempotent-replayed")), (order.clone(), Some("true")));
    kim.order_call(&hold, json!({"points": 1})).key("same").send().await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    let pay = json!({"provider": "sandbox", "key": "ok", "amount": 1});
    kim.post(&format!("{path}/payment"), &pay).send().await.expect_code(409, "NOT_PAYABLE");
    kim.delete(&path).send().await.expect_code(409, "NOT_CANCELLABLE");
    let lee = Buyer { user: "lee".into(), bearer: gateway.token("lee"), ..Buyer::enter(&gateway, "hall", "lee").await };
    lee.delete(&path).send().await.expect_code(403, "NOT_OWNER");
    lee.refund_call(&order, 2).send().await.expect_code(403, "NOT_OWNER");

    let repeated = kim.refund_call(&order, 1).key("first").send().await.expect(202);
    assert_eq!((repeated.text("id"), repeated.text("status")), (asked, "done".to_owned()));
    kim.refund_call(&order, 2).key("first").send().await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    kim.refund_call(&order, 1).send().await.expect_code(409, "OVER_REFUND");

    // The refund terms of this order never end. So it can still be refunded, and its seat is then free again.
    much_later(&gateway, &order).await;
    let second = kim.refund_call(&order, 2).send().await.expect(202).text("id");
    let second = format!("{path}/refunds/{second}");
    eventually("the refund is done", async || kim.get(&second).send().await.expect(200).json["status"] == "done").await;
    assert_eq!(kim.get(&path).send().await.expect(200).json["status"], "refunded");
    Buyer::enter(&gateway, "hall", "park").await.hold(&["a-1-1", "a-1-2"]).await;

    // An order that is wholly refunded leaves for good.
    much_later(&gateway, &order).await;
    kim.refund_call(&order, 2).send().await.expect_code(409, "NOT_REFUNDABLE");
    gateway.stop().await;
}

/// The idempotency key is looked up first, so a repeat is answered even when the provider is not allowed any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_outlives_its_provider() {
    let gateway = Gateway::start(Store::Redis).await;
    gateway.put_event("hall", &small_hall()).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let order = kim.order_unpaid(&kim.hold(&["a-1-1"]).await).await;
    let path = format!("/v1/orders/{order}/payment");
    let body = |amount: i64| json!({"provider": "sandbox", "key": "ok", "amount": amount});
    kim.post(&path, &body(55_000)).key("same").send().await.expect(202);

    let later = gateway.another_with(Role::Edge, |config| config.payment.providers.clear()).await;
    let pay = |key: &str, amount: i64| later.public.post(&path).bearer(&kim.bearer).key(key).json(&body(amount));
    let repeated = pay("same", 55_000).send().await.expect(202);
    assert_eq!((repeated.text("id"), repeated.header("idempotent-replayed")), (order, Some("true")));
    pay("same", 1).send().await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    pay("new", 55_000).send().await.expect_code(409, "PROVIDER_NOT_ALLOWED");
    later.stop().await;
    gateway.stop().await;
}

async fn an_event_that_is_over_leaves_its_lane(store: Store) {
    let gateway = Gateway::start_with(store, |config| config.pipeline.event_keep_d = 0).await;
    let put = async |starts_at: &str| {
        let mut hall = small_hall();
        merge(&mut hall, json!({"starts_at": starts_at, "closes_at": starts_at}));
        gateway.put_event("hall", &hall).await;
    };
    put(&rfc3339(gateway.clock.now_ms() + 3_000)).await;
    let before = gateway.public.post("/v1/events/hall/queue").json(&json!({})).send().await.expect(201).text("token");
    gateway.public.delete("/v1/events/hall/queue").queue(&before).send().await.expect(204);
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let hold = kim.hold(&["a-1-1", "a-1-2"]).await;
    let place = || kim.order_call(&hold, json!({"payment": {"provider": "sandbox", "key": "ok"}})).key("same");
    let order = place().send().await.expect(202).text("id");
    let bought = gateway.concluded("kim", &order).await;
    let status = async |path: &str| gateway.public.get(path).send().await.status;
    eventually("it has left", async || status("/v1/events/hall").await == 404).await;

    // Its orders and tickets are shown as before, and the key that placed one is still known.
    let path = format!("/v1/orders/{order}");
    let repeated = place().send().await.expect(202);
    assert_eq!((repeated.text("id"), repeated.header("idempotent-replayed")), (order.clone(), Some("true")));
    place().key("new").send().await.expect_code(404, "EVENT_NOT_FOUND");
    let shown = async || kim.get(&path).send().await.expect(200).json;
    assert_eq!((&shown().await["lines"], &shown().await["status"]), (&bought["lines"], &json!("confirmed")));
    let tickets = kim.get("/v1/me/tickets").send().await.expect(200).json;
    assert_eq!(tickets["items"].as_array().map(Vec::len), Some(2), "{tickets}");
    let admin_path = "/v1/admin/events/hall";
    let spec = gateway.admin_call(http::Method::GET, admin_path).send().await.expect(200).json;
    assert_eq!(spec["name"], "Small hall");
    kim.refund_call(&order, 1).send().await.expect_code(409, "NOT_REFUNDABLE");
    let clean = async || gateway.admin_call(http::Method::GET, "/v1/admin/audit").send().await.expect(200).json;
    assert_eq!(clean().await["ok"], true);

    // When the event is put again, its lane is rebuilt with what was sold.
    put("2035-01-01T00:00:00Z").await;
    let sold = async || -> Option<i64> {
        let seats = gateway.public.get("/v1/events/hall/seats").send().await;
        let sections = seats.json["sections"].as_array()?.clone();
        Some(40 - sections.iter().filter_map(|section: &Value| section["free"].as_i64()).sum::<i64>())
    };
    eventually("its lane is rebuilt", async || sold().await.is_some()).await;
    assert_eq!(sold().await, Some(2), "nothing is sold twice");
    let lee = async || {
        let entered = gateway.public.post("/v1/events/hall/queue").json(&json!({})).send().await;
        entered.status == 201 && entered.json["pass"].is_string()
    };
    eventually("the room lets in again", lee).await;
    let lee = Buyer::enter(&gateway, "hall", "lee").await;
    lee.hold_call(&json!({"seats": ["a-1-1"]})).send().await.expect_code(409, "SEATS_TAKEN");
    let refund = kim.refund_call(&order, 1).send().await.expect(202).text("id");
    let refund = format!("{path}/refunds/{refund}");
    eventually("the refund is done", async || kim.get(&refund).send().await.expect(200).json["status"] == "done").await;
    lee.hold(&["a-1-1"]).await;
    assert_eq!(clean().await["ok"], true);
    // This is another sale: no place of the sale before counts.
    let place = gateway.public.get("/v1/events/hall/queue").queue(&before).send().await.expect(200);
    assert_eq!(place.text("state"), "done", "{}", place.json);
    gateway.stop().await;
}
