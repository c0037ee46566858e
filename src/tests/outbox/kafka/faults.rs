//! One misfortune at a time: what comes of it, and how often a notice comes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::types::RDKafkaRespErr::{
    RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
};
use stanchion::ledger::outbox::delivery::{DeliveryAttempt, DeliveryState};
use stanchion::ledger::outbox::kafka::KAFKA;
use stanchion::ledger::read::DeliveryEntry;
use stanchion::pipeline::{Broker, BrokerFault, Kafka};
use tokio::sync::watch;

use super::cluster::Cluster;
use crate::outbox::order::BOUGHT;
use crate::pipeline::support::{House, Store, eventually};

/// What is told of an order with one seat: three notices about it, and one about its user's points.
const TOLD: usize = 4;

/// A house whose notices wait for Kafka, without a writer.
async fn house(store: Store) -> House {
    let house = House::open(store).await;
    house.ledger.keep_kafka(house.clock.now_ms()).await.expect("writes");
    house
}

/// What became of the notices about orders and points. What is told of rooms comes in its own time.
pub async fn deliveries(house: &House, state: DeliveryState) -> Vec<DeliveryEntry> {
    let found = house.ledger.reader().deliveries(KAFKA, state, None, 100).await.expect("reads");
    found.items.into_iter().filter(|one| !one.kind.starts_with("stanchion.room.")).collect()
}

/// Time passes until `so` holds, so that what was not taken is due again.
async fn in_time(house: &House, what: &str, so: impl AsyncFn() -> bool) {
    eventually(what, async || {
        house.clock.advance(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(20)).await;
        so().await
    })
    .await;
}

/// Notes nine attempts that failed for each that waits. A webhook's notice has one more.
async fn fail_often(house: &House) {
    for one in deliveries(house, DeliveryState::Pending).await {
        for attempts in 1..=9 {
            let (subscription, id, detail) = (KAFKA.to_owned(), one.id.clone(), Some("away".to_owned()));
            let (state, next_ms, status) = (DeliveryState::Pending, house.clock.now_ms(), None);
            let attempt = DeliveryAttempt { subscription, id, attempts, state, next_ms, status, detail };
            house.ledger.note_attempts(vec![attempt]).await.expect("writes");
        }
    }
}

async fn brokers_are_away_and_come_back(store: Store) {
    let (mut house, cluster) = (house(store).await, Cluster::start());
    cluster.all_down();
    house.start();
    let mut orders = Vec::new();
    for n in 0..3 {
        orders.push(house.order(&format!("kim-{n}"), &[n], Some("ok")).await);
    }
    let waiting = async || deliveries(&house, DeliveryState::Pending).await;
    eventually("all wait", async || waiting().await.len() == 3 * TOLD).await;
    fail_often(&house).await;
    house.kafka = Some(cluster.kafka());
    house.crash().await;
    house.start();
    let waiting = async || deliveries(&house, DeliveryState::Pending).await;
    in_time(&house, "the first about each is tried again", async || {
        waiting().await.iter().filter(|one| one.attempts > 10).count() == 6
    })
    .await;
    let waiting = waiting().await;
    assert_eq!(waiting.len(), 3 * TOLD);
    assert_eq!(waiting.iter().filter(|one| one.attempts == 9).count(), 6, "they wait behind the first about theirs");
    assert!(waiting.iter().any(|one| one.detail.as_ref().is_some_and(|why| why.starts_with("sale.orders.v1: "))));
    assert_eq!(cluster.read(), []);
    cluster.all_up();
    in_time(&house, "all come", async || cluster.first_arrivals().values().map(Vec::len).sum::<usize>() == 3 * TOLD)
        .await;
    for order in &orders {
        assert_eq!(cluster.kinds(order.as_str()), BOUGHT[..3]);
    }
    in_time(&house, "the ledger knows", async || deliveries(&house, DeliveryState::Delivered).await.len() == 3 * TOLD)
        .await;
    assert_eq!(deliveries(&house, DeliveryState::Failed).await, []);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_are_away_and_come_back_embedded() {
    brokers_are_away_and_come_back(Store::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_are_away_and_come_back_on_servers() {
    brokers_are_away_and_come_back(Store::Servers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_move() {
    let (mut house, cluster) = (house(Store::Embedded).await, Cluster::start());
    house.kafka = Some(cluster.kafka());
    cluster.lead(1);
    house.start();
    for (n, broker) in [(0, 2), (1, 3), (2, 1)] {
        let order = house.order(&format!("kim-{n}"), &[n], Some("ok")).await;
        in_time(&house, "it is told", async || cluster.kinds(order.as_str()) == BOUGHT[..3]).await;
        cluster.lead(broker);
        // The leader before is away: only the new one can take what follows.
        cluster.all_up();
        cluster.down(&[[3, 1, 2][n as usize]]);
    }
    let order = house.order("lee", &[9], Some("ok")).await;
    in_time(&house, "the last is told", async || cluster.kinds(order.as_str()) == BOUGHT[..3]).await;
    cluster.repeats();
    house.close().await;
}

/// Some of these librdkafka tries again itself, some it gives back, and the last one ends its producer.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_broker_answers_the_notice_comes() {
    let (mut house, cluster) = (house(Store::Embedded).await, Cluster::start());
    house.kafka = Some(cluster.kafka());
    house.start();
    for (n, error) in (0..).zip([
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
    ]) {
        cluster.fail(&[error; 2]);
        let order = house.order(&format!("kim-{n}"), &[n], Some("ok")).await;
        in_time(&house, &format!("it is told after {error:?}"), async || cluster.kinds(order.as_str()).len() == 3)
            .await;
        assert_eq!(cluster.kinds(order.as_str()), BOUGHT[..3], "{error:?}");
        cluster.fail_no_more();
    }
    cluster.repeats();
    in_time(&house, "the ledger knows", async || deliveries(&house, DeliveryState::Delivered).await.len() == 8 * TOLD)
        .await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_whose_answer_is_late_comes_again_and_says_the_same() {
    let (mut house, cluster) = (house(Store::Embedded).await, Cluster::start());
    house.kafka = Some(cluster.kafka());
    house.start();
    let first = house.order("kim", &[0], Some("ok")).await;
    in_time(&house, "it is told", async || deliveries(&house, DeliveryState::Delivered).await.len() == TOLD).await;
    // Longer than the producer waits. It looks only once a second which requests wait for too long.
    cluster.answer_after(Duration::from_secs(3));
    let order = house.order("lee", &[1], Some("ok")).await;
    in_time(&house, "it is in doubt", async || {
        deliveries(&house, DeliveryState::Pending).await.iter().any(|one| one.attempts > 1)
    })
    .await;
    cluster.answer_after(Duration::ZERO);
    in_time(&house, "it is told", async || deliveries(&house, DeliveryState::Delivered).await.len() == 2 * TOLD).await;
    in_time(&house, "it came twice", async || cluster.repeats() > 0).await;
    for order in [first, order] {
        in_time(&house, "all is read", async || cluster.kinds(order.as_str()).len() == 3).await;
        assert_eq!(cluster.kinds(order.as_str()), BOUGHT[..3]);
    }
    house.close().await;
}

/// Sends, and never says that it was taken.
struct Silent(Arc<Kafka>);

#[async_trait]
impl Broker for Silent {
    async fn take(&self, envelope: &str) -> Result<(), BrokerFault> {
        self.0.take(envelope).await?;
        std::future::pending().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_writer_had_sent_comes_again() {
    let (mut house, cluster) = (house(Store::Embedded).await, Cluster::start());
    house.start();
    let mut orders = Vec::new();
    for n in 0..3 {
        orders.push(house.order(&format!("kim-{n}"), &[n], Some("ok")).await);
    }
    eventually("all wait", async || deliveries(&house, DeliveryState::Pending).await.len() == 3 * TOLD).await;
    house.crash().await;
    house.kafka = Some(Arc::new(Silent(cluster.kafka())));
    house.start();
    in_time(&house, "the first about each is sent", async || cluster.first_arrivals().len() == 6).await;
    house.crash().await;
    let sent = cluster.read().len();
    assert_eq!(deliveries(&house, DeliveryState::Delivered).await, [], "nobody said that they were taken");
    house.kafka = Some(cluster.kafka());
    house.start();
    in_time(&house, "all are told", async || deliveries(&house, DeliveryState::Delivered).await.len() == 3 * TOLD)
        .await;
    in_time(&house, "all are read", async || cluster.read().len() == sent + 3 * TOLD).await;
    assert_eq!(cluster.repeats(), sent, "what was sent before comes once more, and nothing else");
    for order in &orders {
        assert_eq!(cluster.kinds(order.as_str()), BOUGHT[..3]);
    }
    house.close().await;
}

/// Sends once it is let, also when nobody waits for it any more, as messages do that are in librdkafka's queue.
struct Held {
    kafka: Arc<Kafka>,
    let_go: watch::Receiver<bool>,
}

#[async_trait]
impl Broker for Held {
    async fn take(&self, envelope: &str) -> Result<(), BrokerFault> {
        let (kafka, mut let_go, envelope) = (self.kafka.clone(), self.let_go.clone(), envelope.to_owned());
        let sending = tokio::spawn(async move {
            let_go.wait_for(|let_go| *let_go).await.expect("the test lets go");
            kafka.take(&envelope).await
        });
        sending.await.expect("no panic")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_owner_sends_late_is_a_repeat() {
    let (mut house, cluster) = (house(Store::Embedded).await, Cluster::start());
    let (let_go, held) = watch::channel(false);
    house.start();
    let order = house.order("kim", &[0], Some("ok")).await;
    eventually("all wait", async || deliveries(&house, DeliveryState::Pending).await.len() == TOLD).await;
    house.crash().await;
    house.kafka = Some(Arc::new(Held { kafka: cluster.kafka(), let_go: held }));
    house.start();
    // It freezes with the first about the order and about the points under way, and another process takes over.
    eventually("its first ones are under way", async || let_go.receiver_count() > 2).await;
    house.kafka = Some(cluster.kafka());
    house.start();
    in_time(&house, "the other tells it whole", async || cluster.kinds(order.as_str()).len() == 3).await;
    in_time(&house, "the ledger knows", async || deliveries(&house, DeliveryState::Delivered).await.len() == TOLD)
        .await;
    assert_eq!(cluster.repeats(), 0);
    let_go.send_replace(true);
    in_time(&house, "the late one comes", async || cluster.repeats() > 0).await;
    assert_eq!(cluster.kinds(order.as_str()), BOUGHT[..3]);
    house.close().await;
}
