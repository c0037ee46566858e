//! What the house does by itself: closing what was begun to be closed, and writing off points whose time is over.

use stanchion::facts::order::OrderStatus;
use stanchion::facts::period::Period;
use stanchion::facts::settlement::{Bookkeeping, SettlementState};
use stanchion::ledger::settlement::{CloseAsk, Closed};
use stanchion::ledger::wallets::Grant;

use crate::pipeline::support::{House, Store, eventually};

async fn what_was_begun_is_ended(store: Store) {
    let mut house = House::open(store).await;
    let books = Bookkeeping { currency: "KRW".into(), zone: "UTC".into() };
    let given = |id: &str, expires_ms| Grant {
        id: id.into(),
        digest: "d".into(),
        user: "kim".into(),
        amount: 50,
        currency: books.currency.clone(),
        expires_ms,
        reason: "test".into(),
    };
    let now_ms = house.clock.now_ms();
    house.ledger.grant(given("g1", Some(now_ms + 1_000)), now_ms).await.expect("grants");
    house.ledger.grant(given("g2", Some(now_ms + 86_400_000)), now_ms).await.expect("grants");
    house.start();
    let order = house.order("kim", &[0, 1], Some("ok")).await;
    house.until(&order, OrderStatus::Confirmed).await;
    house.crash().await;

    // The process that began to close the month died before it had ended.
    let period = Period::of(house.clock.now_ms(), &books.zone);
    let ask = CloseAsk { organizer: "hall-co".into(), period, early: true };
    let begun = house.ledger.begin_close(ask, books.clone(), house.clock.now_ms() + 1).await.expect("answers");
    assert!(matches!(begun, Closed::Begun(_)), "{begun:?}");
    house.start();
    eventually("the month is closed", async || {
        let settlement = house.ledger.settlement("hall-co", period, &books).await.expect("reads").expect("there");
        settlement.state == SettlementState::Closed && settlement.entries == 1
    })
    .await;
    let balance = async || house.ledger.point_moves(&"kim".into(), None, 9).await.expect("reads").items;
    eventually("the points are written off", async || balance().await.iter().any(|step| step.amount == -50)).await;
    assert_eq!(balance().await.iter().filter(|step| step.amount == -50).count(), 1, "the others have time");
    house.close().await;
}

#[tokio::test]
async fn what_was_begun_is_ended_embedded() {
    what_was_begun_is_ended(Store::Embedded).await;
}

#[tokio::test]
async fn what_was_begun_is_ended_on_servers() {
    what_was_begun_is_ended(Store::Servers).await;
}
