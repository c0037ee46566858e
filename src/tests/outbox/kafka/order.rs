//! Notices about one order come in their order and all of them come, whatever happens on the way: brokers that go and
//! come, leaders that move, answers that are lost, writers that crash, and two owners of a lane at once.

use std::time::Duration;

use rdkafka::types::RDKafkaRespErr::{
    RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
};
use stanchion::facts::ids::OrderId;
use stanchion::facts::order::OrderStatus;
use stanchion::facts::refund::RefundStatus;
use stanchion::ledger::outbox::delivery::DeliveryState;
use stanchion::ledger::outbox::kafka::KAFKA;

use super::cluster::Cluster;
use crate::outbox::order::{BOUGHT, REFUNDED, UNPAID};
use crate::pipeline::support::{House, Store, eventually};

const ORDERS: usize = 8;

/// The cluster misbehaves until it does so otherwise.
fn misbehave(cluster: &Cluster, rng: &mut fastrand::Rng) {
    cluster.all_up();
    cluster.answer_after(Duration::ZERO);
    match rng.u8(0..7) {
        0 => cluster.all_down(),
        1 => cluster.down(&[rng.i32(1..=3)]),
        2 => cluster.answer_after(Duration::from_millis(rng.u64(100..800))),
        3 => cluster.lead(rng.i32(1..=3)),
        4 => cluster.fail(&[RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 3]),
        5 => cluster.fail(&[RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]),
        _ => cluster.fail(&[RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]),
    }
}

async fn all_is_told_in_order(store: Store, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut house, cluster) = (House::open(store).await, Cluster::start());
    house.ledger.keep_kafka(house.clock.now_ms()).await.expect("writes");
    house.kafka = Some(cluster.kafka());
    house.start();
    let mut stories: Vec<(OrderId, Vec<&str>)> = Vec::new();
    for n in 0..ORDERS {
        misbehave(&cluster, &mut rng);
        let seats = [2 * n, 2 * n + 1].map(|seat| seat as u32);
        let (name, pays) = (format!("kim-{n}"), rng.u8(0..4) > 0);
        let order = house.order(&name, &seats, pays.then_some("ok")).await;
        let mut story = if pays { BOUGHT.to_vec() } else { UNPAID.to_vec() };
        if pays {
            house.until(&order, OrderStatus::Confirmed).await;
            if rng.bool() {
                let refund = house.refund(&order, &name, &[1]).await;
                house.until_refund(&refund, RefundStatus::Done).await;
                story.extend(REFUNDED);
            }
        }
        stories.push((order, story));
        house.kafka = Some(cluster.kafka());
        match rng.u8(0..4) {
            // A crash, and another process after it.
            0 => {
                house.crash().await;
                house.start();
            }
            // Another process beside this one. It may get the lease while this one still believes to have it.
            1 => {
                house.start();
                house.clock.advance(Duration::from_millis(2_001));
            }
            _ => {}
        }
    }
    cluster.all_up();
    cluster.answer_after(Duration::ZERO);
    // Orders that were not paid end, and what was not taken is due again and again.
    eventually("all is told", async || {
        house.clock.advance(Duration::from_secs(3_600));
        tokio::time::sleep(Duration::from_millis(100)).await;
        stories.iter().all(|(order, story)| cluster.kinds(order.as_str()).len() >= story.len())
    })
    .await;
    for (order, story) in &stories {
        assert_eq!(&cluster.kinds(order.as_str()), story, "seed {seed}, {order}");
        let arrivals = &cluster.first_arrivals()[order.as_str()];
        let numbers: Vec<&str> = arrivals.iter().map(|read| read.headers["ce_sequence"].as_str()).collect();
        assert!(numbers.is_sorted(), "seed {seed}, {order}: {numbers:?}");
    }
    cluster.repeats();
    let failed = house.ledger.reader().deliveries(KAFKA, DeliveryState::Failed, None, 10).await.expect("reads");
    assert_eq!(failed.items, [], "seed {seed}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_told_in_order_embedded() {
    for seed in 1..=3 {
        all_is_told_in_order(Store::Embedded, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_told_in_order_on_servers() {
    for seed in 4..=5 {
        all_is_told_in_order(Store::Servers, seed).await;
    }
}
