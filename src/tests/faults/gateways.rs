//! Two gateways on one Redis and one MariaDB behave as one.

use serde_json::json;
use stanchion::app::Role;

use crate::purchase::support::Buyer;
use crate::support::gateway::{Gateway, Store, eventually, small_hall};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_does_the_other_knows() {
    let one = Gateway::start(Store::Redis).await;
    let two = one.another(Role::All).await;
    one.put_event("twins", &small_hall()).await;
    eventually("the other gateway sells it too", async || {
        two.public.get("/v1/events/twins").send().await.status == 200
    })
    .await;

    let mut buyer = Buyer::enter(&one, "twins", "kim").await;
    buyer.gateway = &two;
    let hold = buyer.hold(&["a-1-1", "a-1-2"]).await;
    let seen = one.public.get(&format!("/v1/events/twins/holds/{hold}")).bearer(&buyer.bearer).send().await;
    assert_eq!(seen.expect(200).json["state"], "held");
    let order = buyer.buy(&hold, "ok").await;
    assert_eq!(order["status"], "confirmed", "{order}");
    let path = format!("/v1/orders/{}", order["id"].as_str().expect("an id"));
    assert_eq!(one.public.get(&path).bearer(&buyer.bearer).send().await.expect(200).json, order);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_through_both_is_one_hold() {
    let one = Gateway::start(Store::Redis).await;
    let two = one.another(Role::All).await;
    one.put_event("one-key", &small_hall()).await;
    eventually("the other gateway sells it too", async || {
        two.public.get("/v1/events/one-key").send().await.status == 200
    })
    .await;
    let buyer = Buyer::enter(&one, "one-key", "kim").await;
    let asks = (0..20).map(|i| {
        let gateway = if i % 2 == 0 { &one } else { &two };
        let call = gateway.public.post(&buyer.holds()).bearer(&buyer.bearer).pass(&buyer.pass).key("same");
        tokio::spawn(call.json(&json!({"section": "a", "quantity": 2})).send())
    });
    let mut ids = Vec::new();
    for ask in asks.collect::<Vec<_>>() {
        ids.push(ask.await.expect("no panic").expect(201).text("id"));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "twenty times the same key is one hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_sells_while_a_writer_comes_and_goes() {
    let edge = Gateway::start(Store::Redis).await;
    edge.put_event("relay", &small_hall()).await;
    let first = edge.another(Role::Writer).await;
    let buyer = Buyer::enter(&edge, "relay", "kim").await;
    let bought = buyer.buy(&buyer.hold(&["a-1-1"]).await, "ok").await;
    assert_eq!(bought["status"], "confirmed", "{bought}");
    first.stop().await;
    let other = Buyer::enter(&edge, "relay", "lee").await;
    let bought = other.buy(&other.hold(&["a-1-2"]).await, "timeout-then-ok").await;
    assert_eq!(bought["status"], "confirmed", "{bought}");
}
