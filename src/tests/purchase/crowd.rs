//! Many buyers for few seats: nothing is sold twice and nothing is lost. The gateway is audited when it is dropped.

use std::collections::HashMap;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::gateway::{Gateway, Store, eventually};

on_both_stores!(sixty_four_clients_over_sixty_seats);

const CLIENTS: usize = 64;
const SEATS: usize = 60;
/// How many seats a client wants at once.
const GROUP: usize = 4;

fn hall() -> Value {
    let rows: Vec<Value> = (1..=6).map(|row| json!({"id": row.to_string(), "seats": 10})).collect();
    json!({
        "name": "Hall", "starts_at": "2030-01-01T00:00:00Z", "currency": "KRW", "organizer": "hall-co",
        "sections": [{"id": "a", "name": "Floor", "price": 1000, "rows": rows}],
        "seats_per_user": 8, "room": {"capacity": 1000, "rate_per_min": 600000},
    })
}

/// The name of seat `at` of the hall, modulo its seats.
fn seat(at: usize) -> String {
    let at = at % SEATS;
    format!("a-{}-{}", at / 10 + 1, at % 10 + 1)
}

/// Tries overlapping groups of seats one after another until one can be held, and buys that one. Returns the seats of
/// the confirmed order; none if all groups were taken.
async fn shop(gateway: &Gateway, client: usize) -> Vec<String> {
    let buyer = Buyer::enter(gateway, "hall", &format!("user-{client}")).await;
    for attempt in 0..SEATS / 2 {
        let first = client * 3 + attempt * 7;
        let group: Vec<String> = (first..first + GROUP).map(seat).collect();
        let held = buyer.hold_call(&json!({ "seats": group })).send().await;
        if held.status == 409 {
            let held = held.expect_code(409, "SEATS_TAKEN");
            assert!(held.json["conflicts"].as_array().is_some_and(|c| !c.is_empty()), "{}", held.json);
            continue;
        }
        let order = buyer.buy(&held.expect(201).text("id"), "ok").await;
        assert_eq!(order["status"], "confirmed", "{order}");
        let lines = order["lines"].as_array().expect("lines").iter();
        let mut sold: Vec<String> = lines.map(|l| l["seat"].as_str().expect("a name").to_owned()).collect();
        let mut wanted = group;
        sold.sort();
        wanted.sort();
        assert_eq!(sold, wanted);
        return sold;
    }
    Vec::new()
}

async fn sixty_four_clients_over_sixty_seats(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &hall()).await;
    let bought = join_all((0..CLIENTS).map(|client| shop(&gateway, client))).await;

    let mut owners: HashMap<String, usize> = HashMap::new();
    for (client, seats) in bought.iter().enumerate() {
        for seat in seats {
            assert_eq!(owners.insert(seat.clone(), client), None, "{seat} was sold twice");
        }
    }
    assert!(owners.len() >= SEATS / 2, "only {} seats were sold", owners.len());
    eventually("the map shows what was sold", async || {
        let map = gateway.public.get("/v1/events/hall/seats").send().await.expect(200).json;
        let rows = map["sections"][0]["rows"].as_array().expect("rows").clone();
        let letters: String = rows.iter().map(|row| row["seats"].as_str().expect("letters")).collect();
        let sold = |at: usize| letters.as_bytes()[at] == b's';
        (0..SEATS).all(|at| sold(at) == owners.contains_key(&seat(at)))
    })
    .await;
}
