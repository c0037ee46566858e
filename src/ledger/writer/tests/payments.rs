//! Attempts, deadlines, compensation, and money that came too late.

use super::*;
use crate::facts::conclusion::SeatTarget;
use crate::facts::order::Reason;
use crate::facts::refund::RefundStatus;

fn ask(desk: &mut Desk, buy: &Buy, attempt: &str, amount: i64) -> (AttemptId, Entry) {
    let attempt = AttemptId::from(id("p", attempt));
    let body = RecordBody::PaymentRequested {
        v: VERSION,
        order: buy.order(),
        attempt: attempt.clone(),
        payment: PaymentAsk { provider: "sandbox".into(), key: "ok".into(), deposit_until_ms: None },
        amount,
    };
    let entry = desk.entry(attempt.as_str(), body);
    (attempt, entry)
}

fn expired(buy: &Buy, reason: Reason) -> RecordBody {
    RecordBody::OrderExpired { v: VERSION, order: buy.order(), reason }
}

async fn with_coupon_and_points(desk: &mut Desk) -> Buy {
    desk.grant("kim", "g", 400, None).await;
    desk.campaign("spring", serde_json::json!({"name": "S", "kind": "fixed", "amount": 100, "stock": 5})).await;
    desk.claim("spring", 1, "kim").await;
    Buy { coupon: CouponChoice::Best, points: 400, ..desk.buy("a", 0, &[1_000]) }
}

#[tokio::test]
async fn a_decline_waits_for_another_attempt() {
    let mut desk = Desk::open().await;
    let buy = desk.buy("a", 0, &[1_000]);
    desk.place(&buy).await;
    let declined = PaymentResult::Declined { detail: "no funds".into() };
    let (_, written) = desk.resulted(&buy.attempt(), &buy.order(), declined).await;
    assert_eq!(concluded(&written).fact.status, OrderStatus::PendingPayment);
    let version = concluded(&written).fact.version;

    let (_, wrong) = ask(&mut desk, &buy, "wrong", 999);
    let written = desk.write(vec![wrong]).await.expect("writes");
    assert_eq!(written.outcomes[0].1, RecordOutcome::Refused("AMOUNT_MISMATCH"));
    assert_eq!(concluded(&written).fact.version, version + 1, "so that the lane drops its pending mark");

    let (second, entry) = ask(&mut desk, &buy, "second", 1_000);
    let (_, third) = ask(&mut desk, &buy, "third", 1_000);
    let written = desk.write(vec![entry, third]).await.expect("writes");
    let outcomes: Vec<_> = written.outcomes.iter().map(|o| o.1).collect();
    assert_eq!(outcomes, [RecordOutcome::Done, RecordOutcome::Refused("NOT_PAYABLE")], "one open attempt an order");
    desk.resulted(&second, &buy.order(), PaymentResult::Captured).await;
    let fact = desk.order(&buy.order()).await;
    assert_eq!(fact.status, OrderStatus::Confirmed);
    assert_eq!(fact.payment.map(|p| (p.attempts, p.captured)), Some((2, 1_000)));
}

/// A rebuilt lane does not know its attempts, so it lets the repeat of a declined one through.
#[tokio::test]
async fn a_repeated_request_drops_its_mark_again() {
    let mut desk = Desk::open().await;
    let buy = Buy { payment: None, ..desk.buy("a", 0, &[1_000]) };
    desk.place(&buy).await;
    let (attempt, entry) = ask(&mut desk, &buy, "first", 1_000);
    desk.write(vec![entry.clone()]).await.expect("writes");
    let (_, declined) = desk.resulted(&attempt, &buy.order(), PaymentResult::Declined { detail: "no".into() }).await;
    let written = desk.write(vec![entry]).await.expect("writes");
    assert_eq!(written.outcomes[0].1, RecordOutcome::Repeated);
    let (before, after) = (&concluded(&declined).fact, &concluded(&written).fact);
    assert_eq!((after.status, after.version), (OrderStatus::PendingPayment, before.version + 1));
    assert_eq!(after.payment.as_ref().map(|p| p.attempts), Some(1), "asked once");
    assert!(written.calls.is_empty(), "and charged once");
}

#[tokio::test]
async fn an_expired_order_gives_everything_back() {
    let mut desk = Desk::open().await;
    let buy = with_coupon_and_points(&mut desk).await;
    desk.place(&buy).await;
    assert_eq!(desk.balance("kim").await, 0);
    let (outcome, _) = desk.one("early", expired(&buy, Reason::PaymentExpired)).await;
    assert_eq!(outcome, RecordOutcome::Refused("NOT_DUE"));

    desk.resulted(&buy.attempt(), &buy.order(), PaymentResult::Declined { detail: "no".into() }).await;
    desk.now_ms += 600_000;
    let late = overdue(&desk.ledger, LANE, desk.now_ms, UNKNOWN_MS, 10).await.expect("reads");
    assert_eq!(
        late.iter().map(|l| (&l.order, l.reason)).collect::<Vec<_>>(),
        [(&buy.order(), Reason::PaymentDeclined)]
    );
    let (outcome, written) = desk.one("due", expired(&buy, Reason::PaymentDeclined)).await;
    assert_eq!(outcome, RecordOutcome::Done);
    let conclusion = concluded(&written);
    assert_eq!(conclusion.fact.reason, Some(Reason::PaymentDeclined));
    assert_eq!(conclusion.seats, [(0, SeatTarget::Free)]);
    assert_eq!(conclusion.fact, desk.order(&buy.order()).await);
    assert_eq!(desk.balance("kim").await, 400);
    assert!(overdue(&desk.ledger, LANE, desk.now_ms, UNKNOWN_MS, 10).await.expect("reads").is_empty());
    // Seat, coupon and points can be used again at once.
    let again = Buy { coupon: CouponChoice::Best, points: 400, ..desk.buy("b", 0, &[1_000]) };
    desk.bought(&again).await;
    assert_eq!(desk.order(&again.order()).await.total.map(|t| t.cash), Some(500));
    assert_eq!(desk.journal("points_in_orders").await, 0);
}

#[tokio::test]
async fn a_buyer_cancels_only_what_waits_for_payment() {
    let mut desk = Desk::open().await;
    let paying = desk.buy("a", 0, &[1_000]);
    desk.place(&paying).await;
    let cancel = |buy: &Buy| RecordBody::OrderCancelled { v: VERSION, order: buy.order() };
    assert_eq!(desk.one("c1", cancel(&paying)).await.0, RecordOutcome::Refused("NOT_CANCELLABLE"));
    let waiting = Buy { payment: None, ..desk.buy("b", 1, &[1_000]) };
    let (_, written) = desk.place(&waiting).await;
    assert_eq!(concluded(&written).fact.status, OrderStatus::PendingPayment);
    let (outcome, written) = desk.one("c2", cancel(&waiting)).await;
    assert_eq!((outcome, concluded(&written).fact.reason), (RecordOutcome::Done, Some(Reason::Cancelled)));
}

#[tokio::test]
async fn money_that_comes_after_the_end_is_sent_back() {
    let mut desk = Desk::open().await;
    let buy = desk.buy("a", 0, &[1_000]);
    desk.place(&buy).await;
    desk.now_ms += 600_000;
    // The attempt is open and its result unknown, so the order waits for an hour more.
    assert_eq!(desk.one("e1", expired(&buy, Reason::PaymentExpired)).await.0, RecordOutcome::Refused("NOT_DUE"));
    desk.now_ms += UNKNOWN_MS;
    let (outcome, written) = desk.one("e2", expired(&buy, Reason::PaymentExpired)).await;
    assert_eq!(outcome, RecordOutcome::Done);
    let [OpenCall::Charge(charging)] = &written.calls[..] else { panic!("{:?}", written.calls) };
    assert_eq!(charging.charge_until_ms, None, "it is only asked after");

    let (_, written) = desk.resulted(&buy.attempt(), &buy.order(), PaymentResult::Captured).await;
    assert_eq!(concluded(&written).fact.status, OrderStatus::Rejected);
    let [OpenCall::Refund(back)] = &written.calls[..] else { panic!("{:?}", written.calls) };
    assert_eq!((back.amount, &back.attempt), (1_000, &buy.attempt()));
    let refund = back.refund.clone();
    let (_, written) = desk.refunded(&refund, &buy.order(), RefundResult::Done).await;
    assert!(written.calls.is_empty());
    let fact = desk.order(&buy.order()).await;
    assert_eq!(fact.status, OrderStatus::Rejected);
    assert_eq!(fact.payment.map(|p| (p.captured, p.cancelled)), Some((1_000, 1_000)));
    assert_eq!(desk.refund(&refund).await.status, RefundStatus::Done);
    assert_eq!((desk.journal("provider_receivable:sandbox").await, desk.journal("deposits_in_suspense").await), (0, 0));
}

#[tokio::test]
async fn an_attempt_thought_not_done_may_still_pay() {
    let mut desk = Desk::open().await;
    let buy = desk.buy("a", 0, &[1_000]);
    desk.place(&buy).await;
    desk.resulted(&buy.attempt(), &buy.order(), PaymentResult::NotDone).await;
    assert_eq!(desk.order(&buy.order()).await.status, OrderStatus::PendingPayment);
    desk.resulted(&buy.attempt(), &buy.order(), PaymentResult::Captured).await;
    assert_eq!(desk.order(&buy.order()).await.status, OrderStatus::Confirmed);
    // But while a second attempt is open, the money of the first one goes back.
    let buy = desk.buy("b", 1, &[1_000]);
    desk.place(&buy).await;
    desk.resulted(&buy.attempt(), &buy.order(), PaymentResult::NotDone).await;
    let (second, entry) = ask(&mut desk, &buy, "second", 1_000);
    desk.write(vec![entry]).await.expect("writes");
    let (_, written) = desk.resulted(&buy.attempt(), &buy.order(), PaymentResult::Captured).await;
    assert!(written.calls.iter().any(|call| matches!(call, OpenCall::Refund(back) if back.attempt == buy.attempt())));
    desk.resulted(&second, &buy.order(), PaymentResult::Captured).await;
    let fact = desk.order(&buy.order()).await;
    assert_eq!((fact.status, fact.payment.map(|p| p.captured)), (OrderStatus::Confirmed, Some(2_000)));
    // A refund that the buyer asks for gives back the money of the attempt that paid.
    desk.refunded(&RefundId::from(format!("r{}", &buy.attempt().as_str()[1..])), &buy.order(), RefundResult::Done)
        .await;
    let (_, _, written) = desk.ask_refund("own", &buy.order(), RefundBy::Buyer, &[(1, None)]).await;
    assert!(matches!(&written.calls[..], [OpenCall::Refund(back)] if back.attempt == second));
}
