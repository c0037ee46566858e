//! The seat map and the catalogue, and how an organizer changes them while buyers hold seats.

use std::io::Read as _;

use http::Method;
use serde_json::{Value, json};
use stanchion::app::Role;

use crate::purchase::support::{Buyer, assert_shape, on_both_stores};
use crate::support::gateway::{Gateway, Store, eventually, small_hall, standard};

on_both_stores!(
    a_map_is_named_and_compressed,
    the_best_seats_are_picked,
    a_changed_hall_keeps_its_seats,
    events_are_listed,
    what_may_be_put_on_sale_can_be_ordered,
    what_a_put_does_not_name_stays,
    two_editors_do_not_overwrite_each_other
);

async fn hall(store: Store) -> Gateway {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &small_hall()).await;
    gateway
}

async fn a_map_is_named_and_compressed(store: Store) {
    let gateway = hall(store).await;
    let get = || gateway.public.get("/v1/events/hall/seats");
    let plain = get().send().await.expect(200);
    let etag = plain.header("etag").expect("a name").to_owned();
    assert_eq!((plain.header("content-type"), plain.header("content-encoding")), (Some("application/json"), None));
    assert!(plain.header("vary").is_some_and(|vary| vary.contains("accept-encoding")));

    let zipped = get().header("accept-encoding", "br, gzip").send().await.expect(200);
    assert_eq!((zipped.header("content-encoding"), zipped.header("etag")), (Some("gzip"), Some(etag.as_str())));
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&zipped.body[..]).read_to_end(&mut text).expect("gzip");
    assert_eq!(text, plain.body);

    let same = get().header("if-none-match", &etag).send().await.expect(304);
    assert_eq!((same.body.len(), same.header("etag")), (0, Some(etag.as_str())));
    gateway.public.get("/v1/events/none/seats").send().await.expect_code(404, "EVENT_NOT_FOUND");

    Buyer::enter(&gateway, "hall", "kim").await.hold(&["a-1-1"]).await;
    eventually("the map has another name", async || get().header("if-none-match", &etag).send().await.status == 200)
        .await;
}

async fn the_best_seats_are_picked(store: Store) {
    let gateway = hall(store).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let seats = |hold: &Value| -> Vec<Value> {
        hold["seats"].as_array().expect("seats").iter().map(|seat| seat["id"].clone()).collect()
    };
    // The best block is the one nearest the row's middle that leaves no single seat.
    let best = kim.hold_call(&json!({"section": "a", "quantity": 2})).send().await.expect(201);
    assert_eq!(seats(&best.json), [json!("a-1-5"), json!("a-1-6")]);
    // Standing seats have no names and no neighbours.
    let standing = kim.hold_call(&json!({"section": "ga", "quantity": 2})).send().await.expect(201);
    assert_shape(
        &standing,
        json!({
            "id": "<hold>", "event": "hall", "state": "held",
            "seats": [{"id": null, "section": "ga", "price": 33000}, {"id": null, "section": "ga", "price": 33000}],
            "sections": [{"id": "ga", "types": [standard(33_000)]}], "fee": 0,
            "total": {"amount": 66000, "currency": "KRW"}, "expires_at": "<time>", "expires_in_s": "<seconds>",
        }),
    );

    let row = json!({"rows": [{"id": "1", "seats": 3}], "id": "s", "name": "Small", "price": 10});
    let mut small = small_hall();
    small["sections"] = json!([row]);
    gateway.put_event("small", &small).await;
    let ann = Buyer::enter(&gateway, "small", "ann").await;
    ann.hold(&["s-1-2"]).await;
    let ask = async |body: Value| ann.hold_call(&body).send().await;
    ask(json!({"section": "s", "quantity": 2})).await.expect_code(409, "ADJACENT_UNAVAILABLE");
    ask(json!({"section": "s", "quantity": 3})).await.expect_code(409, "SOLD_OUT");
    let apart = ask(json!({"section": "s", "quantity": 2, "adjacent": false})).await.expect(201);
    assert_eq!(seats(&apart.json), [json!("s-1-1"), json!("s-1-3")]);
    let lee = Buyer { user: "lee".into(), bearer: gateway.token("lee"), ..ann };
    lee.hold_call(&json!({"section": "s"})).send().await.expect_code(403, "NOT_OWNER");
}

async fn a_changed_hall_keeps_its_seats(store: Store) {
    let gateway = Gateway::start(store).await;
    let put = async |spec: &Value| gateway.admin_call(Method::PUT, "/v1/admin/events/hall").json(spec).send().await;
    let created = put(&small_hall()).await.expect(201);
    assert_eq!((&created.json["id"], &created.json["version"]), (&json!("hall"), &json!(1)));
    assert_eq!(put(&small_hall()).await.expect(200).json["version"], 1, "the same again changes nothing");

    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    kim.hold(&["a-1-10"]).await;
    let mut smaller = small_hall();
    smaller["sections"][0]["rows"][0]["seats"] = json!(9);
    let refused = put(&smaller).await.expect_code(409, "SEATS_SOLD");
    assert_eq!(refused.json["conflicts"], json!(["a-1-10"]));
    smaller["sections"][0]["rows"][0]["seats"] = json!(11);
    smaller["sections"][0]["rows"][1]["seats"] = json!(9);
    put(&smaller).await.expect(200);
    eventually("the map has the new hall", async || {
        let map = gateway.public.get("/v1/events/hall/seats").send().await.expect(200).json;
        let rows = &map["sections"][0]["rows"];
        rows[0]["seats"] == "fffffffffhf" && rows[1]["seats"] == "fffffffff"
    })
    .await;
    kim.hold(&["a-1-11"]).await;

    let mut broken = small_hall();
    broken["currency"] = json!("won");
    broken["sections"][0]["price"] = json!(-1);
    let refused = put(&broken).await.expect_code(400, "VALIDATION");
    let pointers: Vec<&Value> =
        refused.json["errors"].as_array().expect("errors").iter().map(|e| &e["pointer"]).collect();
    assert_eq!(pointers, ["/currency", "/sections/0/price"]);

    let room =
        async |patch: Value| gateway.admin_call(Method::PATCH, "/v1/admin/events/hall/room").json(&patch).send().await;
    assert_eq!(room(json!({"capacity": 7, "mode": "paused"})).await.expect(200).json["room"]["capacity"], 7);
    let refused = room(json!({"capacity": -1})).await.expect_code(400, "VALIDATION");
    assert_eq!(refused.json["errors"][0]["pointer"], "/capacity");
    room(json!({"colour": 1})).await.expect_code(400, "VALIDATION");
    let missing = gateway.admin_call(Method::PATCH, "/v1/admin/events/none/room").json(&json!({})).send().await;
    missing.expect_code(404, "EVENT_NOT_FOUND");
    let now = gateway.admin_call(Method::GET, "/v1/admin/events/hall").send().await.expect(200).json;
    assert_eq!((&now["room"]["mode"], &now["sections"][0]["rows"][0]["seats"]), (&json!("paused"), &json!(11)));
}

async fn events_are_listed(store: Store) {
    let gateway = hall(store).await;
    for event in ["arena", "theatre"] {
        gateway.put_event(event, &small_hall()).await;
    }
    let page = async |query: &str| gateway.public.get(&format!("/v1/events?{query}")).send().await.expect(200).json;
    let first = page("limit=2").await;
    let ids = |page: &Value| -> Vec<Value> {
        page["items"].as_array().expect("items").iter().map(|event| event["id"].clone()).collect()
    };
    assert_eq!((ids(&first), &first["next"]), (vec![json!("arena"), json!("hall")], &json!("hall")));
    let second = page("limit=2&after=hall").await;
    assert_eq!((ids(&second), &second["next"]), (vec![json!("theatre")], &Value::Null));

    let one = gateway.public.get("/v1/events/hall").send().await.expect(200);
    assert_shape(
        &one,
        json!({
            "id": "hall", "name": "Small hall", "category": "", "venue": "", "timezone": "UTC",
            "starts_at": "<time>", "opens_at": null, "closes_at": null, "refunds_close_at": null,
            "currency": "KRW", "organizer": "hall-co",
            "sections": [
                {"id": "a", "name": "Floor", "price": 55000, "types": [standard(55_000)], "capacity": 20,
                 "standing": false},
                {"id": "ga", "name": "Standing", "price": 33000, "types": [standard(33_000)], "capacity": 20,
                 "standing": true},
            ],
            "seats_per_user": 4, "hold_ttl_s": 420, "payment_ttl_s": 600, "earn_bp": 100, "free_cancellation": null,
            "booking_fee": null, "vat_bp": null, "cancellation_fees": [], "cancelled": null, "identity": "browser",
        }),
    );
    gateway.public.get("/v1/events/none").send().await.expect_code(404, "EVENT_NOT_FOUND");
}

/// The gateway once accepted more than the writer can write: an order of two seats at 6·10^11 was accepted and never
/// written.
async fn what_may_be_put_on_sale_can_be_ordered(store: Store) {
    let gateway = Gateway::start(store).await;
    let priced = |price: i64, seats_per_user: i64| {
        let mut hall = small_hall();
        (hall["sections"][0]["price"], hall["seats_per_user"]) = (json!(price), json!(seats_per_user));
        hall
    };
    let put = async |spec: &Value| gateway.admin_call(Method::PUT, "/v1/admin/events/hall").json(spec).send().await;
    for (price, seats_per_user) in [(600_000_000_000, 2), (250_000_000_001, 4), (1_000_000_000_000, 1_000)] {
        let refused = put(&priced(price, seats_per_user)).await.expect_code(400, "VALIDATION");
        assert_eq!(refused.json["errors"][0]["pointer"], "/sections/0/price");
    }
    put(&priced(250_000_000_000, 4)).await.expect(201);
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let hold = kim.hold(&["a-1-1", "a-1-2", "a-1-3", "a-1-4"]).await;
    let order = kim.buy(&hold, "ok").await;
    assert_eq!((&order["status"], &order["total"]["cash"]), (&json!("confirmed"), &json!(1_000_000_000_000_i64)));
}

const HALL: &str = "/v1/admin/events/hall";

async fn what_a_put_does_not_name_stays(store: Store) {
    let gateway = hall(store).await;
    let put = async |spec: &Value| gateway.admin_call(Method::PUT, HALL).json(spec).send().await;
    let get = async || gateway.admin_call(Method::GET, HALL).send().await.expect(200).json;
    let paused = json!({"mode": "paused", "capacity": 7});
    gateway.admin_call(Method::PATCH, "/v1/admin/events/hall/room").json(&paused).send().await.expect(200);
    let before = get().await;
    // This hall names another capacity and no mode.
    put(&small_hall()).await.expect(200);
    let after = get().await;
    assert_eq!((&after["room"]["mode"], &after["room"]["capacity"]), (&json!("paused"), &json!(1000)));
    put(&json!({"venue": "Seoul", "room": {"capacity": 7}})).await.expect(200);
    let mut wanted = before;
    (wanted["venue"], wanted["version"]) = (json!("Seoul"), json!(4));
    assert_eq!(get().await, wanted, "only what the PUT names has changed");
    // The hall as it was answered can be put back, and nothing changes.
    assert_eq!(put(&get().await).await.expect(200).json, wanted);
    let elsewhere = gateway.admin_call(Method::PUT, "/v1/admin/events/other").json(&wanted).send().await;
    assert_eq!(elsewhere.expect_code(400, "VALIDATION").json["errors"][0]["pointer"], "/id");
    let wrong = put(&json!({"colour": 1, "room": {"mode": "ajar"}})).await.expect_code(400, "VALIDATION");
    assert_eq!(wrong.json["errors"].as_array().map(Vec::len), Some(1));
    let names = [
        (json!({"name": "  "}), "/name"),
        (json!({"name": "a\u{0}b"}), "/name"),
        (json!({"venue": "a\u{7}"}), "/venue"),
        (json!({"timezone": "localtime"}), "/timezone"),
        (json!({"timezone": "Factory"}), "/timezone"),
        (json!({"timezone": "posixrules"}), "/timezone"),
    ];
    for (spec, pointer) in names {
        assert_eq!(put(&spec).await.expect_code(400, "VALIDATION").json["errors"][0]["pointer"], pointer, "{spec}");
    }
    let cents = put(&json!({"currency": "USD"})).await.expect_code(400, "VALIDATION");
    assert_eq!(cents.json["errors"][0]["pointer"], "/currency", "points granted at won events would pay cents");
    let last = put(&json!({"starts_at": "9999-12-31T23:59:59Z"})).await.expect(200);
    assert_eq!(last.json["starts_at"], "9999-12-31T23:59:59Z");
}

async fn two_editors_do_not_overwrite_each_other(store: Store) {
    let gateway = hall(store).await;
    let call = |method, path: &str, tag: &str| gateway.admin_call(method, path).header("if-match", tag);
    let seen = gateway.admin_call(Method::GET, HALL).send().await.expect(200).header("etag").map(str::to_owned);
    let seen = seen.expect("a version");
    let first = call(Method::PUT, HALL, &seen).json(&json!({"venue": "Seoul"})).send().await.expect(200);
    assert_ne!(first.header("etag"), Some(seen.as_str()));
    let room = "/v1/admin/events/hall/room";
    for (method, path, body) in
        [(Method::PUT, HALL, json!({"venue": "Busan"})), (Method::PATCH, room, json!({"capacity": 1}))]
    {
        let late = call(method.clone(), path, &seen).json(&body).send().await;
        late.expect_code(412, "PRECONDITION_FAILED");
        let (any, other) = (format!("{seen}, {}", first.header("etag").expect("one")), "\"77\"");
        call(method.clone(), path, other).json(&body).send().await.expect_code(412, "PRECONDITION_FAILED");
        if method == Method::PATCH {
            continue;
        }
        call(method, path, &any).json(&json!({"venue": "Seoul"})).send().await.expect(200);
    }
    let none = call(Method::PUT, "/v1/admin/events/none", "*").json(&small_hall()).send().await;
    none.expect_code(412, "PRECONDITION_FAILED");
    call(Method::PUT, HALL, "*").json(&json!({"venue": "Jeju"})).send().await.expect(200);
}

/// A gateway that has not heard of a change thinks that the change back changes nothing. The lane knows better.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_back_through_another_gateway_is_made() {
    let first = Gateway::start(Store::Redis).await;
    first.put_event("hall", &small_hall()).await;
    let campaign = |stock: i64| json!({"name": "x", "kind": "fixed", "amount": 10, "stock": stock, "per_user": 9});
    first.put_campaign("gift", &campaign(1)).await;
    let second = first.another(Role::Edge).await;
    let set = async |gateway: &Gateway, mode: &str| {
        let call = gateway.admin_call(http::Method::PATCH, "/v1/admin/events/hall/room");
        let answer = call.json(&json!({"mode": mode})).send().await.expect(200);
        assert_eq!(answer.json["room"]["mode"], mode);
    };
    for _ in 0..3 {
        set(&first, "paused").await;
        set(&second, "open").await;
        let entered = first.public.post("/v1/events/hall/queue").json(&json!({})).send().await.expect(201);
        assert_eq!(entered.text("state"), "admitted", "the room is open: {}", entered.json);
    }
    first.put_campaign("gift", &campaign(2)).await;
    second.put_campaign("gift", &campaign(1)).await;
    let claim = async |key: &str| {
        let call = first.public.post("/v1/coupons/gift/claims").bearer(&first.token("kim")).key(key);
        call.json(&json!({})).send().await
    };
    claim("one").await.expect(201);
    claim("two").await.expect_code(409, "SOLD_OUT");
}
