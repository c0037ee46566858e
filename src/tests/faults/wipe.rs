//! Redis is wiped while nobody waits. The writer rebuilds the lanes from the ledger before anything is sold.

use serde_json::json;

use crate::purchase::support::Buyer;
use crate::support::gateway::{Gateway, Store, eventually, small_hall, unique};
use crate::support::servers::OwnRedis;

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_redis_sells_nothing_twice() {
    let redis = OwnRedis::start().await;
    let gateway = Gateway::start_with(Store::Redis, |config| config.redis.url = redis.url()).await;
    gateway.put_event("wiped", &small_hall()).await;
    gateway.put_campaign("wiped-coupons", &json!({"name": "W", "kind": "fixed", "amount": 1000, "stock": 5})).await;
    let buyer = Buyer::enter(&gateway, "wiped", "kim").await;
    let claim = |user: &str, key: &str| {
        let call = gateway.public.post("/v1/coupons/wiped-coupons/claims").bearer(&gateway.token(user));
        call.key(key).json(&json!({}))
    };
    assert_eq!(claim("kim", "c1").send().await.expect(201).json["number"], 1);
    let order = buyer.buy(&buyer.hold(&["a-1-1", "a-1-2"]).await, "ok").await;
    assert_eq!(order["status"], "confirmed", "{order}");

    redis.flush();
    let other = gateway.token("lee");
    let seats = json!({"seats": ["a-1-1"]});
    eventually("the lanes are rebuilt", async || {
        // The sold seat is not sold again at any moment of the recovery.
        let pass = gateway.public.post("/v1/events/wiped/queue").json(&json!({})).send().await;
        if let Some(pass) = pass.json["pass"].as_str() {
            let call = gateway.public.post("/v1/events/wiped/holds").bearer(&other).pass(pass);
            let answer = call.key(&unique("again")).json(&seats).send().await;
            assert_ne!(answer.status, 201, "sold twice: {}", answer.json);
            return answer.json["code"] == "SEATS_TAKEN";
        }
        assert!(pass.status == 503 || pass.status == 201, "{}: {}", pass.status, pass.json);
        false
    })
    .await;

    // Afterwards seats are sold as before, coupon numbers go on, and the old order can still be refunded.
    assert_eq!(claim("lee", "c2").send().await.expect(201).json["number"], 2);
    let after = Buyer::enter(&gateway, "wiped", "park").await;
    let bought = after.buy(&after.hold(&["a-1-3"]).await, "ok").await;
    assert_eq!(bought["status"], "confirmed", "{bought}");
    let id = order["id"].as_str().expect("an id");
    buyer.refund_call(id, 1).send().await.expect(202);
    eventually("the refund is done", async || {
        let path = format!("/v1/orders/{id}");
        gateway.public.get(&path).bearer(&buyer.bearer).send().await.json["status"] == "partially_refunded"
    })
    .await;
}
