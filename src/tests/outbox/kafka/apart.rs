//! Kafka and webhooks do not wait for each other, and a process does not need Kafka to keep what Kafka shall be told.

use std::time::Duration;

use stanchion::facts::order::OrderStatus;
use stanchion::ledger::outbox::delivery::DeliveryState;

use super::cluster::Cluster;
use super::faults::deliveries;
use crate::outbox::endpoint::Endpoint;
use crate::outbox::order::{BOUGHT, subscribe};
use crate::pipeline::support::{House, Store, eventually};

async fn one_that_is_down_delays_no_other(store: Store) {
    let (mut house, cluster, endpoint) = (House::open(store).await, Cluster::start(), Endpoint::open().await);
    subscribe(&house, &endpoint).await;
    house.ledger.keep_kafka(house.clock.now_ms()).await.expect("writes");
    house.kafka = Some(cluster.kafka());
    house.start();
    cluster.all_down();
    for n in 0..5 {
        let order = house.order(&format!("kim-{n}"), &[n], Some("ok")).await;
        eventually("the webhook is told", async || endpoint.kinds(order.as_str()) == BOUGHT[..3]).await;
    }
    assert_eq!(cluster.read(), [], "Kafka was away all the time");

    cluster.all_up();
    *endpoint.contract.status.lock() = Some(500);
    let came = endpoint.came().len();
    eventually("Kafka is told what waited", async || {
        house.clock.advance(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(20)).await;
        cluster.first_arrivals().values().map(Vec::len).sum::<usize>() == 20
    })
    .await;
    for n in 5..10 {
        let order = house.order(&format!("kim-{n}"), &[n], Some("ok")).await;
        eventually("Kafka is told", async || cluster.kinds(order.as_str()) == BOUGHT[..3]).await;
    }
    assert_eq!(endpoint.came().len(), came, "the webhook was down all the time");
    *endpoint.contract.status.lock() = None;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_down_delays_no_other_embedded() {
    one_that_is_down_delays_no_other(Store::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_down_delays_no_other_on_servers() {
    one_that_is_down_delays_no_other(Store::Servers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_kafka_keeps_the_notices_for_one_that_has_it() {
    let (mut house, cluster) = (House::open(Store::Embedded).await, Cluster::start());
    house.start();
    let before = house.order("kim", &[0], Some("ok")).await;
    house.until(&before, OrderStatus::Confirmed).await;
    house.ledger.keep_kafka(house.clock.now_ms()).await.expect("writes");
    let order = house.order("lee", &[1], Some("ok")).await;
    let waiting =
        async || deliveries(&house, DeliveryState::Pending).await.iter().map(|one| one.attempts).collect::<Vec<_>>();
    eventually("they wait", async || waiting().await.len() == 4).await;
    // Long enough for another look at what is due.
    house.clock.advance(Duration::from_secs(3_600));
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(waiting().await, [0; 4], "nobody could send them");
    house.crash().await;
    house.kafka = Some(cluster.kafka());
    house.start();
    eventually("they come", async || cluster.kinds(order.as_str()) == BOUGHT[..3]).await;
    assert_eq!(cluster.kinds(before.as_str()), [""; 0], "nobody wanted it then");
    house.close().await;
}
