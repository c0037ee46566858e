//! Every refusal of a purchase, written by hand: its status and code, and that nothing happened.

use serde_json::{Value, json};

use crate::purchase::support::{Buyer, merge, on_both_stores};
use crate::support::client::Answer;
use crate::support::gateway::{Gateway, Store, eventually, small_hall};

on_both_stores!(
    of_holds,
    of_claims,
    of_orders,
    of_payments_and_cancels,
    of_refunds,
    of_refunds_by_their_terms,
    of_the_user
);

async fn hall(store: Store) -> Gateway {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &small_hall()).await;
    gateway
}

/// The pointers of a `VALIDATION` problem.
#[track_caller]
fn pointers(answer: Answer) -> Vec<String> {
    let answer = answer.expect_code(400, "VALIDATION");
    let errors = answer.json["errors"].as_array().expect("errors");
    errors.iter().map(|e| e["pointer"].as_str().expect("a pointer").to_owned()).collect()
}

async fn of_holds(store: Store) {
    let gateway = hall(store).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let seats = json!({"seats": ["a-1-1"]});
    let holds = kim.holds();

    let public = &gateway.public;
    public.post(&holds).key("k").json(&seats).send().await.expect_code(401, "UNAUTHENTICATED");
    let keyless = public.post(&holds).bearer(&kim.bearer).pass(&kim.pass).json(&seats);
    keyless.send().await.expect_code(400, "IDEMPOTENCY_KEY_MISSING");
    kim.post(&holds, &seats).send().await.expect_code(403, "PASS_REQUIRED");
    kim.post(&holds, &seats).pass("x.y.z").send().await.expect_code(403, "PASS_REQUIRED");
    kim.post("/v1/events/none/holds", &seats).send().await.expect_code(404, "EVENT_NOT_FOUND");
    kim.post("/v1/events/NONE/holds", &seats).send().await.expect_code(404, "EVENT_NOT_FOUND");

    let ask = async |body: Value| kim.hold_call(&body).send().await;
    for (body, wanted) in [
        (json!({}), vec![""]),
        (json!({"seats": ["a-1-1"], "section": "a"}), vec![""]),
        (json!({"seats": ["A 1", "a-1-1"]}), vec!["/seats/0"]),
        (json!({"section": "A", "quantity": -1}), vec!["/section", "/quantity"]),
        (json!({"section": "a", "quantity": "2"}), vec!["/quantity"]),
        (json!({"section": "a", "quantity": 99999999999i64}), vec!["/quantity"]),
        (json!({"seats": "a-1-1"}), vec!["/seats"]),
        (json!({"seats": ["a-1-1"], "colour": 1}), vec!["/colour"]),
        (json!([]), vec![""]),
    ] {
        assert_eq!(pointers(ask(body.clone()).await), wanted, "{body}");
    }
    ask(json!({"seats": []})).await.expect_code(422, "EMPTY");
    ask(json!({"section": "a", "quantity": 0})).await.expect_code(422, "EMPTY");
    ask(json!({"seats": ["a-1-1", "a-1-1"]})).await.expect_code(422, "DUPLICATE_SEAT");
    ask(json!({"seats": ["a-9-1"]})).await.expect_code(404, "SEAT_NOT_FOUND");
    ask(json!({"seats": ["ga-1"]})).await.expect_code(404, "SEAT_NOT_FOUND");
    ask(json!({"section": "b"})).await.expect_code(404, "SECTION_NOT_FOUND");
    ask(json!({"section": "a", "quantity": 5})).await.expect_code(422, "LIMIT_EXCEEDED");

    let lee = Buyer::enter(&gateway, "hall", "lee").await;
    let theirs = lee.hold(&["a-1-1", "a-1-2"]).await;
    let taken = ask(json!({"seats": ["a-1-1", "a-1-2", "a-1-3"]})).await.expect_code(409, "SEATS_TAKEN");
    assert_eq!(taken.json["conflicts"], json!(["a-1-1", "a-1-2"]));

    let path = format!("{holds}/{theirs}");
    kim.get(&path).send().await.expect_code(403, "NOT_OWNER");
    kim.delete(&path).send().await.expect_code(403, "NOT_OWNER");
    for missing in ["nothing", "h00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "hffaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        kim.get(&format!("{holds}/{missing}")).send().await.expect_code(404, "HOLD_NOT_FOUND");
        kim.delete(&format!("{holds}/{missing}")).send().await.expect_code(404, "HOLD_NOT_FOUND");
    }
    lee.delete(&path).send().await.expect(204);
    lee.delete(&path).send().await.expect(204);
    assert_eq!(lee.get(&path).send().await.expect(200).json["state"], "released");

    // The visitor of this pass is bound to kim, and another user asks with it.
    kim.hold(&["a-2-1"]).await;
    lee.post(&holds, &seats).pass(&kim.pass).send().await.expect_code(403, "NOT_OWNER");

    gateway
        .admin_call(http::Method::PATCH, "/v1/admin/events/hall/room")
        .json(&json!({"mode": "closed"}))
        .send()
        .await
        .expect(200);
    ask(seats.clone()).await.expect_code(409, "SALE_NOT_OPEN");
}

async fn of_claims(store: Store) {
    let gateway = Gateway::start(store).await;
    let campaign = |more: Value| {
        let mut spec = json!({"name": "x", "kind": "fixed", "amount": 10, "stock": 1});
        merge(&mut spec, more);
        spec
    };
    gateway.put_campaign("one", &campaign(json!({}))).await;
    gateway.put_campaign("two", &campaign(json!({"stock": 2}))).await;
    gateway.put_campaign("later", &campaign(json!({"opens_at": "2040-01-01T00:00:00Z"}))).await;
    let claim = async |user: &str, campaign: &str, key: &str| {
        let path = format!("/v1/coupons/{campaign}/claims");
        gateway.public.post(&path).bearer(&gateway.token(user)).key(key).json(&json!({})).send().await
    };
    claim("kim", "none", "a").await.expect_code(404, "CAMPAIGN_NOT_FOUND");
    claim("kim", "NONE", "a").await.expect_code(404, "CAMPAIGN_NOT_FOUND");
    claim("kim", "later", "a").await.expect_code(409, "CAMPAIGN_NOT_OPEN");
    claim("kim", "one", "a").await.expect(201);
    claim("kim", "one", "b").await.expect_code(409, "ALREADY_CLAIMED");
    claim("lee", "one", "a").await.expect_code(409, "SOLD_OUT");
    let path = "/v1/coupons/one/claims";
    gateway.public.post(path).key("k").send().await.expect_code(401, "UNAUTHENTICATED");
    gateway.public.post(path).bearer(&gateway.token("lee")).send().await.expect_code(400, "IDEMPOTENCY_KEY_MISSING");
    // A request without a body counts as one with an empty body.
    let bare = gateway.public.post("/v1/coupons/two/claims").bearer(&gateway.token("lee")).key("k");
    assert_eq!(bare.send().await.expect(201).json["number"], 1);

    let put =
        async |spec: Value| gateway.admin_call(http::Method::PUT, "/v1/admin/coupons/one").json(&spec).send().await;
    put(campaign(json!({"stock": 0}))).await.expect_code(409, "STOCK_CLAIMED");
    put(campaign(json!({"stock": 3}))).await.expect(200);
    assert_eq!(claim("lee", "one", "a").await.expect(201).json["number"], 2);
    assert_eq!(pointers(put(campaign(json!({"kind": "percent"}))).await), ["/percent_bp", "/amount"]);
}

async fn of_orders(store: Store) {
    let gateway = hall(store).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let lee = Buyer::enter(&gateway, "hall", "lee").await;
    let hold = kim.hold(&["a-1-1"]).await;

    let order = async |more: Value| kim.order_call(&hold, more).send().await;
    for (more, wanted) in [
        (json!({"event": "HALL", "points": -1, "expected_cash": -1}), vec!["/event", "/points", "/expected_cash"]),
        (json!({"points": 1_000_000_000_001i64}), vec!["/points"]),
        (json!({"points": "all"}), vec!["/points"]),
        (json!({"coupon": "spring.1.00000000000000000000000000000000"}), vec!["/coupon"]),
        (json!({"coupon": ""}), vec!["/coupon"]),
        (json!({"payment": {"provider": "", "key": ""}}), vec!["/payment/provider", "/payment/key"]),
        (json!({"payment": {"provider": "sandbox"}}), vec!["/payment"]),
        (json!({"surprise": true}), vec!["/surprise"]),
    ] {
        assert_eq!(pointers(order(more.clone()).await), wanted, "{more}");
    }
    order(json!({"event": "none"})).await.expect_code(404, "EVENT_NOT_FOUND");
    order(json!({"hold": "nothing"})).await.expect_code(404, "HOLD_NOT_FOUND");
    order(json!({"hold": "h00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})).await.expect_code(404, "HOLD_NOT_FOUND");
    let toss = json!({"payment": {"provider": "toss", "key": "ok"}});
    order(toss).await.expect_code(409, "PROVIDER_NOT_ALLOWED");
    lee.order_call(&hold, json!({})).send().await.expect_code(403, "NOT_OWNER");
    let quote = format!("/v1/events/hall/holds/{hold}/quote");
    lee.post(&quote, &json!({})).send().await.expect_code(403, "NOT_OWNER");
    assert_eq!(pointers(kim.post(&quote, &json!({"points": -1})).send().await), ["/points"]);
    assert_eq!(pointers(kim.post(&quote, &json!({"points": "min"})).send().await), ["/points"]);
    kim.post("/v1/events/hall/holds/nothing/quote", &json!({})).send().await.expect_code(404, "HOLD_NOT_FOUND");

    // These orders are refused before any payment: their seats go back to the hold.
    for (more, reason) in
        [(json!({"expected_cash": 1}), "PRICE_CHANGED"), (json!({"points": 10}), "INSUFFICIENT_POINTS")]
    {
        let id = order(more).await.expect(202).text("id");
        let rejected = gateway.concluded("kim", &id).await;
        assert_eq!((&rejected["status"], &rejected["reason"]), (&json!("rejected"), &json!(reason)), "{rejected}");
        let back = kim.get(&format!("/v1/events/hall/holds/{hold}")).send().await.expect(200);
        assert_eq!(back.json["state"], "held");
    }
    let placed = order(json!({})).await.expect(202).text("id");
    order(json!({})).await.expect_code(409, "HOLD_ALREADY_ORDERED");
    kim.delete(&format!("/v1/events/hall/holds/{hold}")).send().await.expect_code(409, "HOLD_ALREADY_ORDERED");
    kim.post(&quote, &json!({})).send().await.expect_code(409, "HOLD_ALREADY_ORDERED");
    lee.get(&format!("/v1/orders/{placed}")).send().await.expect_code(403, "NOT_OWNER");
    for missing in ["nothing", "o00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "offaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        kim.get(&format!("/v1/orders/{missing}")).send().await.expect_code(404, "ORDER_NOT_FOUND");
    }
    let waiting = format!("/v1/orders/{placed}?wait_s=x");
    assert_eq!(pointers(kim.get(&waiting).send().await), ["?wait_s"]);

    let given_back = kim.hold(&["a-1-2"]).await;
    kim.delete(&format!("/v1/events/hall/holds/{given_back}")).send().await.expect(204);
    kim.order_call(&given_back, json!({})).send().await.expect_code(410, "HOLD_EXPIRED");

    let mut short = small_hall();
    merge(&mut short, json!({"hold_ttl_s": 1}));
    gateway.put_event("short", &short).await;
    let ann = Buyer::enter(&gateway, "short", "ann").await;
    let brief = ann.hold(&["a-1-1"]).await;
    let path = format!("/v1/events/short/holds/{brief}");
    eventually("the hold expires", async || ann.get(&path).send().await.status == 410).await;
    ann.get(&path).send().await.expect_code(410, "HOLD_EXPIRED");
    ann.order_call(&brief, json!({})).send().await.expect_code(410, "HOLD_EXPIRED");
    ann.post(&format!("{path}/quote"), &json!({})).send().await.expect_code(410, "HOLD_EXPIRED");
    ann.delete(&path).send().await.expect(204);
}

async fn of_payments_and_cancels(store: Store) {
    let gateway = hall(store).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let lee = Buyer::enter(&gateway, "hall", "lee").await;
    let order = kim.order_unpaid(&kim.hold(&["a-1-1"]).await).await;
    let (path, payment) = (format!("/v1/orders/{order}"), format!("/v1/orders/{order}/payment"));

    let pay = async |body: Value| {
        let mut whole = json!({"provider": "sandbox", "key": "ok", "amount": 55000});
        merge(&mut whole, body);
        kim.post(&payment, &whole).send().await
    };
    assert_eq!(pointers(pay(json!({"amount": -1, "key": ""})).await), ["/key", "/amount"]);
    pay(json!({"provider": "toss"})).await.expect_code(409, "PROVIDER_NOT_ALLOWED");
    pay(json!({"amount": 54999})).await.expect_code(409, "AMOUNT_MISMATCH");
    let body = json!({"provider": "sandbox", "key": "ok", "amount": 55000});
    lee.post(&payment, &body).send().await.expect_code(403, "NOT_OWNER");
    lee.delete(&path).send().await.expect_code(403, "NOT_OWNER");
    let missing = "/v1/orders/o00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    kim.post(&format!("{missing}/payment"), &body).send().await.expect_code(404, "ORDER_NOT_FOUND");
    kim.delete(missing).send().await.expect_code(404, "ORDER_NOT_FOUND");

    // After ten declined attempts the order may not be tried again.
    let other = kim.order_unpaid(&kim.hold(&["a-1-2"]).await).await;
    for attempt in 1..=10 {
        let decline = json!({"provider": "sandbox", "key": "decline", "amount": 55000});
        kim.post(&format!("/v1/orders/{other}/payment"), &decline).send().await.expect(202);
        let declined = gateway.concluded("kim", &other).await;
        assert_eq!(
            (&declined["status"], &declined["payment"]["attempts"]),
            (&json!("pending_payment"), &json!(attempt))
        );
    }
    let eleventh = kim.post(&format!("/v1/orders/{other}/payment"), &body).send().await.expect_code(409, "NOT_PAYABLE");
    assert_eq!(eleventh.json["detail"], "no more attempts to pay this order");

    pay(json!({"key": "timeout-then-ok"})).await.expect(202);
    pay(json!({})).await.expect_code(409, "PAYMENT_IN_PROGRESS");
    kim.delete(&path).send().await.expect_code(409, "PAYMENT_IN_PROGRESS");
    assert_eq!(gateway.concluded("kim", &order).await["status"], "confirmed");
    pay(json!({})).await.expect_code(409, "NOT_PAYABLE");
    kim.delete(&path).send().await.expect_code(409, "NOT_CANCELLABLE");
}

async fn of_refunds(store: Store) {
    let gateway = hall(store).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let lee = Buyer::enter(&gateway, "hall", "lee").await;
    let unpaid = kim.order_unpaid(&kim.hold(&["a-1-1"]).await).await;
    kim.refund_call(&unpaid, 1).send().await.expect_code(409, "NOT_REFUNDABLE");

    let bought = kim.buy(&kim.hold(&["a-1-2", "a-1-3"]).await, "ok").await;
    let order = bought["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/orders/{order}/refunds");
    let ask = async |lines: Value| kim.post(&path, &json!({ "lines": lines })).send().await;
    assert_eq!(pointers(ask(json!([{"line": 1}, {"line": 1}])).await), ["/lines/1/line"]);
    assert_eq!(pointers(ask(json!([{"line": 1, "amount": 5}])).await), ["/lines/0/amount"]);
    assert_eq!(pointers(ask(json!([{"line": -1}])).await), ["/lines/0/line"]);
    ask(json!([])).await.expect_code(422, "EMPTY");
    ask(json!([{"line": 3}])).await.expect_code(422, "LINE_NOT_FOUND");
    lee.refund_call(&order, 1).send().await.expect_code(403, "NOT_OWNER");
    lee.get(&path).send().await.expect_code(403, "NOT_OWNER");
    let missing = "o00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    kim.refund_call(missing, 1).send().await.expect_code(404, "ORDER_NOT_FOUND");
    kim.get(&format!("{path}/nothing")).send().await.expect_code(404, "NOT_FOUND");

    // Only an admin may refund a part of a line. The ticket stays valid.
    let office = format!("/v1/admin/orders/{order}/refunds");
    let part = async |line: u32, amount: i64| {
        let body = json!({"lines": [{"line": line, "amount": amount}], "reason": "goodwill"});
        let key = crate::support::gateway::unique("refund");
        gateway.admin_call(http::Method::POST, &office).key(&key).json(&body).send().await
    };
    part(1, 55_001).await.expect_code(409, "OVER_REFUND");
    let asked = part(1, 10_000).await.expect(202).text("id");
    let refund = format!("{path}/{asked}");
    eventually("the refund is done", async || kim.get(&refund).send().await.expect(200).json["status"] == "done").await;
    let now = kim.get(&format!("/v1/orders/{order}")).send().await.expect(200).json;
    assert_eq!((&now["lines"][0]["refunded"], &now["lines"][0]["ticket"]["state"]), (&json!(10000), &json!("valid")));
    part(1, 45_001).await.expect_code(409, "OVER_REFUND");

    let whole = ask(json!([{"line": 2}])).await.expect(202).text("id");
    let refund = format!("{path}/{whole}");
    eventually("the refund is done", async || kim.get(&refund).send().await.expect(200).json["status"] == "done").await;
    ask(json!([{"line": 2}])).await.expect_code(409, "OVER_REFUND");
}

async fn of_refunds_by_their_terms(store: Store) {
    let gateway = Gateway::start(store).await;
    let mut closed = small_hall();
    merge(
        &mut closed,
        json!({"refunds_close_at": "2020-01-01T00:00:00Z", "timezone": "Asia/Seoul",
        "cancellation_fees": [{"days_before": 10, "fee_bp": 0}, {"days_before": 0, "fee_bp": 5000}]}),
    );
    closed["room"]["release_on"] = json!("exit");
    gateway.put_event("hall", &closed).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let buy = async |seats: &[&str], key: &str| {
        let order = kim.buy(&kim.hold(seats).await, key).await;
        assert_eq!(order["status"], "confirmed", "{order}");
        order
    };
    let late = buy(&["a-1-1"], "ok").await;
    assert_eq!(late["refund_terms"], json!([{"until": "2020-01-01T00:00:00Z", "fee_bp": 0}]), "{late}");
    let order = late["id"].as_str().expect("an id");
    let refused = kim.refund_call(order, 1).send().await.expect_code(409, "NOT_REFUNDABLE");
    assert_eq!(refused.json["detail"], "the time for refunds is over");

    // An order keeps the terms that it was sold by: later deadlines and fees do not apply to it.
    let put = async |more: Value| {
        let call = gateway.admin_call(http::Method::PUT, "/v1/admin/events/hall");
        call.json(&more).send().await
    };
    put(json!({"refunds_close_at": null})).await.expect(200);
    let kept = buy(&["a-1-2"], "ok").await;
    let terms = json!([{"until": "2029-12-22T15:00:00Z", "fee_bp": 0}, {"until": null, "fee_bp": 5000}]);
    assert_eq!(kept["refund_terms"], terms, "days end at midnight in Seoul");
    put(
        json!({"refunds_close_at": "2020-01-01T00:00:00Z", "cancellation_fees": [{"days_before": 0, "fee_bp": 10000}]}),
    )
    .await
    .expect(200);
    kim.refund_call(order, 1).send().await.expect_code(409, "NOT_REFUNDABLE");
    let kept = kept["id"].as_str().expect("an id");
    kim.refund_call(kept, 1).send().await.expect(202);

    // The event gets a new date. Orders from before it may be given back without a fee, orders from after it may not.
    let told = put(json!({"material_change": true, "starts_at": "2036-05-01T10:00:00Z", "refunds_close_at": null}));
    let told = told.await.expect(200).json;
    assert!(told["material_change_at"].is_string() && told.get("material_change").is_none(), "{told}");
    put(told).await.expect(200);
    let now = kim.get(&format!("/v1/orders/{order}")).send().await.expect(200).json;
    assert_eq!(now["refund_terms"], json!([{"until": null, "fee_bp": 0}]));
    let asked = kim.refund_call(order, 1).send().await.expect(202).text("id");
    let path = format!("/v1/orders/{order}/refunds/{asked}");
    eventually("the refund is done", async || kim.get(&path).send().await.expect(200).json["status"] == "done").await;
    assert_eq!(kim.get(&path).send().await.expect(200).json["fee"], 0);
    let dear = buy(&["a-1-3"], "ok").await;
    assert_eq!(dear["refund_terms"], json!([{"until": null, "fee_bp": 10000}]));

    assert_eq!(pointers(put(json!({"material_change_at": "2026-01-01T00:00:00Z"})).await), ["/material_change_at"]);
    let fees = json!({"cancellation_fees": [{"days_before": 1, "fee_bp": 0}, {"days_before": 1, "fee_bp": 1}]});
    assert_eq!(pointers(put(fees).await), ["/cancellation_fees/1/days_before"]);
    let new = gateway.admin_call(http::Method::PUT, "/v1/admin/events/new");
    let mut hall = small_hall();
    merge(&mut hall, json!({"material_change": true}));
    assert_eq!(pointers(new.json(&hall).send().await), ["/material_change"]);
}

async fn of_the_user(store: Store) {
    let gateway = hall(store).await;
    let token = gateway.token("kim");
    for path in ["coupons", "orders", "tickets", "points", "points/moves"] {
        let path = format!("/v1/me/{path}");
        gateway.public.get(&path).send().await.expect_code(401, "UNAUTHENTICATED");
        let answer = gateway.public.get(&path).bearer(&token).send().await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    for path in ["coupons", "orders", "tickets", "points/moves"] {
        for bad in ["limit=0", "limit=x", "after=!"] {
            let call = gateway.public.get(&format!("/v1/me/{path}?{bad}")).bearer(&token);
            assert_eq!(pointers(call.send().await).len(), 1, "{path}?{bad}");
        }
    }
    let orders =
        async |query: &str| gateway.admin_call(http::Method::GET, &format!("/v1/admin/orders?{query}")).send().await;
    assert_eq!(pointers(orders("status=odd&event=ODD").await), ["?event", "?status"]);
    assert_eq!(orders("user=kim&event=hall&status=confirmed").await.expect(200).json["items"], json!([]));
    gateway.admin.get("/v1/admin/orders").bearer(&token).send().await.expect_code(403, "ADMIN_REQUIRED");
    gateway.admin.get("/v1/admin/orders").send().await.expect_code(401, "UNAUTHENTICATED");
    gateway.public.get("/v1/admin/orders").bearer(&gateway.admin_token()).send().await.expect_code(404, "NOT_FOUND");

    let grant = async |user: &str, key: &str, body: Value| {
        let path = format!("/v1/admin/users/{user}/points");
        gateway.admin_call(http::Method::POST, &path).key(key).json(&body).send().await
    };
    assert_eq!(pointers(grant("kim", "a", json!({"amount": 0})).await), ["/amount"]);
    assert_eq!(pointers(grant("kim", "a", json!({"amount": 1, "expires_at": "soon"})).await), ["/expires_at"]);
    grant("%20kim", "a", json!({"amount": 1})).await.expect_code(404, "NOT_FOUND");
    let first = grant("kim", "a", json!({"amount": 5})).await.expect(201);
    let again = grant("kim", "a", json!({"amount": 5})).await.expect(201);
    assert_eq!((first.json, again.header("idempotent-replayed")), (again.json.clone(), Some("true")));
    grant("kim", "a", json!({"amount": 6})).await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    let points = gateway.public.get("/v1/me/points").bearer(&token).send().await.expect(200).json;
    assert_eq!(points["balance"], 5);
    let take = async |user: &str, key: &str, body: Value| {
        let path = format!("/v1/admin/users/{user}/points/corrections");
        gateway.admin_call(http::Method::POST, &path).key(key).json(&body).send().await
    };
    assert_eq!(pointers(take("kim", "a", json!({"amount": 0, "reason": ""})).await), ["/amount", "/reason"]);
    take("%20kim", "a", json!({"amount": 1, "reason": "twice"})).await.expect_code(404, "NOT_FOUND");
    let first = take("kim", "a", json!({"amount": 7, "reason": "twice"})).await.expect(201);
    let again = take("kim", "a", json!({"amount": 7, "reason": "twice"})).await.expect(201);
    assert_eq!((&first.json, again.header("idempotent-replayed")), (&json!({"balance": 0, "debt": 2}), Some("true")));
    assert_eq!(first.json, again.json);
    take("kim", "a", json!({"amount": 8, "reason": "twice"})).await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");

    let office = async |method: http::Method, path: &str| {
        gateway.admin_call(method, path).json(&json!({"outcome": "captured"})).send().await
    };
    office(http::Method::POST, "/v1/admin/dead-letters/none/requeue").await.expect_code(404, "NOT_FOUND");
    office(http::Method::POST, "/v1/admin/payments/none/resolve").await.expect_code(404, "NOT_FOUND");
}
