//! The same key is sent twenty times at once: there is one effect and one answer. With another body the key is refused.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::client::{Answer, Call};
use crate::support::gateway::{Gateway, Store, eventually, small_hall};

on_both_stores!(
    a_hold_twenty_times,
    a_claim_twenty_times,
    an_order_twenty_times,
    a_payment_twenty_times,
    a_refund_twenty_times,
    a_replay_outlives_the_pass,
    a_replay_outlives_the_section,
);

const TIMES: usize = 20;

/// Sends the same call twenty times at once. All answer `status` and the same `id`, and all but one are replays.
async fn twenty(status: u16, call: impl Fn() -> Call) -> String {
    let answers: Vec<Answer> = join_all((0..TIMES).map(|_| call().send())).await;
    let answers: Vec<Answer> = answers.into_iter().map(|answer| answer.expect(status)).collect();
    let id = answers[0].text("id");
    assert!(answers.iter().all(|answer| answer.text("id") == id), "all answers have the same id");
    let replays = answers.iter().filter(|answer| answer.header("idempotent-replayed") == Some("true")).count();
    assert_eq!(replays, TIMES - 1, "all but the first are replays");
    id
}

async fn hall(store: Store) -> Gateway {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &small_hall()).await;
    gateway
}

async fn free(gateway: &Gateway) -> i64 {
    let map = gateway.public.get("/v1/events/hall/seats").send().await.expect(200).json;
    map["sections"].as_array().expect("sections").iter().filter_map(|s| s["free"].as_i64()).sum()
}

async fn a_hold_twenty_times(store: Store) {
    let gateway = hall(store).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let call = |body: Value| kim.hold_call(&body).key("same");
    let hold = twenty(201, || call(json!({"section": "a", "quantity": 2}))).await;
    call(json!({"section": "a", "quantity": 3})).send().await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    eventually("two seats are held", async || free(&gateway).await == 38).await;

    // A replay shows the hold as it is now, with the status of the first answer.
    kim.delete(&format!("/v1/events/hall/holds/{hold}")).send().await.expect(204);
    let replay = call(json!({"quantity": 2, "section": "a"})).send().await.expect(201);
    assert_eq!((replay.text("id"), replay.text("state")), (hold, "released".to_owned()));
}

async fn a_claim_twenty_times(store: Store) {
    let gateway = Gateway::start(store).await;
    let spec = json!({"name": "x", "kind": "fixed", "amount": 10, "stock": 5, "per_user": 5});
    gateway.put_campaign("spring", &spec).await;
    let token = gateway.token("kim");
    let call = || gateway.public.post("/v1/coupons/spring/claims").bearer(&token).key("same").json(&json!({}));
    twenty(201, call).await;
    let next = gateway.public.post("/v1/coupons/spring/claims").bearer(&token).key("next").json(&json!({}));
    let next = next.send().await.expect(201).json;
    assert_eq!((&next["number"], &next["stock_left"]), (&json!(2), &json!(3)));
}

async fn an_order_twenty_times(store: Store) {
    let gateway = hall(store).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let hold = kim.hold(&["a-1-1"]).await;
    let payment = json!({"payment": {"provider": "sandbox", "key": "ok"}});
    let order = twenty(202, || kim.order_call(&hold, payment.clone()).key("same")).await;
    kim.order_call(&hold, json!({})).key("same").send().await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    let confirmed = gateway.concluded("kim", &order).await;
    assert_eq!((&confirmed["status"], &confirmed["payment"]["attempts"]), (&json!("confirmed"), &json!(1)));
    let replay = kim.order_call(&hold, payment).key("same").send().await.expect(202);
    assert_eq!((replay.text("id"), replay.text("status")), (order, "confirmed".to_owned()));
    let mine = kim.get("/v1/me/orders").send().await.expect(200).json;
    assert_eq!(mine["items"].as_array().map(Vec::len), Some(1), "{mine}");
}

async fn a_payment_twenty_times(store: Store) {
    let gateway = hall(store).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let order = kim.order_unpaid(&kim.hold(&["a-1-1"]).await).await;
    let path = format!("/v1/orders/{order}/payment");
    let body = json!({"provider": "sandbox", "key": "ok", "amount": 55000});
    twenty(202, || kim.post(&path, &body).key("same")).await;
    let other = json!({"provider": "sandbox", "key": "decline", "amount": 55000});
    kim.post(&path, &other).key("same").send().await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    let confirmed = gateway.concluded("kim", &order).await;
    assert_eq!((&confirmed["payment"]["attempts"], &confirmed["payment"]["captured"]), (&json!(1), &json!(55000)));
}

async fn a_refund_twenty_times(store: Store) {
    let gateway = hall(store).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let bought = kim.buy(&kim.hold(&["a-1-1", "a-1-2"]).await, "ok").await;
    let order = bought["id"].as_str().expect("an id");
    let refund = twenty(202, || kim.refund_call(order, 1).key("same")).await;
    kim.refund_call(order, 2).key("same").send().await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    let path = format!("/v1/orders/{order}/refunds/{refund}");
    eventually("the refund is done", async || kim.get(&path).send().await.expect(200).json["status"] == "done").await;
    let replay = kim.refund_call(order, 1).key("same").send().await.expect(202);
    assert_eq!((replay.text("id"), replay.text("status")), (refund, "done".to_owned()));
    let now = kim.get(&format!("/v1/orders/{order}")).send().await.expect(200).json;
    assert_eq!(now["payment"]["cancelled"], 55000);
}

async fn a_replay_outlives_the_pass(store: Store) {
    let gateway = hall(store).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let body = json!({"seats": ["a-1-1"]});
    let hold = kim.hold_call(&body).key("same").send().await.expect(201).text("id");
    let bare = kim.post(&kim.holds(), &body).key("same").send().await.expect(201);
    assert_eq!((bare.text("id"), bare.header("idempotent-replayed")), (hold, Some("true")));
    let other = json!({"seats": ["a-1-2"]});
    kim.post(&kim.holds(), &other).key("same").send().await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    kim.post(&kim.holds(), &body).key("new").send().await.expect_code(403, "PASS_REQUIRED");
}

/// The idempotency key is looked up before anything else is.
async fn a_replay_outlives_the_section(store: Store) {
    let gateway = hall(store).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let call = || kim.hold_call(&json!({"section": "ga", "quantity": 1})).key("same");
    let hold = call().send().await.expect(201).text("id");
    kim.delete(&format!("/v1/events/hall/holds/{hold}")).send().await.expect(204);
    let mut smaller = small_hall();
    smaller["sections"].as_array_mut().expect("sections").pop();
    gateway.put_event("hall", &smaller).await;
    let other = || kim.hold_call(&json!({"section": "ga", "quantity": 1}));
    eventually("the section is gone", async || other().send().await.status == 404).await;
    let replay = call().send().await.expect(201);
    assert_eq!((replay.text("id"), replay.header("idempotent-replayed")), (hold, Some("true")));
    let reused = kim.hold_call(&json!({"section": "ga", "quantity": 2})).key("same").send().await;
    reused.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
}
