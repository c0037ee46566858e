//! Reading apart from writing: a real replica that follows, stops for a while, and dies. Buyers see no step back.

use serde_json::{Value, json};

use crate::purchase::support::Buyer;
use crate::support::gateway::{Gateway, Store, eventually, small_hall};
use crate::support::servers::Replicated;

async fn items(buyer: &Buyer<'_>, list: &str) -> Vec<Value> {
    let answer = buyer.get(&format!("/v1/me/{list}")).send().await.expect(200);
    answer.json["items"].as_array().expect("a list").clone()
}

/// What a buyer is shown: the orders with their statuses, and how many tickets, moves of points and coupons.
async fn shown(buyer: &Buyer<'_>) -> (Vec<(String, String)>, usize, usize, usize) {
    let orders = items(buyer, "orders").await;
    let text = |order: &Value, field: &str| order[field].as_str().expect("a text").to_owned();
    let orders = orders.iter().map(|order| (text(order, "id"), text(order, "status"))).collect();
    (
        orders,
        items(buyer, "tickets").await.len(),
        items(buyer, "points/moves").await.len(),
        items(buyer, "coupons").await.len(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stops_takes_nobody_a_step_back() {
    let mut servers = Replicated::start().await;
    eventually("the replica follows", async || servers.follows().await).await;
    let (primary, replica) = (servers.primary_url(), servers.replica_url());
    let gateway = Gateway::start_with(Store::Redis, |config| {
        config.ledger.url = primary;
        config.ledger.replica_url = replica;
    })
    .await;
    gateway.put_event("hall", &small_hall()).await;
    let coupon = json!({"name": "Ten", "kind": "percent", "percent_bp": 1_000, "max_discount": 10_000, "stock": 9});
    gateway.put_campaign("ten", &coupon).await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let first = kim.buy(&kim.hold(&["a-1-1"]).await, "ok").await["id"].as_str().expect("an id").to_owned();
    let confirmed = |id: &str| (id.to_owned(), "confirmed".to_owned());
    assert_eq!(shown(&kim).await, (vec![confirmed(&first)], 1, 1, 0));
    let is_asked = async || {
        let before = servers.replica_asked().await;
        items(&kim, "orders").await;
        // The count itself, and the orders with their lines, tickets, payments and refunds.
        servers.replica_asked().await > before + 3
    };
    eventually("the replica answers", is_asked).await;

    servers.replica_does("STOP SLAVE SQL_THREAD").await;
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    let second = kim.buy(&kim.hold(&["a-1-2"]).await, "ok").await["id"].as_str().expect("an id").to_owned();
    assert_eq!(shown(&kim).await, (vec![confirmed(&second), confirmed(&first)], 2, 2, 0));
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    kim.post("/v1/coupons/ten/claims", &json!({})).send().await.expect(201);
    eventually("the coupon is written", async || items(&kim, "coupons").await.len() == 1).await;
    gateway.grant("kim", 500).await;
    assert_eq!(items(&kim, "points/moves").await.len(), 3);
    let refund = kim.refund_call(&second, 1).send().await.expect(202).text("id");
    let path = format!("/v1/orders/{second}/refunds/{refund}");
    eventually("the money is back", async || kim.get(&path).send().await.expect(200).json["status"] == "done").await;
    let now = shown(&kim).await;
    assert_eq!(now.0, [(second.clone(), "refunded".to_owned()), confirmed(&first)]);
    // Whom nothing has happened to is answered by the replica all the while.
    let lee = Buyer::enter(&gateway, "hall", "lee").await;
    let before = servers.replica_asked().await;
    assert_eq!(items(&lee, "orders").await.len(), 0);
    assert!(servers.replica_asked().await > before + 1, "the replica was asked about lee");

    servers.replica_does("START SLAVE SQL_THREAD").await;
    let is_asked = async || {
        let before = servers.replica_asked().await;
        items(&kim, "orders").await;
        servers.replica_asked().await > before + 3
    };
    eventually("the replica answers again", is_asked).await;
    assert_eq!(shown(&kim).await, now);
    servers.kill_replica();
    assert_eq!(shown(&kim).await, now, "without the replica the primary answers");
    let office = "/v1/admin/orders?user=kim";
    eventually("the office, too", async || {
        let answer = gateway.admin_call(http::Method::GET, office).send().await;
        answer.status == 200 && answer.json["items"].as_array().is_some_and(|orders| orders.len() == 2)
    })
    .await;
    gateway.stop().await;
}
