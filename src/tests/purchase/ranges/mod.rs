//! The writer can write everything that is accepted. Purchases are drawn from the whole of every range and a little
//! beyond. The checks of the gateway refuse what is beyond. A record that they accept and that cannot be written is a
//! fault.

mod house;
mod purchase;

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::test_runner::{Config, TestRunner};
use stanchion::facts::order::OrderStatus;

use house::{Books, House};
use purchase::{Pays, Purchase, purchases};

/// How often each step was reached. A test in which every purchase is refused proves nothing.
type Met = BTreeMap<&'static str, u32>;

#[test]
fn what_the_door_lets_in_can_be_written() {
    check(96, Books::Sqlite);
}

#[test]
fn what_the_door_lets_in_fits_the_columns() {
    check(24, Books::MariaDb);
}

/// `PROPTEST_CASES`, if it is set, replaces the number of cases.
fn check(cases: u32, books: Books) {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|asked| asked.parse().ok());
    let cases = asked.unwrap_or(cases);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let met = RefCell::new(Met::new());
    let ran = TestRunner::new(config).run(&purchases(), |purchase| {
        runtime.block_on(buy_and_give_back(books, &purchase, &mut met.borrow_mut()));
        Ok(())
    });
    if let Err(failure) = ran {
        panic!("{failure}");
    }
    let met = met.into_inner();
    println!("{cases} purchases: {met:?}");
    let few: Vec<_> = ["held", "placed", "discounted", "with points", "confirmed", "cancelled", "refunded"]
        .into_iter()
        .filter(|step| met.get(step).copied().unwrap_or(0) < cases / 48)
        .collect();
    assert!(few.is_empty(), "{few:?} are too few of {met:?}");
}

/// Plays a purchase from the event to the refund of the last line, and audits everything.
async fn buy_and_give_back(books: Books, purchase: &Purchase, met: &mut Met) {
    let mut count = |step| *met.entry(step).or_default() += 1;
    let mut house = House::open(books).await;
    let Some(event) = house.event(&purchase.event).await else { return count("refused events") };
    let coupon = house.coupon(&purchase.campaign).await;
    for grant in &purchase.grants {
        house.grant(grant).await;
    }
    let mut paid = Vec::new();
    for (seats, order) in &purchase.orders {
        let Some(hold) = house.hold(&event, seats).await else { continue };
        count("held");
        let Some(id) = house.place(&event, &hold, order, coupon.as_deref()).await else { continue };
        count("placed");
        match order.pays {
            Pays::WithTheOrder | Pays::Later => house.pay(&id).await,
            Pays::Never => house.cancel(&id).await,
        }
        let fact = house.order(&id).await;
        let total = fact.total.as_ref().expect("it is written");
        if fact.coupon.is_some() {
            count("discounted");
        }
        if total.points > 0 {
            count("with points");
        }
        match fact.status {
            OrderStatus::Confirmed => {
                count("confirmed");
                paid.push(id);
            }
            _ => count(
                fact.reason.map_or("unpaid", |reason| if reason.back_to_hold() { "refused" } else { "cancelled" }),
            ),
        }
    }
    for back in &purchase.refunds {
        if !paid.is_empty() {
            house.refund(back.order.get(&paid), back).await;
        }
    }
    for order in &paid {
        house.refund_the_rest(order).await;
        assert_eq!(house.order(order).await.status, OrderStatus::Refunded);
        count("refunded");
    }
    house.audit().await;
}
