//! A lane rebuilt from the ledger: repeats, and what the doors had accepted before.

use serde_json::{Value, json};

use crate::purchase_support::Buyer;
use crate::support::gateway::{Gateway, Store, eventually, small_hall};
use crate::support::servers::OwnRedis;

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_lane_answers_repeats() {
    let redis = OwnRedis::start().await;
    let gateway = Gateway::start_with(Store::Redis, |config| config.redis.url = redis.url()).await;
    gateway.put_event("again", &small_hall()).await;
    let kim = Buyer::enter(&gateway, "again", "kim").await;
    let hold_call = |seats: Value| kim.hold_call(&json!({ "seats": seats })).key("hold");
    let hold = hold_call(json!(["a-1-1"])).send().await.expect(201).text("id");
    let payment = json!({"payment": {"provider": "sandbox", "key": "ok"}});
    let order_call = || kim.order_call(&hold, payment.clone()).key("order");
    let order = order_call().send().await.expect(202).text("id");
    assert_eq!(gateway.settled("kim", &order).await["status"], "confirmed");

    redis.flush();
    eventually("the lane is rebuilt", async || hold_call(json!(["a-1-1"])).send().await.status != 503).await;
    let again = hold_call(json!(["a-1-1"])).send().await.expect(201);
    assert_eq!((again.text("id"), again.text("state")), (hold.clone(), "ordered".to_owned()));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    hold_call(json!(["a-1-2"])).send().await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    let again = order_call().send().await.expect(202);
    assert_eq!((again.text("id"), again.text("status")), (order, "confirmed".to_owned()));
}
