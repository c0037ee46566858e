//! The way from the log to the ledger and back to the lane, with every outcome of a payment and a refund.

use std::time::Duration;

use stanchion::facts::order::{OrderStatus, Reason};
use stanchion::facts::record::PaymentResult;
use stanchion::facts::refund::RefundStatus;
use stanchion::lane::orders::PayOutcome;
use stanchion::ledger::ReadSource;
use stanchion::ledger::read::CallFilter;
use stanchion::payment::{AskOutcome, Returned};
use stanchion::pipeline::Resolved;

use crate::pipeline::provider::unresolved;
use crate::pipeline::support::{House, Store, eventually, first_attempt};

async fn a_purchase_and_its_refund(store: Store) {
    let mut house = House::open(store).await;
    house.start();
    let order = house.order("kim", &[0, 1], Some("ok")).await;
    let fact = house.until(&order, OrderStatus::Confirmed).await;
    assert_eq!(fact.payment.map(|p| (p.attempts, p.captured)), Some((1, 2_000)));
    assert_eq!(house.seats(0, 3).await, "ssf");
    let first = house.refund(&order, "one", &[1]).await;
    house.until_refund(&first, RefundStatus::Done).await;
    house.until(&order, OrderStatus::PartiallyRefunded).await;
    assert_eq!(house.seats(0, 3).await, "fsf");
    let second = house.refund(&order, "two", &[2]).await;
    house.until(&order, OrderStatus::Refunded).await;
    assert_eq!((house.provider.returns(&first), house.provider.returns(&second)), (1, 1));
    assert_eq!(house.provider.captures(&order), 1);
    house.close().await;
}

#[tokio::test]
async fn a_purchase_and_its_refund_embedded() {
    a_purchase_and_its_refund(Store::Embedded).await;
}

#[tokio::test]
async fn a_purchase_and_its_refund_on_servers() {
    a_purchase_and_its_refund(Store::Servers).await;
}

#[tokio::test]
async fn many_orders_share_transactions() {
    let mut house = House::open(Store::Servers).await;
    let mut orders = Vec::new();
    for seat in 0..60 {
        orders.push(house.order(&format!("buyer{seat}"), &[seat], Some("ok")).await);
    }
    house.start();
    for order in &orders {
        house.until(order, OrderStatus::Confirmed).await;
        assert_eq!(house.provider.captures(order), 1);
    }
    assert_eq!(house.seats(0, 60).await, "s".repeat(60));
    house.close().await;
}

#[tokio::test]
async fn a_decline_another_attempt_and_a_timeout() {
    let mut house = House::open(Store::Embedded).await;
    house.start();
    let order = house.order("kim", &[0], Some("decline")).await;
    house.until(&order, OrderStatus::PendingPayment).await;
    // The provider never answers this charge. Asked about it later, it says that it never made it.
    house.provider.answer("silent", AskOutcome::NotDone);
    assert!(matches!(house.pay(&order, "second", "silent").await, PayOutcome::Accepted(_)));
    let pending = async || {
        let fact = house.fact(&order).await;
        fact.status == OrderStatus::PendingPayment && fact.payment.is_some_and(|p| p.attempts == 2)
    };
    eventually("the second attempt is closed", pending).await;
    // This charge has no clear answer at first. Asked about it later, the provider says that it is captured.
    house.provider.answer("error", AskOutcome::Captured);
    assert!(matches!(house.pay(&order, "third", "error").await, PayOutcome::Accepted(_)));
    let fact = house.until(&order, OrderStatus::Confirmed).await;
    assert_eq!(fact.payment.map(|p| (p.attempts, p.captured)), Some((3, 1_000)));
    house.close().await;
}

#[tokio::test]
async fn at_the_deadline_an_unpaid_order_ends() {
    let mut house = House::open(Store::Embedded).await;
    house.start();
    let waiting = house.order("kim", &[0], None).await;
    let declined = house.order("lee", &[1], Some("decline")).await;
    house.until(&waiting, OrderStatus::PendingPayment).await;
    house.until(&declined, OrderStatus::PendingPayment).await;
    house.clock.advance(Duration::from_secs(600));
    let fact = house.until(&waiting, OrderStatus::Rejected).await;
    assert_eq!(fact.reason, Some(Reason::PaymentExpired));
    let fact = house.until(&declined, OrderStatus::Rejected).await;
    assert_eq!(fact.reason, Some(Reason::PaymentDeclined));
    assert_eq!(house.seats(0, 2).await, "ff");
    house.close().await;
}

#[tokio::test]
async fn money_found_after_the_seats_were_freed_goes_back() {
    let mut house = House::open(Store::Embedded).await;
    house.start();
    let order = house.order("kim", &[0], Some("lost")).await;
    house.until(&order, OrderStatus::Paying).await;
    house.clock.advance(Duration::from_secs(600));
    // The payment's outcome is unknown, so the seat stays taken.
    assert_eq!(house.seats(0, 1).await, "p");
    house.clock.advance(Duration::from_secs(3_600));
    house.until(&order, OrderStatus::Rejected).await;
    assert_eq!(house.seats(0, 1).await, "f");
    house.provider.answer("lost", AskOutcome::Captured);
    let back = async || {
        // The refund may have been put off, so time must pass.
        house.clock.advance(Duration::from_secs(1));
        house.fact(&order).await.payment.is_some_and(|p| (p.captured, p.cancelled) == (1_000, 1_000))
    };
    eventually("the money is back", back).await;
    house.close().await;
}

/// The house's clock stands still, so a call that is put off is never due by itself. It is asked about, not made again.
#[tokio::test]
async fn a_hint_makes_a_call_due_that_was_put_off() {
    let mut house = House::open(Store::Embedded).await;
    let pipeline = house.start();
    let order = house.order("kim", &[0], Some("person")).await;
    let put_off = async || {
        let calls = house.ledger.reader().calls(CallFilter::Open, None, 1).await.expect("reads").items;
        calls.first().is_some_and(|call| call.waits_for.is_some() && call.due_ms > Some(house.clock.now_ms()))
    };
    eventually("the call is put off", put_off).await;
    house.provider.answer("person", AskOutcome::Captured);
    pipeline.hint("another", &order).await.expect("noted");
    house.clock.advance(Duration::from_millis(1));
    house.until(&order, OrderStatus::Confirmed).await;
    house.close().await;
}

#[tokio::test]
async fn a_human_resolves_what_the_provider_will_not() {
    let mut house = House::open(Store::Embedded).await;
    let pipeline = house.start();
    let order = house.order("kim", &[0], Some("lost")).await;
    house.until(&order, OrderStatus::Paying).await;
    let attempt = first_attempt(&order);
    let nobody = "p01ffffffffffffffffffffffffffffffff".into();
    assert_eq!(pipeline.resolve(&nobody, PaymentResult::Captured).await.expect("answers"), Resolved::NotFound);
    assert_eq!(pipeline.resolve(&attempt, PaymentResult::Captured).await.expect("answers"), Resolved::Done);
    house.until(&order, OrderStatus::Confirmed).await;
    assert_eq!(pipeline.resolve(&attempt, PaymentResult::NotDone).await.expect("answers"), Resolved::Closed);
    house.close().await;
}

/// There are more payments than a writer can make at once. Later ones must not delay a payment until its order is over.
#[tokio::test]
async fn the_payment_that_waits_longest_is_made_first() {
    let mut house = House::open(Store::Embedded).await;
    house.settings.calls_max = 1;
    house.settings.call_limit = Duration::from_secs(60);
    house.start();
    let provider = house.provider.clone();
    let shut = provider.gate.lock().await;
    let mut placed = Vec::new();
    for seat in 0..50 {
        let order = house.order(&format!("early-{seat}"), &[seat], Some("ok")).await;
        house.until(&order, OrderStatus::Paying).await;
        placed.push(order);
        house.clock.advance(Duration::from_millis(10));
    }
    drop(shut);
    for seat in 50..90 {
        placed.push(house.order(&format!("late-{seat}"), &[seat], Some("ok")).await);
        house.clock.advance(Duration::from_millis(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for order in &placed {
        house.until(order, OrderStatus::Confirmed).await;
    }
    for (at, order) in house.provider.charges().iter().enumerate() {
        let came = placed.iter().position(|of| of == order).expect("one of these");
        // Payments written in one batch have the same age.
        assert!(came <= at + 16, "{at}: the payment of order {came} was made before older ones");
    }
    house.close().await;
}

/// Payments without an outcome leave room for the others. The provider is still asked about them.
#[tokio::test]
async fn payments_that_nobody_can_tell_of_make_room() {
    for store in [Store::Embedded, Store::Servers] {
        let mut house = House::open(store).await;
        house.settings.calls_max = 1;
        let mut lost = Vec::new();
        for seat in 0..20 {
            lost.push(house.order(&format!("lost-{seat}"), &[seat], Some("lost")).await);
        }
        let pipeline = house.start();
        house.until(&lost[19], OrderStatus::Paying).await;
        let paid = house.order("kim", &[20], Some("ok")).await;
        house.until(&paid, OrderStatus::Confirmed).await;
        eventually("all others are open", async || {
            pipeline.status().await.expect("answers").iter().any(|lane| lane.open_calls == 20)
        })
        .await;
        house.provider.answer("lost", AskOutcome::Captured);
        for order in &lost {
            eventually("it is asked after again", async || {
                house.clock.advance(Duration::from_secs(1));
                house.fact(order).await.status == OrderStatus::Confirmed
            })
            .await;
            assert_eq!(house.provider.captures(order), 1);
        }
        house.close().await;
    }
}

/// Money may have moved before the provider was taken out of the configuration: the attempt must not count as declined.
#[tokio::test]
async fn an_attempt_of_a_provider_that_is_not_configured_any_more_is_not_declined_unasked() {
    let mut house = House::open(Store::Embedded).await;
    house.unconfigured = true;
    let pipeline = house.start();
    let order = house.order("kim", &[0], Some("ok")).await;
    house.until(&order, OrderStatus::Paying).await;
    let attempt = first_attempt(&order);
    eventually("the call is in hand", async || {
        pipeline.status().await.expect("answers").iter().any(|lane| lane.open_calls == 1)
    })
    .await;
    // The deadline passes. The provider could not be asked, so the seat stays taken and the attempt open.
    house.clock.advance(Duration::from_secs(600));
    assert_eq!(house.fact(&order).await.status, OrderStatus::Paying);
    assert_eq!(house.seats(0, 1).await, "p");
    assert_eq!(pipeline.resolve(&attempt, PaymentResult::Captured).await.expect("answers"), Resolved::Done);
    house.until(&order, OrderStatus::Confirmed).await;
    house.close().await;
}

#[tokio::test]
async fn what_no_repeat_can_need_is_forgotten_while_the_house_runs() {
    let mut house = House::open(Store::Embedded).await;
    house.settings.record_keep_ms = 1_000;
    house.start();
    let order = house.order("kim", &[0], Some("ok")).await;
    house.until(&order, OrderStatus::Confirmed).await;
    let ledger = house.ledger.clone();
    let done = async || {
        let text = "SELECT COUNT(*) FROM record_done";
        let count = ledger.read("test", ReadSource::Primary, move |conn| {
            Box::pin(async move { Ok(sqlx::query_scalar::<_, i64>(text).fetch_one(conn).await?) })
        });
        count.await.expect("reads")
    };
    assert!(done().await > 0);
    house.stop().await;
    house.clock.advance(Duration::from_secs(10));
    house.start();
    eventually("the ledger has forgotten them", async || done().await == 0).await;
    house.close().await;
}

#[tokio::test]
async fn a_refund_of_a_provider_that_is_not_configured_waits_until_it_is() {
    let mut house = House::open(Store::Embedded).await;
    house.start();
    let order = house.order("kim", &[0], Some("ok")).await;
    house.until(&order, OrderStatus::Confirmed).await;
    house.stop().await;
    house.unconfigured = true;
    let pipeline = house.start();
    let refund = house.refund(&order, "one", &[1]).await;
    eventually("the call is in hand", async || {
        pipeline.status().await.expect("answers").iter().any(|lane| lane.open_calls == 1)
    })
    .await;
    house.clock.advance(Duration::from_secs(86_400));
    house.until_refund(&refund, RefundStatus::Requested).await;
    assert_eq!(house.provider.returns(&refund), 0);
    assert_eq!(house.seats(0, 1).await, "s", "the ticket's seat is nobody else's meanwhile");
    house.stop().await;
    house.unconfigured = false;
    house.start();
    house.clock.advance(Duration::from_secs(400));
    house.until_refund(&refund, RefundStatus::Done).await;
    assert_eq!(house.provider.returns(&refund), 1);
    house.close().await;
}

#[tokio::test]
async fn a_refund_is_asked_after_and_a_refusal_undone() {
    let mut house = House::open(Store::Embedded).await;
    house.start();
    let order = house.order("kim", &[0, 1], Some("ok")).await;
    house.until(&order, OrderStatus::Confirmed).await;
    // The refund gets no answer. Asked about it later, the provider says that it has never seen it. So the refund is
    // sent again.
    house.provider.refunds(Some(Returned::Unknown(unresolved())));
    let first = house.refund(&order, "one", &[1]).await;
    eventually("the ledger has it", async || {
        house.lane().get_refund(&first).await.expect("answers").is_some_and(|fact| fact.cash == 1_000)
    })
    .await;
    house.provider.refunds(None);
    house.until_refund(&first, RefundStatus::Done).await;
    assert_eq!(house.provider.returns(&first), 1);
    house.provider.refunds(Some(Returned::Refused { detail: "card closed".into() }));
    let second = house.refund(&order, "two", &[2]).await;
    house.until_refund(&second, RefundStatus::Failed).await;
    assert_eq!(house.seats(0, 2).await, "fs");
    assert_eq!(house.fact(&order).await.status, OrderStatus::PartiallyRefunded);
    house.close().await;
}

/// The second refund waits as long as the first one's outcome is unknown, and is sent once it is known.
#[tokio::test]
async fn refunds_of_one_order_go_one_at_a_time() {
    for store in [Store::Embedded, Store::Servers] {
        let mut house = House::open(store).await;
        house.settings.calls_max = 1;
        house.start();
        let order = house.order("kim", &[0, 1], Some("ok")).await;
        house.until(&order, OrderStatus::Confirmed).await;
        house.provider.refunds(Some(Returned::Unknown(unresolved())));
        let first = house.refund(&order, "one", &[1]).await;
        let second = house.refund(&order, "two", &[2]).await;
        eventually("the ledger has both", async || {
            let fact = house.lane().get_refund(&second).await.expect("answers");
            house.provider.asked().contains(&first) && fact.is_some_and(|fact| fact.cash == 1_000)
        })
        .await;
        // Longer than the wait until a call is asked about again, and time for several looks at what is due.
        for _ in 0..30 {
            house.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(!house.provider.asked().contains(&second), "sent before the first was known");
        house.provider.refunds(None);
        for refund in [&first, &second] {
            eventually("the refund is done", async || {
                house.clock.advance(Duration::from_secs(1));
                let fact = house.lane().get_refund(refund).await.expect("answers");
                fact.is_some_and(|fact| fact.status == RefundStatus::Done)
            })
            .await;
            assert_eq!(house.provider.returns(refund), 1);
        }
        house.close().await;
    }
}

#[tokio::test]
async fn a_provider_that_panics_ends_neither_its_call_nor_the_writer() {
    let mut house = House::open(Store::Embedded).await;
    house.settings.calls_max = 1;
    house.start();
    let order = house.order("kim", &[0], Some("panic")).await;
    house.until(&order, OrderStatus::Paying).await;
    let other = house.order("lee", &[1], Some("ok")).await;
    house.until(&other, OrderStatus::Confirmed).await;
    house.provider.answer("panic", AskOutcome::Captured);
    eventually("it is asked after", async || {
        house.clock.advance(Duration::from_secs(1));
        house.fact(&order).await.status == OrderStatus::Confirmed
    })
    .await;
    house.close().await;
}
