//! Notices about one order come in their order and all of them come, whatever happens on the way: endpoints that answer
//! slowly, once, never and twice, writers that crash, and two owners of a lane at once.

use std::time::Duration;

use serde_json::json;
use stanchion::facts::ids::OrderId;
use stanchion::facts::order::OrderStatus;
use stanchion::facts::refund::RefundStatus;
use stanchion::ledger::outbox::delivery::DeliveryState;
use stanchion::ledger::outbox::subscription::{Destination, SigningSecret, Subscription, SubscriptionState};

use super::endpoint::{Endpoint, SECRET};
use crate::pipeline::support::{House, Store, eventually};
use crate::support::foreign::Mood;

const ORDERS: usize = 8;

/// What is told of an order in the end.
pub const BOUGHT: &[&str] = &["order.placed", "order.confirmed", "ticket.issued", "ticket.issued"];
pub const REFUNDED: &[&str] =
    &["ticket.suspended", "refund.requested", "order.partially_refunded", "ticket.voided", "refund.done"];
pub const UNPAID: &[&str] = &["order.placed", "order.rejected"];

pub async fn subscribe(house: &House, endpoint: &Endpoint) {
    let secrets = vec![SigningSecret { text: SECRET.into(), until_ms: None }];
    let subscription = Subscription {
        name: "crm".into(),
        version: 1,
        to: Destination::Webhook { url: format!("{}/hook", endpoint.url), secrets },
        types: vec!["*".into()],
        state: SubscriptionState::On,
    };
    assert!(house.ledger.put_subscription(subscription, house.clock.now_ms()).await.expect("stored"));
}

/// The endpoint misbehaves with some of the coming calls.
fn misbehave(endpoint: &Endpoint, rng: &mut fastrand::Rng) {
    for _ in 0..rng.usize(1..5) {
        let mood = match rng.u8(0..6) {
            0 => Mood::Says(500, json!({})),
            1 => Mood::SaysAfter(500, json!({})),
            2 => Mood::SilentAfter,
            3 => Mood::Gone,
            4 => Mood::Slow(Duration::from_millis(rng.u64(1..150))),
            _ => Mood::Page(302),
        };
        endpoint.next("/hook", mood);
    }
}

async fn all_is_told_in_order(store: Store, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut house, endpoint) = (House::open(store).await, Endpoint::open().await);
    subscribe(&house, &endpoint).await;
    house.start();
    let mut stories: Vec<(OrderId, Vec<&str>)> = Vec::new();
    for n in 0..ORDERS {
        misbehave(&endpoint, &mut rng);
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
    // Orders that were not paid end, and what failed is due again and again.
    eventually("all is delivered", async || {
        house.clock.advance(Duration::from_secs(3_600));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let arrivals = endpoint.first_arrivals();
        stories.iter().all(|(order, story)| arrivals.get(order.as_str()).is_some_and(|came| came.len() >= story.len()))
    })
    .await;
    let arrivals = endpoint.first_arrivals();
    for (order, story) in &stories {
        let came = &arrivals[order.as_str()];
        let kinds: Vec<&str> = came.iter().map(|came| came.kind()).collect();
        assert_eq!(&kinds, story, "seed {seed}, {order}");
        let numbers: Vec<&str> = came.iter().map(|came| came.notice["sequence"].as_str().expect("a text")).collect();
        assert!(numbers.is_sorted(), "seed {seed}, {order}: {numbers:?}");
    }
    // A repeat is the same notice.
    for came in endpoint.came() {
        let first = &arrivals[came.about()].iter().find(|first| first.id == came.id).expect("it came before").notice;
        assert_eq!(first, &came.notice, "seed {seed}");
    }
    let failed = house.ledger.reader().deliveries("crm", DeliveryState::Failed, None, 10).await.expect("reads");
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
    for seed in 5..=6 {
        all_is_told_in_order(Store::Servers, seed).await;
    }
}
