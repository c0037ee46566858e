//! What is left to pay: nothing, or at least what a provider takes.

use serde_json::json;

use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::gateway::{Gateway, Store, small_hall};

on_both_stores!(points_leave_nothing_to_pay_or_enough, a_provider_takes_no_less_than_its_least);

async fn points_leave_nothing_to_pay_or_enough(store: Store) {
    let gateway = Gateway::start_with(store, |config| config.payment.sandbox.min_amount = 1_000).await;
    gateway.put_event("hall", &small_hall()).await;
    let buy = async |user: &str, granted: i64, points: serde_json::Value| {
        gateway.grant(user, granted).await;
        let buyer = Buyer::enter(&gateway, "hall", user).await;
        let hold = buyer.hold_call(&json!({"section": "a", "quantity": 1})).send().await.expect(201).text("id");
        let quote = format!("/v1/events/hall/holds/{hold}/quote");
        let quoted = buyer.post(&quote, &json!({"points": points})).send().await;
        let ask = json!({"points": points, "payment": {"provider": "sandbox", "key": "ok"}});
        let order = buyer.order_call(&hold, ask).send().await.expect(202).text("id");
        (quoted, gateway.concluded(user, &order).await, buyer, hold)
    };
    let (quoted, order, buyer, hold) = buy("kim", 54_001, json!(54_001)).await;
    quoted.expect_code(409, "AMOUNT_BELOW_MINIMUM");
    assert_eq!((&order["status"], &order["reason"]), (&json!("rejected"), &json!("AMOUNT_BELOW_MINIMUM")));
    // The seats are the hold's again, and no point is gone.
    let again = json!({"points": 54_000, "payment": {"provider": "sandbox", "key": "ok"}});
    let order = buyer.order_call(&hold, again).send().await.expect(202).text("id");
    assert_eq!(gateway.concluded("kim", &order).await["status"], "confirmed");
    assert_eq!(buyer.get("/v1/me/points").send().await.expect(200).json["balance"], 1 + 10);

    for (user, granted, points, cash) in
        [("lee", 54_999, 54_000, 1_000), ("park", 60_000, 55_000, 0), ("choi", 5, 5, 54_995)]
    {
        let (quoted, order, ..) = buy(user, granted, json!("max")).await;
        let quoted = quoted.expect(200).json;
        assert_eq!(quoted["total"], order["total"], "{user}");
        assert_eq!((&order["status"], &order["total"]["points"]), (&json!("confirmed"), &json!(points)), "{user}");
        assert_eq!(order["total"]["cash"], cash, "{user}");
    }
}

async fn a_provider_takes_no_less_than_its_least(store: Store) {
    let change = |config: &mut stanchion::config::Config| {
        config.payment.providers = vec!["sandbox".into(), "toss".into()];
        config.payment.toss.secret_key = "of nobody".into();
        config.payment.sandbox.min_amount = 1_000;
        config.payment.toss.min_amount = 100;
    };
    let gateway = Gateway::start_with(store, change).await;
    let mut hall = small_hall();
    hall["sections"][0]["price"] = json!(500);
    gateway.put_event("hall", &hall).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    // Another provider takes so little.
    let order = kim.order_unpaid(&kim.hold(&["a-1-1"]).await).await;
    let body = json!({"provider": "sandbox", "key": "ok", "amount": 500});
    let paid = kim.post(&format!("/v1/orders/{order}/payment"), &body).send().await;
    paid.expect_code(409, "AMOUNT_BELOW_MINIMUM");
    // With the provider that does not, the order goes back to its hold.
    let lee = Buyer::enter(&gateway, "hall", "lee").await;
    assert_eq!(lee.buy(&lee.hold(&["a-1-2"]).await, "ok").await["reason"], "AMOUNT_BELOW_MINIMUM");
}
