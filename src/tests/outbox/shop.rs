//! What a shop's webhook is told, from the event to the refund.

use serde_json::json;
use stanchion::edge::router::Listener;

use super::endpoint::{Endpoint, SECRET};
use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::contract;
use crate::support::gateway::{Gateway, Store, eventually, small_hall, unique};

async fn house(store: Store) -> Gateway {
    Gateway::start_with(store, |config| config.outbox.allow_private = true).await
}

/// Subscribes to these types.
pub async fn subscribe(gateway: &Gateway, name: &str, endpoint: &Endpoint, types: &[&str]) {
    let spec = json!({"url": format!("{}/hook", endpoint.url), "secret": SECRET, "types": types});
    gateway.admin_call(http::Method::PUT, &format!("/v1/admin/webhooks/{name}")).json(&spec).send().await.expect(201);
}

async fn a_sale_is_told_in_its_order(store: Store) {
    let (gateway, endpoint, orders_only) = (house(store).await, Endpoint::open().await, Endpoint::open().await);
    subscribe(&gateway, "crm", &endpoint, &["*"]).await;
    subscribe(&gateway, "till", &orders_only, &["order.confirmed"]).await;
    let event = unique("hall");
    gateway.put_event(&event, &small_hall()).await;
    gateway.grant("kim", 1_000).await;
    let kim = Buyer::enter(&gateway, &event, "kim").await;
    let hold = kim.hold(&["a-1-1", "a-1-2"]).await;
    let payment = json!({"points": 1_000, "payment": {"provider": "sandbox", "key": "ok"}});
    let order = kim.order_call(&hold, payment).send().await.expect(202).text("id");
    gateway.concluded("kim", &order).await;
    let refund = kim.refund_call(&order, 1).send().await.expect(202).text("id");

    eventually("the refund is told", async || endpoint.kinds(&order).iter().any(|kind| kind == "refund.done")).await;
    assert_eq!(
        endpoint.kinds(&order),
        [
            "order.placed",
            "order.confirmed",
            "ticket.issued",
            "ticket.issued",
            "ticket.suspended",
            "refund.requested",
            "order.partially_refunded",
            "ticket.voided",
            "refund.done",
        ]
    );
    eventually("the points are told", async || endpoint.kinds("kim").len() == 4).await;
    assert_eq!(endpoint.kinds("kim"), ["points.spent", "points.earned", "points.restored", "points.clawed_back"]);
    eventually("the room is told", async || endpoint.kinds(&event).len() == 2).await;
    assert_eq!(endpoint.kinds(&event), ["event.created", "room.opened"]);

    let arrivals = endpoint.first_arrivals();
    let told = |kind: &str| arrivals[&order].iter().find(|came| came.kind() == kind).expect("told").notice.clone();
    for came in arrivals.values().flatten() {
        assert_eq!(came.notice["specversion"], "1.0");
        assert_eq!(came.notice["id"], came.id);
        assert!(came.is_signed_with(SECRET), "{came:?}");
        contract::of(Listener::Admin, false).check_notice(came.kind(), &came.notice);
    }
    let confirmed = told("order.confirmed");
    assert_eq!(confirmed["subject"], order);
    assert_eq!(confirmed["data"]["user"], "kim");
    assert_eq!(confirmed["data"]["status"], "confirmed");
    assert_eq!(confirmed["data"]["lines"][0]["seat"], "a-1-1", "seats have the names of the catalogue");
    assert_eq!(confirmed["data"]["lines"][0]["ticket"]["state"], "valid");
    // What is told is what the office is shown.
    let path = "/v1/admin/orders?user=kim&limit=1";
    let shown = gateway.admin_call(http::Method::GET, path).send().await.expect(200).json["items"][0].clone();
    assert_eq!(told("order.partially_refunded")["data"]["total"], shown["total"]);
    assert_eq!(told("order.partially_refunded")["data"]["lines"], shown["lines"]);
    assert_eq!(told("refund.done")["data"]["refund"]["id"], refund);
    assert_eq!(told("ticket.voided")["data"]["seat"], "a-1-1");
    let points = |kind: &str| {
        arrivals["kim"].iter().find(|came| came.kind() == kind).expect("told").notice["data"]["amount"].clone()
    };
    assert_eq!(points("points.spent"), -1_000);
    assert_eq!(points("points.restored"), told("refund.done")["data"]["refund"]["points_restored"]);
    assert_eq!(orders_only.came().iter().map(|came| came.kind().to_owned()).collect::<Vec<_>>(), ["order.confirmed"]);
    gateway.stop().await;
}

async fn a_changed_and_a_cancelled_event_are_told(store: Store) {
    let (gateway, endpoint) = (house(store).await, Endpoint::open().await);
    subscribe(&gateway, "crm", &endpoint, &["event.*"]).await;
    let event = unique("hall");
    gateway.put_event(&event, &small_hall()).await;
    let mut moved = small_hall();
    moved["venue"] = json!("the other hall");
    moved["material_change"] = json!(true);
    let put = gateway.admin_call(http::Method::PUT, &format!("/v1/admin/events/{event}")).json(&moved);
    put.send().await.expect(200);
    let cancel = gateway.admin_call(http::Method::POST, &format!("/v1/admin/events/{event}/cancel"));
    cancel.json(&json!({"reason": "the singer is ill"})).send().await.expect(202);
    eventually("all is told", async || endpoint.kinds(&event).len() == 3).await;
    assert_eq!(endpoint.kinds(&event), ["event.created", "event.changed", "event.cancelled"]);
    for came in &endpoint.first_arrivals()[&event] {
        contract::of(Listener::Admin, false).check_notice(came.kind(), &came.notice);
    }
    let data: Vec<_> = endpoint.first_arrivals()[&event].iter().map(|came| came.notice["data"].clone()).collect();
    assert_eq!((&data[1]["material_change"], &data[1]["venue"]), (&json!(true), &json!("the other hall")));
    assert_eq!(data[2]["cancelled"], "the singer is ill");
    gateway.stop().await;
}

async fn a_coupon_is_told_and_shows_no_signature(store: Store) {
    let (gateway, endpoint) = (house(store).await, Endpoint::open().await);
    subscribe(&gateway, "crm", &endpoint, &["coupon.*", "order.confirmed"]).await;
    let (event, campaign) = (unique("hall"), unique("spring"));
    gateway.put_event(&event, &small_hall()).await;
    let spec = json!({
        "name": "Spring", "kind": "fixed", "amount": 500, "stock": 5, "per_user": 1,
        "expires_at": "2035-01-01T00:00:00Z", "funded_by": "platform",
    });
    gateway.put_campaign(&campaign, &spec).await;
    let kim = Buyer::enter(&gateway, &event, "kim").await;
    let claim = kim.post(&format!("/v1/coupons/{campaign}/claims"), &json!({})).send().await.expect(201).text("id");
    let hold = kim.hold(&["a-1-1"]).await;
    let ask = json!({"coupon": claim, "payment": {"provider": "sandbox", "key": "ok"}});
    let order = kim.order_call(&hold, ask).send().await.expect(202).text("id");
    gateway.concluded("kim", &order).await;
    eventually("all is told", async || endpoint.kinds("kim").len() == 2 && !endpoint.kinds(&order).is_empty()).await;
    assert_eq!(endpoint.kinds("kim"), ["coupon.claimed", "coupon.used"]);
    for came in &endpoint.first_arrivals()["kim"] {
        contract::of(Listener::Admin, false).check_notice(came.kind(), &came.notice);
    }
    let secret = claim.rsplit('.').next().expect("a signature");
    assert!(endpoint.came().iter().all(|came| !came.content.contains(secret)), "whoever reads it could use it");
    gateway.stop().await;
}

async fn a_room_is_told_of_by_hand_and_by_its_time(store: Store) {
    let (gateway, endpoint) = (house(store).await, Endpoint::open().await);
    subscribe(&gateway, "crm", &endpoint, &["room.*", "event.sold_out"]).await;
    let (hall, later) = (unique("hall"), unique("later"));
    let mut two_seats = small_hall();
    two_seats["sections"] = json!([{"id": "a", "name": "Floor", "price": 55000, "rows": [{"id": "1", "seats": 2}]}]);
    gateway.put_event(&hall, &two_seats).await;
    let mut scheduled = small_hall();
    let opens_ms = gateway.clock.now_ms() + 3_000;
    scheduled["opens_at"] = json!(stanchion::facts::time::rfc3339(opens_ms));
    scheduled["room"]["mode"] = json!("scheduled");
    gateway.put_event(&later, &scheduled).await;
    let patch = async |mode: &str| {
        let patch = gateway.admin_call(http::Method::PATCH, &format!("/v1/admin/events/{hall}/room"));
        patch.json(&json!({"mode": mode})).send().await.expect(200);
    };
    let told = async |count: usize| {
        eventually("it is told", async || endpoint.kinds(&hall).len() == count).await;
    };
    told(1).await;
    patch("paused").await;
    told(2).await;
    patch("open").await;
    told(3).await;
    let buyer = Buyer::enter(&gateway, &hall, "kim").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-1", "a-1-2"]).await).await;
    // Seats that are being paid for may come back.
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    told(3).await;
    let body = json!({"provider": "sandbox", "key": "ok", "amount": 110_000});
    buyer.post(&format!("/v1/orders/{order}/payment"), &body).send().await.expect(202);
    told(4).await;
    patch("closed").await;
    told(5).await;
    assert_eq!(endpoint.kinds(&hall), ["room.opened", "room.paused", "room.opened", "event.sold_out", "room.closed"]);
    let came = &endpoint.first_arrivals()[&hall];
    assert_eq!((&came[1].notice["data"]["mode"], &came[3].notice["data"]["sold"]), (&json!("paused"), &json!(2)));
    for came in came {
        contract::of(Listener::Admin, false).check_notice(came.kind(), &came.notice);
    }
    eventually("the room opens by itself", async || endpoint.kinds(&later).len() == 1).await;
    assert!(gateway.clock.now_ms() >= opens_ms, "not before its time");
    assert_eq!(endpoint.kinds(&later), ["room.opened"]);
    gateway.stop().await;
}

on_both_stores!(
    a_room_is_told_of_by_hand_and_by_its_time,
    a_sale_is_told_in_its_order,
    a_changed_and_a_cancelled_event_are_told,
    a_coupon_is_told_and_shows_no_signature,
);
