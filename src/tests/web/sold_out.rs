//! A line in front of a sale that has no seats left, for now or for good.

use serde_json::{Value, json};

use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::gateway::{Gateway, Store, eventually};

on_both_stores![
    nobody_is_let_in_to_nothing_and_what_comes_back_goes_to_the_line,
    a_hold_that_runs_out_lets_the_next_one_in,
];

/// An event with two seats, and room inside for everybody.
fn two_seats(hold_ttl_s: i64) -> Value {
    json!({
        "name": "Two seats", "starts_at": "2030-01-01T00:00:00Z", "currency": "KRW", "organizer": "hall-co",
        "sections": [{"id": "a", "name": "Floor", "price": 55000, "rows": [{"id": "1", "seats": 2}]}],
        "hold_ttl_s": hold_ttl_s, "room": {"capacity": 100, "rate_per_min": 600_000},
    })
}

/// A visitor who waits.
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

    /// Waits for this state of the room. Returns the place's state, room, seats left and estimate.
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

    // All seats are held: nobody is let in, and the event is not sold out.
    let next = Waiting::enter(&gateway).await;
    let last = Waiting::enter(&gateway).await;
    assert_eq!(next.until_room("open").await, json!(["waiting", "open", 0, null]));

    // When the hold is given back, the line goes on by itself, in order.
    kim.delete(&format!("{}/{hold}", kim.holds())).send().await.expect(204);
    let pass = next.let_in().await;
    let lee = Buyer { gateway: &gateway, event: "two".into(), user: "lee".into(), bearer: gateway.token("lee"), pass };
    // Both visitors were called, because two seats came back.
    last.let_in().await;
    let hold = lee.hold(&["a-1-1", "a-1-2"]).await;
    let third = Waiting::enter(&gateway).await;

    // The seats are ordered and not paid, so they may still come back.
    let order = lee.order_unpaid(&hold).await;
    assert_eq!(third.until_room("open").await, json!(["waiting", "open", 0, null]));
    let body = json!({"provider": "sandbox", "key": "ok", "amount": 110_000});
    lee.post(&format!("/v1/orders/{order}/payment"), &body).send().await.expect(202);
    assert_eq!(gateway.concluded("lee", &order).await["status"], "confirmed");

    // Now no seat is free, held or being paid for.
    assert_eq!(third.until_room("sold_out").await, json!(["waiting", "sold_out", 0, null]));
    eventually("the room's counts say so", async || room(&gateway).await["room"] == "sold_out").await;
    let shown = room(&gateway).await;
    let counts = json!([shown["seats_left"], shown["waiting"], shown["admitted_total"]]);
    assert_eq!(counts, json!([0, 1, 3]), "only kim and the next two were let in");

    // A refund frees a seat, and the line goes on by itself.
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
