//! Long after: what is asked of orders that left their lane, and of a provider that left the house.

use serde_json::json;
use stanchion::app::Role;
use stanchion::clock::parse_rfc3339;
use stanchion::ids::{EventId, FactKind, fact_lane};
use stanchion::lane::redis;
use stanchion::lane::room::Pulse;

use crate::purchase_support::Buyer;
use crate::support::gateway::{Gateway, Store, eventually, small_hall};

const DAY_MS: i64 = 86_400_000;

/// One pulse of the hall, at a time when nobody may ask for a refund any more.
async fn much_later(gateway: &Gateway, order: &str) {
    let mut config = gateway.config.redis.clone();
    config.skew_max_ms = 0;
    let lanes = redis::connect(&config, gateway.config.store.lanes).await.expect("the gateway's own server");
    let lane = fact_lane(FactKind::Order, order).expect("an order's id");
    let then_ms = parse_rfc3339("2030-01-01T00:00:00Z").expect("when the hall begins") + DAY_MS;
    let pulse = Pulse { event: EventId::from("hall"), work_max: 1_000 };
    let lane = &lanes[usize::from(lane.0)];
    lane.pulse(then_ms, pulse).await.expect("an answer").expect("the hall");
    assert_eq!(lane.orders(&[order.into()]).await.expect("an answer"), [None], "it left");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_left_its_lane_is_known_and_can_be_refunded() {
    let gateway = Gateway::start(Store::Redis).await;
    gateway.put_event("hall", &small_hall()).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let hold = kim.hold(&["a-1-1", "a-1-2"]).await;
    let place = || kim.order_call(&hold, json!({"payment": {"provider": "sandbox", "key": "ok"}})).key("same");
    let order = place().send().await.expect(202).text("id");
    assert_eq!(gateway.settled("kim", &order).await["status"], "confirmed");
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

    // The terms of this order never end: it is refunded all the same, and its seat is free again.
    much_later(&gateway, &order).await;
    let second = kim.refund_call(&order, 2).send().await.expect(202).text("id");
    let second = format!("{path}/refunds/{second}");
    eventually("the refund is done", async || kim.get(&second).send().await.expect(200).json["status"] == "done").await;
    assert_eq!(kim.get(&path).send().await.expect(200).json["status"], "refunded");
    Buyer::enter(&gateway, "hall", "park").await.hold(&["a-1-1", "a-1-2"]).await;

    // An order that is refunded whole has left for good.
    much_later(&gateway, &order).await;
    kim.refund_call(&order, 2).send().await.expect_code(409, "NOT_REFUNDABLE");
    gateway.stop().await;
}

/// A key is looked up before anything else is, also when nobody could pay that way today.
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
