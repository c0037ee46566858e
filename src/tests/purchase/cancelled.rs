//! A cancelled event: nothing is sold any more, and everything that was sold comes back.

use http::Method;
use serde_json::{Value, json};

use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::client::Answer;
use crate::support::gateway::{Gateway, Store, eventually, small_hall};

on_both_stores!(everything_comes_back_without_a_fee);

async fn cancel(gateway: &Gateway, reason: &str) -> Answer {
    let call = gateway.admin_call(Method::POST, "/v1/admin/events/hall/cancel");
    call.json(&json!({ "reason": reason })).send().await
}

async fn progress(gateway: &Gateway) -> Value {
    gateway.admin_call(Method::GET, "/v1/admin/events/hall/cancel").send().await.expect(200).json
}

async fn everything_comes_back_without_a_fee(store: Store) {
    let gateway = Gateway::start(store).await;
    let mut hall = small_hall();
    hall["booking_fee"] = json!({"amount": 2_000, "refundable": "never"});
    hall["cancellation_fees"] = json!([{"days_before": 0, "fee_bp": 5_000}]);
    hall["refunds_close_at"] = json!("2026-01-01T00:00:00Z");
    gateway.put_event("hall", &hall).await;
    gateway.grant("kim", 10_000).await;
    let missing = gateway.admin_call(Method::GET, "/v1/admin/events/hall/cancel").send().await;
    missing.expect_code(404, "NOT_FOUND");

    let buyer = async |user: &str| Buyer::enter(&gateway, "hall", user).await;
    let (kim, lee, ann) = (buyer("kim").await, buyer("lee").await, buyer("ann").await);
    let paid = json!({"points": 10_000, "payment": {"provider": "sandbox", "key": "ok"}});
    let placed = kim.order_call(&kim.hold(&["a-1-1", "a-1-2"]).await, paid).send().await.expect(202).text("id");
    assert_eq!(gateway.concluded("kim", &placed).await["total"]["cash"], 104_000);
    let unpaid = lee.order_unpaid(&lee.hold(&["a-1-3"]).await).await;
    let held = ann.hold(&["a-1-4"]).await;

    for bad in ["", "a\nb", &"x".repeat(201)] {
        cancel(&gateway, bad).await.expect_code(400, "VALIDATION");
    }
    assert_eq!(cancel(&gateway, "the singer is ill").await.expect(202).json["state"], "running");
    // At once nothing goes on.
    let refused = |answer: Answer| {
        assert_eq!(answer.expect_code(409, "EVENT_CANCELLED").json["detail"], "the singer is ill");
    };
    refused(ann.hold_call(&json!({"seats": ["a-1-5"]})).send().await);
    refused(ann.post(&format!("/v1/events/hall/holds/{held}/quote"), &json!({})).send().await);
    refused(ann.order_call(&held, json!({})).send().await);
    let pay = json!({"provider": "sandbox", "key": "ok", "amount": 57_000});
    let payment = lee.post(&format!("/v1/orders/{unpaid}/payment"), &pay).send().await;
    // The order may have been cancelled already.
    assert!(["EVENT_CANCELLED", "NOT_PAYABLE"].contains(&payment.text("code").as_str()), "{}", payment.json);
    let entered = gateway.public.post("/v1/events/hall/queue").json(&json!({})).send().await;
    entered.expect_code(409, "ROOM_CLOSED");
    assert_eq!(cancel(&gateway, "another reason").await.expect(202).json["reason"], "the singer is ill");
    let put = gateway.admin_call(Method::PUT, "/v1/admin/events/hall").json(&hall).send().await;
    put.expect_code(409, "EVENT_CANCELLED");
    let patch = gateway.admin_call(Method::PATCH, "/v1/admin/events/hall/room").json(&json!({"mode": "open"}));
    patch.send().await.expect_code(409, "EVENT_CANCELLED");
    let shown = gateway.public.get("/v1/events/hall").send().await.expect(200).json;
    assert_eq!(shown["cancelled"]["reason"], "the singer is ill");

    ann.delete(&format!("/v1/events/hall/holds/{held}")).send().await.expect(204);
    eventually("the cancellation is done", async || progress(&gateway).await["state"] == "done").await;
    let end = progress(&gateway).await;
    let counts = ["orders", "refunded", "failed", "unpaid", "held"].map(|field| end[field].as_i64());
    assert_eq!(counts, [Some(1), Some(1), Some(0), Some(0), Some(0)], "{end}");
    let order = kim.get(&format!("/v1/orders/{placed}")).send().await.expect(200).json;
    assert_eq!((&order["status"], &order["payment"]["cancelled"]), (&json!("refunded"), &json!(104_000)));
    let refunds = kim.get(&format!("/v1/orders/{placed}/refunds")).send().await.expect(200).json;
    let refund = &refunds["items"][0];
    assert_eq!((&refund["cash"], &refund["fee"], &refund["booking_fee"]), (&json!(104_000), &json!(0), &json!(4_000)));
    assert_eq!((&refund["points_restored"], &refund["reason"]), (&json!(10_000), &json!("the singer is ill")));
    assert_eq!(refunds["items"].as_array().map(Vec::len), Some(1), "{refunds}");
    assert_eq!(kim.get("/v1/me/points").send().await.expect(200).json["balance"], 10_000);
    let order = lee.get(&format!("/v1/orders/{unpaid}")).send().await.expect(200).json;
    assert_eq!((&order["status"], &order["reason"]), (&json!("rejected"), &json!("CANCELLED")));
    eventually("all seats are free", async || {
        let map = gateway.public.get("/v1/events/hall/seats").send().await.expect(200).json;
        map["sections"][0]["free"] == 20
    })
    .await;
    let audit = gateway.admin_call(Method::GET, "/v1/admin/audit").send().await.expect(200).json;
    assert_eq!(audit["ok"], true, "{audit}");
    let put = gateway.admin_call(Method::PUT, "/v1/admin/events/other").json(&shown_as_put(&hall)).send().await;
    assert_eq!(put.expect_code(400, "VALIDATION").json["errors"][0]["pointer"], "/cancelled");
}

/// An event that says of itself that it was cancelled.
fn shown_as_put(hall: &Value) -> Value {
    let mut hall = hall.clone();
    hall["cancelled"] = json!({"at": "2026-01-01T00:00:00Z", "reason": "because"});
    hall
}
