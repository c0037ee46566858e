//! A buyer's whole way, with every answer checked against the contract.

use serde_json::{Value, json};

use crate::purchase::support::{Buyer, assert_shape, masked, merge, on_both_stores};
use crate::support::gateway::{Gateway, Store, eventually, small_hall, standard};

on_both_stores!(
    from_the_seat_map_to_a_refund,
    a_coupon_is_worth_what_it_was_when_claimed,
    who_waits_for_news_keeps_nobody_out,
    a_declined_payment_and_another,
    a_quoted_refund_is_the_refund,
    a_refund_is_free_so_soon_after_the_confirmation,
    cancelling_gives_everything_back,
);

async fn letters(gateway: &Gateway, row: usize) -> String {
    let map = gateway.public.get("/v1/events/hall/seats").send().await.expect(200).json;
    map["sections"][0]["rows"][row]["seats"].as_str().expect("letters").to_owned()
}

async fn shows(gateway: &Gateway, row: usize, wanted: &str) {
    eventually("the map follows", async || letters(gateway, row).await == wanted).await;
}

fn ten_percent() -> Value {
    json!({"name": "Spring", "kind": "percent", "percent_bp": 1000, "max_discount": 10000, "stock": 10,
           "expires_at": "2029-12-31T00:00:00Z"})
}

async fn from_the_seat_map_to_a_refund(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &small_hall()).await;
    gateway.put_campaign("spring", &ten_percent()).await;
    gateway.grant("kim", 10_000).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;

    let map = gateway.public.get("/v1/events/hall/seats").send().await.expect(200);
    assert_shape(
        &map,
        json!({"version": "<version>", "sections": [
            {"id": "a", "name": "Floor", "price": 55000, "capacity": 20, "free": 20,
             "rows": [{"id": "1", "seats": "ffffffffff"}, {"id": "2", "seats": "ffffffffff"}]},
            {"id": "ga", "name": "Standing", "price": 33000, "capacity": 20, "free": 20, "rows": []},
        ]}),
    );

    let held = kim.hold_call(&json!({"seats": ["a-1-2", "a-1-1"]})).send().await.expect(201);
    assert_eq!(held.header("cache-control"), Some("no-store"));
    let view = json!({
        "id": "<hold>", "event": "hall", "state": "held",
        "seats": [{"id": "a-1-1", "section": "a", "price": 55000}, {"id": "a-1-2", "section": "a", "price": 55000}],
        "sections": [{"id": "a", "types": [standard(55_000)]}], "fee": 0,
        "total": {"amount": 110000, "currency": "KRW"}, "expires_at": "<time>", "expires_in_s": "<seconds>",
    });
    assert_shape(&held, view.clone());
    let hold = held.text("id");
    let path = format!("/v1/events/hall/holds/{hold}");
    assert_eq!(held.header("location"), Some(path.as_str()));
    assert_shape(&kim.get(&path).send().await.expect(200), view);
    shows(&gateway, 0, "hhffffffff").await;

    let claim = kim.post("/v1/coupons/spring/claims", &json!({})).send().await.expect(201);
    assert_shape(
        &claim,
        json!({"id": "spring.1.1.<signature>", "campaign": "spring", "number": 1, "stock_left": 9,
               "expires_at": "<time>", "expires_in_s": "<seconds>"}),
    );
    let coupon = claim.text("id");
    eventually("the claim reaches the ledger", async || {
        kim.get("/v1/me/coupons").send().await.expect(200).json["items"][0]["id"] == json!(coupon)
    })
    .await;

    let quote =
        kim.post(&format!("{path}/quote"), &json!({"coupon": "best", "points": "max"})).send().await.expect(200);
    let line = |line: u32, seat: &str| {
        json!({"line": line, "seat": seat, "type": "standard", "price": 55000, "fee": 0, "discount": 5000, "points": 5000,
               "cash": 45000, "earn": 450, "vat": 0})
    };
    let total = json!({"price": 110000, "fee": 0, "discount": 10000, "points": 10000, "cash": 90000, "vat": 0,
                       "currency": "KRW"});
    assert_shape(
        &quote,
        json!({
            "lines": [line(1, "a-1-1"), line(2, "a-1-2")], "total": total, "coupon": "spring.1.1.<signature>",
            "coupon_reason": "largest_discount", "points_usable": 10000,
            "expires_at": "<time>", "expires_in_s": "<seconds>", "refund_terms": [{"until": null, "fee_bp": 0}],
        }),
    );

    let ask = json!({"coupon": coupon, "points": 10000, "expected_cash": 90000,
                     "payment": {"provider": "sandbox", "key": "ok"}});
    let accepted = kim.order_call(&hold, ask).send().await.expect(202);
    assert_shape(&accepted, json!({"id": "<order>", "status": "accepted"}));
    let order = accepted.text("id");
    assert_eq!(accepted.header("location"), Some(format!("/v1/orders/{order}").as_str()));
    assert!(accepted.header("retry-after").is_some());

    let confirmed = gateway.concluded("kim", &order).await;
    let bought = |line: u32, seat: &str| {
        json!({"line": line, "seat": seat, "type": "standard", "price": 55000, "fee": 0, "discount": 5000, "points": 5000,
               "cash": 45000, "earn": 450, "vat": 0, "refunded": 0, "ticket": {"id": "<ticket>", "state": "valid"}})
    };
    let whole = json!({
        "id": "<order>", "event": "hall", "hold": "<hold>", "status": "confirmed", "reason": null,
        "lines": [bought(1, "a-1-1"), bought(2, "a-1-2")], "total": total, "coupon": "spring.1.1.<signature>",
        "payment": {"provider": "sandbox", "status": "captured", "attempts": 1, "captured": 90000, "cancelled": 0},
        "deposit": null,
        "placed_at": "<time>", "confirmed_at": "<time>", "expires_at": null, "expires_in_s": null,
        "refund_terms": [{"until": null, "fee_bp": 0}],
    });
    assert_eq!(tickets_masked(masked(&confirmed)), whole);
    shows(&gateway, 0, "ssffffffff").await;
    assert_eq!(kim.get("/v1/me/coupons").send().await.expect(200).json["items"][0]["state"], "used");

    let orders = kim.get("/v1/me/orders").send().await.expect(200).json;
    assert_eq!((&orders["items"][0]["id"], &orders["next"]), (&json!(order), &Value::Null));
    let tickets = kim.get("/v1/me/tickets").send().await.expect(200).json;
    assert_eq!(tickets["items"].as_array().map(Vec::len), Some(2), "{tickets}");
    let points = kim.get("/v1/me/points").send().await.expect(200).json;
    assert_eq!((&points["balance"], &points["debt"]), (&json!(900), &json!(0)), "{points}");

    let asked = kim.refund_call(&order, 2).send().await.expect(202);
    assert_shape(&asked, json!({"id": "<refund>", "status": "requested"}));
    let refund = format!("/v1/orders/{order}/refunds/{}", asked.text("id"));
    eventually("the refund is done", async || kim.get(&refund).send().await.expect(200).json["status"] == "done").await;
    assert_shape(
        &kim.get(&refund).send().await.expect(200),
        json!({"id": "<refund>", "status": "done", "reason": "ill", "cash": 45000, "points_restored": 5000,
               "earn_clawed": 450, "fee": 0, "booking_fee": 0,
               "lines": [{"line": 2, "amount": 50000, "booking_fee": 0, "cash": 45000, "points": 5000, "earn": 450}]}),
    );
    let refunds = kim.get(&format!("/v1/orders/{order}/refunds")).send().await.expect(200).json;
    assert_eq!(refunds["items"].as_array().map(Vec::len), Some(1), "{refunds}");
    shows(&gateway, 0, "sfffffffff").await;

    let after = kim.get(&format!("/v1/orders/{order}")).send().await.expect(200).json;
    assert_eq!((&after["status"], &after["payment"]["cancelled"]), (&json!("partially_refunded"), &json!(45000)));
    let void = json!({"refunded": after["lines"][1]["refunded"], "ticket": after["lines"][1]["ticket"]["state"]});
    assert_eq!(void, json!({"refunded": 50000, "ticket": "void"}));
    assert_eq!(kim.get("/v1/me/points").send().await.expect(200).json["balance"], 5450);
    let moves = kim.get("/v1/me/points/moves").send().await.expect(200).json;
    let mut kinds: Vec<_> = moves["items"].as_array().expect("moves").iter().map(|m| m["kind"].to_string()).collect();
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, ["\"claw_back\"", "\"earn\"", "\"grant\"", "\"restore\"", "\"spend\""], "{moves}");
}

/// With points, a cancellation fee, and one line after the other.
async fn a_quoted_refund_is_the_refund(store: Store) {
    let gateway = Gateway::start(store).await;
    let mut hall = small_hall();
    hall["cancellation_fees"] = json!([{"days_before": 0, "fee_bp": 1_250}]);
    gateway.put_event("hall", &hall).await;
    gateway.grant("kim", 9_999).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let hold = kim.hold(&["a-1-1", "a-1-2", "a-1-3"]).await;
    let ask = json!({"points": 9_999, "payment": {"provider": "sandbox", "key": "ok"}});
    let order = kim.order_call(&hold, ask).send().await.expect(202).text("id");
    assert_eq!(gateway.concluded("kim", &order).await["status"], "confirmed");
    let quote = |lines: &str| kim.get(&format!("/v1/orders/{order}/refunds/quote{lines}"));

    let all = quote("").send().await.expect(200).json;
    let gross: Vec<_> = all["lines"].as_array().expect("lines").iter().map(|line| line["amount"].clone()).collect();
    assert_eq!(gross, [55_000, 55_000, 55_000]);
    assert_eq!(all["fee"], 3 * 6_875);
    quote("?lines=4").send().await.expect_code(422, "LINE_NOT_FOUND");
    for line in [2, 1, 3] {
        let quoted = quote(&format!("?lines={line}")).send().await.expect(200).json;
        let refund = kim.refund_call(&order, line).send().await.expect(202).text("id");
        let path = format!("/v1/orders/{order}/refunds/{refund}");
        let status = async || kim.get(&path).send().await.expect(200).json["status"].clone();
        eventually("the refund is done", async || status().await == "done").await;
        let done = kim.get(&path).send().await.expect(200).json;
        for field in ["cash", "points_restored", "earn_clawed", "fee", "lines"] {
            assert_eq!(quoted[field], done[field], "{field} of line {line}");
        }
        // The order ends with its last line.
        let code = if line == 3 { "NOT_REFUNDABLE" } else { "OVER_REFUND" };
        quote(&format!("?lines={line}")).send().await.expect_code(409, code);
    }
    quote("?lines=4").send().await.expect_code(409, "NOT_REFUNDABLE");
    quote("").send().await.expect_code(409, "NOT_REFUNDABLE");
    for malformed in ["1,1", "x", "1,", "-1"] {
        quote(&format!("?lines={malformed}")).send().await.expect_code(400, "VALIDATION");
    }
    let other = gateway.public.get(&format!("/v1/orders/{order}/refunds/quote")).bearer(&gateway.token("lee"));
    other.send().await.expect_code(403, "NOT_OWNER");
    kim.get("/v1/orders/x/refunds/quote").send().await.expect_code(404, "ORDER_NOT_FOUND");
}

async fn a_refund_is_free_so_soon_after_the_confirmation(store: Store) {
    let gateway = Gateway::start(store).await;
    let mut hall = small_hall();
    hall["cancellation_fees"] = json!([{"days_before": 0, "fee_bp": 1_000}]);
    hall["free_cancellation"] = json!({"hours": 24, "until_days_before": 3});
    gateway.put_event("hall", &hall).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let hold = kim.hold(&["a-1-1", "a-1-2"]).await;
    let path = format!("/v1/events/hall/holds/{hold}/quote");
    let quoted = kim.post(&path, &json!({})).send().await.expect(200).json["refund_terms"].clone();
    assert_eq!((&quoted[0]["fee_bp"], &quoted[1]), (&json!(0), &json!({"until": null, "fee_bp": 1_000})));

    let order = kim.buy(&hold, "ok").await;
    let confirmed_ms = rfc3339_ms(&order["confirmed_at"]);
    assert_eq!(rfc3339_ms(&order["refund_terms"][0]["until"]), confirmed_ms + 24 * 3_600_000, "{order}");
    let id = order["id"].as_str().expect("an id");
    let path = format!("/v1/orders/{id}/refunds/quote?lines=1");
    assert_eq!(kim.get(&path).send().await.expect(200).json["fee"], 0);

    // An event that is near has no free time.
    let mut soon = hall.clone();
    soon["starts_at"] = json!(stanchion::facts::time::rfc3339(gateway.clock.now_ms() + 36 * 3_600_000));
    gateway.put_event("soon", &soon).await;
    let lee = Buyer::enter(&gateway, "soon", "lee").await;
    let order = lee.buy(&lee.hold(&["a-1-1"]).await, "ok").await;
    assert_eq!(order["refund_terms"], json!([{"until": null, "fee_bp": 1_000}]));
    let id = order["id"].as_str().expect("an id");
    let path = format!("/v1/orders/{id}/refunds/quote");
    assert_eq!(lee.get(&path).send().await.expect(200).json["fee"], 5_500);

    for (given, pointer) in [
        (json!({"hours": 0, "until_days_before": 3}), "/free_cancellation/hours"),
        (json!({"hours": 24, "until_days_before": -1}), "/free_cancellation/until_days_before"),
    ] {
        soon["free_cancellation"] = given;
        let refused = gateway.admin_call(http::Method::PUT, "/v1/admin/events/soon").json(&soon).send().await;
        assert_eq!(refused.expect_code(400, "VALIDATION").json["errors"][0]["pointer"], pointer);
    }
}

fn rfc3339_ms(text: &Value) -> i64 {
    text.as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339").as_millisecond()
}

/// The order with its tickets' ids masked: the writer chooses them.
fn tickets_masked(mut order: Value) -> Value {
    for line in order["lines"].as_array_mut().expect("lines") {
        line["ticket"]["id"] = json!("<ticket>");
    }
    order
}

async fn a_coupon_is_worth_what_it_was_when_claimed(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &small_hall()).await;
    gateway.put_campaign("spring", &ten_percent()).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let lee = Buyer::enter(&gateway, "hall", "lee").await;
    let claim = async |buyer: &Buyer<'_>| {
        let path = "/v1/coupons/spring/claims";
        gateway.public.post(path).bearer(&gateway.token(&buyer.user)).key("c").json(&json!({})).send().await
    };
    let first = claim(&kim).await.expect(201);

    // The campaign now gives five times as much, but for another event. Then it is changed once more, to one that
    // has expired.
    let mut dearer = ten_percent();
    merge(&mut dearer, json!({"percent_bp": 5000, "max_discount": null, "events": ["elsewhere"]}));
    gateway.put_campaign("spring", &dearer).await;
    assert_eq!(claim(&lee).await.expect(201).json["number"], 2);
    merge(&mut dearer, json!({"expires_at": "2020-01-01T00:00:00Z"}));
    gateway.put_campaign("spring", &dearer).await;
    let park = Buyer::enter(&gateway, "hall", "park").await;
    claim(&park).await.expect_code(409, "CAMPAIGN_NOT_OPEN");

    let again = claim(&kim).await.expect(201);
    assert_eq!((&again.json["id"], &again.json["expires_at"]), (&first.json["id"], &first.json["expires_at"]));
    let mine = async |buyer: &Buyer<'_>| buyer.get("/v1/me/coupons").send().await.expect(200).json["items"][0].clone();
    eventually("both claims reach the ledger", async || !mine(&kim).await.is_null() && !mine(&lee).await.is_null())
        .await;
    let coupon = mine(&kim).await;
    assert_eq!((&coupon["id"], &coupon["percent_bp"]), (&first.json["id"], &json!(1000)), "{coupon}");
    assert_eq!((&coupon["state"], &coupon["expires_at"]), (&json!("issued"), &json!("2029-12-31T00:00:00Z")));
    assert_eq!(mine(&lee).await["percent_bp"], 5000, "a later claim has the later terms");

    let hold = kim.hold(&["a-1-1"]).await;
    for wanted in [first.json["id"].clone(), json!("best")] {
        let path = format!("/v1/events/hall/holds/{hold}/quote");
        let quote = kim.post(&path, &json!({"coupon": wanted})).send().await.expect(200).json;
        assert_eq!((&quote["total"]["discount"], &quote["coupon"]), (&json!(5500), &first.json["id"]), "{quote}");
    }
    let pay = json!({"provider": "sandbox", "key": "ok"});
    let ask = json!({"coupon": first.json["id"], "expected_cash": 49500, "payment": pay});
    let order = kim.order_call(&hold, ask).send().await.expect(202).text("id");
    let order = gateway.concluded("kim", &order).await;
    assert_eq!((&order["status"], &order["coupon"]), (&json!("confirmed"), &first.json["id"]), "{order}");
}

async fn who_waits_for_news_keeps_nobody_out(store: Store) {
    let gateway = Gateway::start_with(store, |config| config.limits.in_flight = 3).await;
    gateway.put_event("hall", &small_hall()).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let pay = json!({"payment": {"provider": "sandbox", "key": "never"}});
    let order = kim.order_call(&kim.hold(&["a-1-1"]).await, pay).send().await.expect(202).text("id");
    let waiting = format!("/v1/orders/{order}?wait_s=20");
    let waits = || futures_util::future::join_all((0..3).map(|_| kim.get(&waiting).send()));
    let others = async {
        for _ in 0..100 {
            gateway.public.get("/v1/events/hall").send().await.expect(200);
        }
    };
    tokio::select! {
        answers = waits() => panic!("the payment is under way: {:?}", answers[0].json),
        () = others => {}
    }
}

async fn a_declined_payment_and_another(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &small_hall()).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let hold = kim.hold(&["a-1-1"]).await;
    let declined = kim.buy(&hold, "decline").await;
    assert_eq!((&declined["status"], &declined["payment"]["status"]), (&json!("pending_payment"), &json!("declined")));
    assert!(declined["expires_in_s"].as_i64().is_some_and(|s| s > 0), "{declined}");

    let order = declined["id"].as_str().expect("an id");
    let path = format!("/v1/orders/{order}/payment");
    let paid = kim.post(&path, &json!({"provider": "sandbox", "key": "ok", "amount": 55000})).send().await.expect(202);
    assert_eq!(paid.text("status"), "paying");
    let confirmed = gateway.concluded("kim", order).await;
    assert_eq!((&confirmed["status"], &confirmed["payment"]["attempts"]), (&json!("confirmed"), &json!(2)));
    assert_eq!(confirmed["payment"]["captured"], 55000);
}

async fn cancelling_gives_everything_back(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &small_hall()).await;
    gateway.grant("kim", 1_000).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let hold = kim.hold(&["a-1-1"]).await;
    let order = kim.order_call(&hold, json!({"points": 1000})).send().await.expect(202).text("id");
    let pending = gateway.concluded("kim", &order).await;
    assert_eq!((&pending["status"], &pending["total"]["cash"]), (&json!("pending_payment"), &json!(54000)));
    shows(&gateway, 0, "pfffffffff").await;

    let path = format!("/v1/orders/{order}");
    assert_eq!(kim.delete(&path).send().await.expect(202).text("id"), order);
    // A poll returns at once when the order waits for its buyer. A cancelled order does not, so this poll waits for the
    // end.
    let ended = kim.get(&format!("{path}?wait_s=30")).send().await.expect(200).json;
    assert_eq!((&ended["status"], &ended["reason"]), (&json!("rejected"), &json!("CANCELLED")));
    shows(&gateway, 0, "ffffffffff").await;
    assert_eq!(kim.get("/v1/me/points").send().await.expect(200).json["balance"], 1000);
    kim.delete(&path).send().await.expect(202);
}
