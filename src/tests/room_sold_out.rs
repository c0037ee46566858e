//! A line in front of a sale that has nothing left, for now or for good.

use serde_json::{Value, json};

use crate::purchase_support::{Buyer, on_both_stores};
use crate::support::gateway::{Gateway, Store, eventually};

on_both_stores![
    nobody_is_let_in_to_nothing_and_what_comes_back_goes_to_the_line,
    a_hold_that_runs_out_lets_the_next_one_in,
];

/// Two seats, and room for everybody.
fn two_seats(hold_ttl_s: i64) -> Value {
    json!({
        "name": "Two seats", "starts_at": "2030-01-01T00:00:00Z", "currency": "KRW", "organizer": "hall-co",
        "sections": [{"id": "a", "name": "Floor", "price": 55000, "rows": [{"id": "1", "seats": 2}]}],
        "hold_ttl_s": hold_ttl_s, "room": {"capacity": 100, "rate_per_min": 600_000},
    })
}

/// A visitor in line.
struct Waiting<'a> {
    gateway: &'a Gateway,
    token: String,
}

impl<'a> Waiting<'a> {
    async fn enter(gateway: &'a Gateway) -> Self {
        let entered = gateway.public.post("/v1/events/two/queue").json(&json!({})).send().await.expect(201);
        assert_eq!(entered.json["state"], "waiting", "nothing is free: {}", entered.json);
        Self { gateway, token: entered.text("token") }
    }

    async fn place(&self) -> Value {
        self.gateway.public.get("/v1/events/two/queue").queue(&self.token).send().await.expect(200).json
    }

    /// State, room, seats left and estimate, as soon as the room is so.
    async fn until_room(&self, room: &str) -> Value {
        eventually(&format!("the room is {room}"), async || self.place().await["room"] == room).await;
        let place = self.place().await;
        json!([place["state"], place["room"], place["seats_left"], place["eta_s"]])
    }

    async fn let_in(&self) -> String {
        eventually("let in without anybody's doing", async || self.place().await["state"] == "admitted").await;
        self.place().await["pass"].as_str().expect("a pass").to_owned()
    }
}

async fn room(gateway: &Gateway) -> Value {
    gateway.public.get("/v1/events/two/room").send().await.expect(200).json
}

async fn nobody_is_let_in_to_nothing_and_what_comes_back_goes_to_the_line(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("two", &two_seats(420)).await;
    let kim = Buyer::enter(&gateway, "two", "kim").await;
    let hold = kim.hold(&["a-1-1", "a-1-2"]).await;

    // All is held: nobody is let in, and nothing is sold out.
    let next = Waiting::enter(&gateway).await;
    let last = Waiting::enter(&gateway).await;
    assert_eq!(next.until_room("open").await, json!(["waiting", "open", 0, null]));

    // Given back, it goes on by itself, in order.
    kim.delete(&format!("{}/{hold}", kim.holds())).send().await.expect(204);
    let pass = next.let_in().await;
    let lee = Buyer { gateway: &gateway, event: "two".into(), user: "lee".into(), bearer: gateway.token("lee"), pass };
    // Both were called: two seats came back.
    last.let_in().await;
    let hold = lee.hold(&["a-1-1", "a-1-2"]).await;
    let third = Waiting::enter(&gateway).await;

    // Ordered and not yet paid, it may still come back.
    let order = lee.order_unpaid(&hold).await;
    assert_eq!(third.until_room("open").await, json!(["waiting", "open", 0, null]));
    let body = json!({"provider": "sandbox", "key": "ok", "amount": 110_000});
    lee.post(&format!("/v1/orders/{order}/payment"), &body).send().await.expect(202);
    assert_eq!(gateway.settled("lee", &order).await["status"], "confirmed");

    // Nothing free, nothing held, nothing paying.
    assert_eq!(third.until_room("sold_out").await, json!(["waiting", "sold_out", 0, null]));
    eventually("the room's counts say so", async || room(&gateway).await["room"] == "sold_out").await;
    let shown = room(&gateway).await;
    let counts = json!([shown["seats_left"], shown["waiting"], shown["admitted_total"]]);
    assert_eq!(counts, json!([0, 1, 3]), "kim, the two after them, and no more");

    // A refund frees a seat: the line moves on by itself.
    lee.refund_call(&order, 2).send().await.expect(202);
    third.let_in().await;
    eventually("the seat is for sale", async || {
        let shown = room(&gateway).await;
        shown["room"] == "open" && shown["seats_left"] == 1
    })
    .await;
}

async fn a_hold_that_runs_out_lets_the_next_one_in(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("two", &two_seats(2)).await;
    let kim = Buyer::enter(&gateway, "two", "kim").await;
    kim.hold(&["a-1-1", "a-1-2"]).await;
    let next = Waiting::enter(&gateway).await;
    next.let_in().await;
}
