//! Refunds of a cancelled event: what is left to ask for, and what a record finds left.

use super::*;
use crate::facts::refund::EVENT_CANCELLED;
use crate::ledger::read::{CancelledOrders, Uncancelled};

impl Desk {
    /// Asks for all that is left of an order, as the house does after a cancellation.
    async fn cancelled(&mut self, name: &str, order: &OrderId) -> (RefundId, RecordOutcome) {
        let refund = RefundId::from(id("r", name));
        let body = RecordBody::RefundRequested {
            v: VERSION,
            order: order.clone(),
            refund: refund.clone(),
            digest: EVENT_CANCELLED.into(),
            by: RefundBy::EventCancelled,
            lines: Vec::new(),
            reason: "rain".into(),
        };
        let (outcome, _) = self.one(refund.as_str(), body).await;
        (refund, outcome)
    }

    /// The orders that are left, each with whether it is paid.
    async fn left(&self) -> Vec<(OrderId, bool)> {
        let left = self.ledger.uncancelled(&"hall".into(), 99).await.expect("reads");
        let mut left: Vec<_> =
            left.into_iter().map(|Uncancelled { order, version: _, is_paid }| (order, is_paid)).collect();
        left.sort();
        left
    }

    async fn counts(&self) -> CancelledOrders {
        self.ledger.cancelled_orders(&"hall".into()).await.expect("reads")
    }
}

#[tokio::test]
async fn what_others_asked_for_is_left_out_and_asked_for_when_it_fails() {
    let mut desk = Desk::open().await;
    let buy = desk.buy("a", 0, &[1_000, 2_000]);
    let order = desk.bought(&buy).await;
    assert_eq!(desk.left().await, [(order.clone(), true)]);
    let (own, _, _) = desk.ask_refund("own", &order, RefundBy::Buyer, &[(1, None)]).await;

    let (first, outcome) = desk.cancelled("first", &order).await;
    assert_eq!(outcome, RecordOutcome::Done);
    assert_eq!(desk.refund(&first).await.lines.iter().map(|line| line.line).collect::<Vec<_>>(), [2]);
    assert_eq!(desk.left().await, []);
    // Another record of the same finds nothing left. It leaves no failed refund behind.
    let (again, outcome) = desk.cancelled("again", &order).await;
    assert_eq!(outcome, RecordOutcome::Refused("NOTHING_LEFT"));
    assert_eq!(desk.ledger.refund(&again).await.expect("reads"), None);

    // The provider refuses the buyer's own refund for good. Now its line is left.
    desk.refunded(&own, &order, RefundResult::Refused { detail: "no".into() }).await;
    desk.refunded(&first, &order, RefundResult::Done).await;
    assert_eq!(desk.left().await, [(order.clone(), true)]);
    let (second, _) = desk.cancelled("second", &order).await;
    assert_eq!(desk.refund(&second).await.lines.iter().map(|line| line.line).collect::<Vec<_>>(), [1]);
    desk.refunded(&second, &order, RefundResult::Done).await;
    assert_eq!(desk.counts().await, CancelledOrders { refunded: 1, ..CancelledOrders::default() });
    assert_eq!(desk.journal("provider_receivable:sandbox").await, 0);
}

#[tokio::test]
async fn what_the_provider_refuses_is_left_to_a_person_and_unpaid_orders_are_cancelled() {
    let mut desk = Desk::open().await;
    let paid = desk.buy("a", 0, &[1_000]);
    let paid = desk.bought(&paid).await;
    let unpaid = Buy { payment: None, ..desk.buy("b", 5, &[1_000]) };
    desk.place(&unpaid).await;
    let refused = Buy { expected_cash: Some(1), ..desk.buy("c", 9, &[1_000]) };
    desk.place(&refused).await;
    let mut wanted = vec![(paid.clone(), true), (unpaid.order(), false)];
    wanted.sort();
    assert_eq!(desk.left().await, wanted);
    assert_eq!(desk.counts().await, CancelledOrders { unpaid: 1, paid: 1, ..CancelledOrders::default() });

    let (refund, _) = desk.cancelled("first", &paid).await;
    desk.refunded(&refund, &paid, RefundResult::Refused { detail: "closed account".into() }).await;
    assert_eq!(desk.left().await, [(unpaid.order(), false)]);
    assert_eq!(desk.counts().await, CancelledOrders { unpaid: 1, paid: 1, failed: 1, ..CancelledOrders::default() });
    // A person pays it back in another way.
    let (by_hand, _, _) = desk.ask_refund("hand", &paid, RefundBy::Admin, &[(1, None)]).await;
    desk.refunded(&by_hand, &paid, RefundResult::Done).await;
    assert_eq!(desk.counts().await, CancelledOrders { unpaid: 1, refunded: 1, ..CancelledOrders::default() });
}

/// A partial refund by an admin is refused after the rest was given back, together with the booking fee.
#[tokio::test]
async fn a_booking_fee_is_given_back_once_even_if_an_earlier_part_fails() {
    let mut desk = Desk::open().await;
    desk.terms.booking_fee.amount = 2_000;
    let buy = desk.buy("a", 0, &[100]);
    let order = desk.bought(&buy).await;
    let (part, _, _) = desk.ask_refund("part", &order, RefundBy::Admin, &[(1, Some(10))]).await;
    let (rest, _) = desk.cancelled("rest", &order).await;
    assert_eq!((desk.refund(&rest).await.cash, desk.refund(&rest).await.booking_fee), (2_090, 2_000));
    desk.refunded(&part, &order, RefundResult::Refused { detail: "no parts".into() }).await;
    desk.refunded(&rest, &order, RefundResult::Done).await;
    assert_eq!(desk.left().await, [(order.clone(), true)]);
    let (last, _) = desk.cancelled("last", &order).await;
    assert_eq!((desk.refund(&last).await.cash, desk.refund(&last).await.booking_fee), (10, 0));
    desk.refunded(&last, &order, RefundResult::Done).await;
    assert_eq!((desk.journal("provider_receivable:sandbox").await, desk.journal("fee_revenue").await), (0, 0));
    assert_eq!(desk.order(&order).await.status, OrderStatus::Refunded);
}

#[tokio::test]
async fn an_order_of_a_dead_letter_is_left_to_a_person() {
    let mut desk = Desk::open().await;
    let buy = desk.buy("a", 0, &[1_000]);
    let order = desk.bought(&buy).await;
    let dead = "INSERT INTO dead_letter (id, lane, log, order_id, at_ms, entry, error, died_ms) VALUES ('x', 7, 9, ?, 1, '', '', 1)";
    let id = order.to_string();
    let insert = desk.ledger.transaction(move |conn| {
        Box::pin(async move {
            Ok::<_, crate::ledger::Error>(sqlx::query(dead).bind(id).execute(conn).await?.rows_affected())
        })
    });
    assert_eq!(insert.await.expect("inserted"), 1);
    assert_eq!(desk.left().await, []);
    assert_eq!(desk.counts().await, CancelledOrders { paid: 1, ..CancelledOrders::default() });
}
