//! Ticket types, booking fees and taxes: what a hold freezes, what an order costs, what a refund gives back.

use serde_json::{Value, json};

use crate::purchase::support::{Buyer, merge, on_both_stores};
use crate::support::client::Answer;
use crate::support::gateway::{Gateway, Store, eventually, small_hall};

on_both_stores!(
    what_was_held_is_what_is_paid,
    standing_places_have_types_by_their_number,
    a_type_that_is_not_there_is_refused_at_the_door,
    who_orders_after_a_new_date_has_the_terms_of_the_new_date,
    an_admin_may_have_what_buyers_may_not,
    a_booking_fee_comes_back_by_its_own_rule,
);

/// A hall with ticket types, a booking fee and a tax.
fn typed_hall() -> Value {
    let mut hall = small_hall();
    let types = |adult: i64, youth: i64| {
        json!([
            {"id": "adult", "name": "Adult", "price": adult},
            {"id": "youth", "name": "Youth (7–18)", "price": youth},
            {"id": "guest", "name": "Guest", "price": 0, "for": "admin"},
        ])
    };
    hall["sections"] = json!([
        {"id": "a", "name": "Floor", "types": types(55_000, 38_500), "rows": [{"id": "1", "seats": 10}]},
        {"id": "ga", "name": "Standing", "types": types(33_000, 20_000), "capacity": 20},
    ]);
    merge(
        &mut hall,
        json!({"booking_fee": {"amount": 2_000, "refundable": "first_day"}, "vat_bp": 1_000, "timezone": "Asia/Seoul"}),
    );
    hall
}

/// Some fields of each line.
fn lines(order: &Value, fields: &[&str]) -> Vec<Vec<Value>> {
    let lines = order["lines"].as_array().expect("lines");
    lines.iter().map(|line| fields.iter().map(|field| line[field].clone()).collect()).collect()
}

async fn what_was_held_is_what_is_paid(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &typed_hall()).await;
    let shown = gateway.public.get("/v1/events/hall").send().await.expect(200).json;
    assert_eq!(shown["sections"][0]["price"], 55_000);
    let public = json!([
        {"id": "adult", "name": "Adult", "price": 55_000}, {"id": "youth", "name": "Youth (7–18)", "price": 38_500},
    ]);
    assert_eq!(shown["sections"][0]["types"], public);
    assert_eq!(shown["booking_fee"], json!({"amount": 2_000, "refundable": "first_day"}));

    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let held = kim.hold_call(&json!({"seats": ["a-1-2", "a-1-1"]})).send().await.expect(201);
    assert_eq!(held.json["sections"], json!([{"id": "a", "types": public}]));
    assert_eq!((&held.json["fee"], &held.json["total"]["amount"]), (&json!(2_000), &json!(114_000)));

    // Everything gets dearer, and the type is not sold any more. The hold stays as it was.
    let mut dearer = typed_hall();
    dearer["sections"][0]["types"] = json!([{"id": "all", "name": "All", "price": 99_000}]);
    merge(&mut dearer, json!({"booking_fee": {"amount": 9_000}, "vat_bp": 0, "earn_bp": 0}));
    merge(&mut dearer, json!({"cancellation_fees": [{"days_before": 0, "fee_bp": 9_000}]}));
    gateway.put_event("hall", &dearer).await;

    let hold = held.text("id");
    let types = json!({"a-1-1": "youth"});
    let path = format!("/v1/events/hall/holds/{hold}/quote");
    let quoted = kim.post(&path, &json!({"types": types})).send().await.expect(200).json;
    let total = json!({"price": 93_500, "fee": 4_000, "discount": 0, "points": 0, "cash": 97_500, "vat": 8_862,
                       "currency": "KRW"});
    assert_eq!(quoted["total"], total);
    assert_eq!(quoted["refund_terms"], json!([{"until": null, "fee_bp": 0}]));
    let ask = json!({"types": types, "expected_cash": 97_500, "payment": {"provider": "sandbox", "key": "ok"}});
    let placed = kim.order_call(&hold, ask).send().await.expect(202).text("id");
    let order = gateway.concluded("kim", &placed).await;
    assert_eq!((&order["status"], &order["total"]), (&json!("confirmed"), &total));
    let fields = ["seat", "type", "price", "fee", "cash", "earn", "vat"];
    let wanted = [
        [json!("a-1-1"), json!("youth"), json!(38_500), json!(2_000), json!(40_500), json!(385), json!(3_681)],
        [json!("a-1-2"), json!("adult"), json!(55_000), json!(2_000), json!(57_000), json!(550), json!(5_181)],
    ];
    assert_eq!(lines(&order, &fields), wanted);
    assert_eq!(order["refund_terms"], json!([{"until": null, "fee_bp": 0}]));
    assert_eq!(order["payment"]["captured"], 97_500);

    // A new hold is sold by the new terms.
    let lee = Buyer::enter(&gateway, "hall", "lee").await;
    let order = lee.buy(&lee.hold(&["a-1-3"]).await, "ok").await;
    assert_eq!(
        lines(&order, &["type", "price", "fee", "vat"]),
        [[json!("all"), json!(99_000), json!(9_000), json!(0)]]
    );
}

async fn standing_places_have_types_by_their_number(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &typed_hall()).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let held = kim.hold_call(&json!({"section": "ga", "quantity": 3})).send().await.expect(201).text("id");
    let more = json!({"types": {"ga": {"youth": 2}}, "payment": {"provider": "sandbox", "key": "ok"}});
    let placed = kim.order_call(&held, more).send().await.expect(202).text("id");
    let order = gateway.concluded("kim", &placed).await;
    let wanted = [[json!("youth"), json!(20_000)], [json!("youth"), json!(20_000)], [json!("adult"), json!(33_000)]];
    assert_eq!(lines(&order, &["type", "price"]), wanted);
}

/// The hold keeps its prices and its fee. What depends on the date is that of the new one.
async fn who_orders_after_a_new_date_has_the_terms_of_the_new_date(store: Store) {
    let gateway = Gateway::start(store).await;
    let mut hall = typed_hall();
    hall["cancellation_fees"] = json!([{"days_before": 0, "fee_bp": 1_000}]);
    gateway.put_event("hall", &hall).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let hold = kim.hold(&["a-1-1"]).await;
    merge(&mut hall, json!({"starts_at": "2031-01-01T00:00:00Z", "material_change": true, "cancellation_fees": []}));
    merge(&mut hall, json!({"booking_fee": {"amount": 9_000}}));
    gateway.put_event("hall", &hall).await;
    let path = format!("/v1/events/hall/holds/{hold}/quote");
    let quoted = kim.post(&path, &json!({})).send().await.expect(200).json;
    let order = kim.buy(&hold, "ok").await;
    for shown in [&quoted, &order] {
        assert_eq!(shown["refund_terms"], json!([{"until": null, "fee_bp": 0}]), "{shown}");
        assert_eq!((&shown["total"]["price"], &shown["total"]["fee"]), (&json!(55_000), &json!(2_000)), "{shown}");
    }
}

async fn a_type_that_is_not_there_is_refused_at_the_door(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &typed_hall()).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let seated = kim.hold(&["a-1-1"]).await;
    let standing = kim.hold_call(&json!({"section": "ga", "quantity": 2})).send().await.expect(201).text("id");
    let both = async |hold: &str, types: Value| -> [Answer; 2] {
        let path = format!("/v1/events/hall/holds/{hold}/quote");
        let quoted = kim.post(&path, &json!({"types": types})).send().await;
        [quoted, kim.order_call(hold, json!({"types": types})).send().await]
    };
    for (hold, types, status, code) in [
        (&seated, json!({"a-1-1": "child"}), 422, "TYPE_NOT_FOUND"),
        (&seated, json!({"a-1-1": "guest"}), 422, "TYPE_NOT_FOUND"),
        (&seated, json!({"a-1-2": "youth"}), 404, "SEAT_NOT_FOUND"),
        (&seated, json!({"ga": {"youth": 1}}), 404, "SECTION_NOT_FOUND"),
        (&seated, json!({"a-1-1": "youth", "a": {"youth": 1}}), 400, "VALIDATION"),
        (&standing, json!({"ga": {"youth": 2, "adult": 1}}), 400, "VALIDATION"),
        (&standing, json!({"ga": {"child": 1}}), 422, "TYPE_NOT_FOUND"),
        (&standing, json!({"ga": "youth"}), 404, "SEAT_NOT_FOUND"),
        (&standing, json!({"ga": {"Youth": 1}}), 400, "VALIDATION"),
        (&standing, json!({"ga": {"youth": 4_000_000_000_u32}}), 400, "VALIDATION"),
        (&standing, json!({"ga": {"youth": -1}}), 400, "VALIDATION"),
        (&standing, json!({"ga": {"child": 0}}), 400, "VALIDATION"),
        (&standing, json!({"ga": {}}), 400, "VALIDATION"),
    ] {
        for answer in both(hold, types.clone()).await {
            answer.expect_code(status, code);
        }
    }
    // A refusal has ordered nothing.
    let order = kim.buy(&seated, "ok").await;
    assert_eq!(lines(&order, &["type"]), [[json!("adult")]]);
}

async fn an_admin_may_have_what_buyers_may_not(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &typed_hall()).await;
    let buyer = Buyer::enter(&gateway, "hall", "root").await;
    let root = Buyer { bearer: gateway.admin_token(), ..buyer };
    let hold = root.hold(&["a-1-1"]).await;
    let types = json!({"types": {"a-1-1": "guest"}, "payment": {"provider": "sandbox", "key": "ok"}});
    let placed = root.order_call(&hold, types).send().await.expect(202).text("id");
    let order = gateway.concluded("root", &placed).await;
    assert_eq!(lines(&order, &["type", "price", "cash"]), [[json!("guest"), json!(0), json!(2_000)]]);
}

async fn a_booking_fee_comes_back_by_its_own_rule(store: Store) {
    let gateway = Gateway::start(store).await;
    for (event, refundable, back) in [("a", "never", 0), ("b", "first_day", 2_000), ("c", "always", 2_000)] {
        let mut hall = typed_hall();
        hall["booking_fee"]["refundable"] = json!(refundable);
        hall["cancellation_fees"] = json!([{"days_before": 0, "fee_bp": 1_000}]);
        gateway.put_event(event, &hall).await;
        let kim = Buyer::enter(&gateway, event, "kim").await;
        let order = kim.buy(&kim.hold(&["a-1-1", "a-1-2"]).await, "ok").await;
        let order = order["id"].as_str().expect("an id");
        let quoted = kim.get(&format!("/v1/orders/{order}/refunds/quote?lines=1")).send().await.expect(200).json;
        // The fee of the cancellation is taken from the price alone.
        assert_eq!((&quoted["cash"], &quoted["fee"]), (&json!(49_500 + back), &json!(5_500)), "{refundable}");
        assert_eq!(quoted["booking_fee"], back, "{refundable}");
        let refund = kim.refund_call(order, 1).send().await.expect(202).text("id");
        let path = format!("/v1/orders/{order}/refunds/{refund}");
        eventually("the refund is done", async || kim.get(&path).send().await.expect(200).json["status"] == "done")
            .await;
        let done = kim.get(&path).send().await.expect(200).json;
        assert_eq!((&done["cash"], &done["booking_fee"]), (&quoted["cash"], &quoted["booking_fee"]), "{refundable}");
        let after = kim.get(&format!("/v1/orders/{order}")).send().await.expect(200).json;
        assert_eq!(after["lines"][0]["refunded"], 55_000 + back, "{refundable}");
        assert_eq!(after["payment"]["cancelled"], 49_500 + back, "{refundable}");
    }
    // An admin keeps nothing.
    let kim = Buyer::enter(&gateway, "a", "lee").await;
    let order = kim.buy(&kim.hold(&["a-1-3"]).await, "ok").await;
    let path = format!("/v1/admin/orders/{}/refunds", order["id"].as_str().expect("an id"));
    let asked = gateway.admin_call(http::Method::POST, &path).key("k").json(&json!({"lines": [{"line": 1}]}));
    asked.send().await.expect(202);
    let path = format!("/v1/orders/{}", order["id"].as_str().expect("an id"));
    let cancelled = async || kim.get(&path).send().await.expect(200).json["payment"]["cancelled"].clone();
    eventually("everything is back", async || cancelled().await == 57_000).await;
}
