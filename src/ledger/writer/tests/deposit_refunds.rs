//! The way back of a deposit: to an account that its buyer names.

use super::deposits::{awaited, subscribe, told};
use super::*;
use crate::facts::notice::NoticeKind;
use crate::facts::refund::RefundStatus;
use crate::ledger::AccountNamed;
use crate::ledger::writer::due_calls;

#[tokio::test]
async fn a_refund_of_a_deposit_waits_for_an_account_that_takes_it() {
    let mut desk = Desk::open().await;
    subscribe(&desk).await;
    let buy = awaited(&mut desk).await;
    let order = buy.order();
    desk.resulted(&buy.attempt(), &order, PaymentResult::Captured).await;
    let (refund, _, written) = desk.ask_refund("r", &order, RefundBy::Admin, &[(1, None), (2, None)]).await;
    assert_eq!(concluded(&written).refunds[0].status, RefundStatus::AwaitingAccount);
    assert_eq!(told(&desk, NoticeKind::RefundAwaitingAccount).await, 1);
    assert_eq!(written.calls, []);
    let due = async |desk: &Desk| {
        let found = due_calls(&desk.ledger, LANE, desk.now_ms + DAY_MS, 10, HashSet::new()).await.expect("reads");
        found.calls.into_iter().map(|call| match call {
            OpenCall::Refund(returning) => (returning.account, returning.accounts),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(due(&desk).await.count(), 0);
    let found = due_calls(&desk.ledger, LANE, desk.now_ms, 10, HashSet::new()).await.expect("reads");
    assert_eq!(found.open, 0, "it waits for its buyer, not for the provider");

    let name = async |desk: &Desk, order: &OrderId, account: &str| {
        desk.ledger.name_account(order, &refund, account, desk.now_ms).await.expect("writes")
    };
    assert_eq!(name(&desk, &OrderId::from(id("o", "other")), "x").await, AccountNamed::NotFound);
    assert_eq!(name(&desk, &order, "sealed-1").await, AccountNamed::Done);
    assert_eq!(desk.refund(&refund).await.status, RefundStatus::Sent);
    assert_eq!(due(&desk).await.collect::<Vec<_>>(), [(Some("sealed-1".to_owned()), 0)]);
    // The money may be on its way there, so nobody names another.
    assert_eq!(name(&desk, &order, "sealed-2").await, AccountNamed::Known("sealed-1".to_owned()));

    let wrong = RefundResult::WrongAccount { detail: "no such account".into() };
    let (_, written) = desk.refunded(&refund, &order, wrong).await;
    let fact = &concluded(&written).refunds[0];
    assert_eq!((fact.status, fact.failure.as_deref()), (RefundStatus::AwaitingAccount, Some("no such account")));
    assert_eq!(told(&desk, NoticeKind::RefundAwaitingAccount).await, 2, "the buyer is told once more");
    assert_eq!(due(&desk).await.count(), 0);
    assert_eq!(name(&desk, &order, "sealed-2").await, AccountNamed::Done);
    assert_eq!(due(&desk).await.collect::<Vec<_>>(), [(Some("sealed-2".to_owned()), 1)]);

    desk.refunded(&refund, &order, RefundResult::Done).await;
    assert_eq!(desk.order(&order).await.status, OrderStatus::Refunded);
    assert_eq!(desk.refund(&refund).await.failure, None);
    assert_eq!(name(&desk, &order, "sealed-3").await, AccountNamed::NotAwaited, "no account is kept");
    assert_eq!(desk.journal("%").await, 0);
    assert_eq!(desk.journal("provider_receivable:%").await, 0);
}

/// Refunds of one order go one at a time, but one that waits for its buyer holds up no other.
#[tokio::test]
async fn a_refund_without_an_account_holds_up_no_other() {
    let mut desk = Desk::open().await;
    let buy = awaited(&mut desk).await;
    let order = buy.order();
    desk.resulted(&buy.attempt(), &order, PaymentResult::Captured).await;
    desk.ask_refund("first", &order, RefundBy::Admin, &[(1, None)]).await;
    desk.now_ms += 1;
    let (second, _, _) = desk.ask_refund("second", &order, RefundBy::Admin, &[(2, None)]).await;
    desk.ledger.name_account(&order, &second, "sealed", desk.now_ms).await.expect("writes");
    let found = due_calls(&desk.ledger, LANE, desk.now_ms, 10, HashSet::new()).await.expect("reads");
    assert_eq!(found.calls.iter().map(|call| call.id().as_str().to_owned()).collect::<Vec<_>>(), [second.to_string()]);
}
