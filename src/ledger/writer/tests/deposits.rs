//! Payments by deposit: the account, the money that comes, goes and comes again, and its way back.

use super::*;
use crate::facts::conclusion::SeatTarget;
use crate::facts::notice::NoticeKind;
use crate::facts::order::{DepositFact, Reason, TicketState};
use crate::facts::refund::RefundStatus;
use crate::ledger::outbox::subscription::{Destination, Subscription, SubscriptionState};
use crate::ledger::writer::{DepositStage, due_calls, overdue};

pub fn deposit(expires_ms: i64) -> DepositFact {
    let (bank, account, holder) = ("SHINHAN".to_owned(), "56211234567890".to_owned(), "Stanchion".to_owned());
    DepositFact { bank, account, holder, expires_ms }
}

pub fn awaiting(expires_ms: i64) -> PaymentResult {
    PaymentResult::Awaiting { deposit: deposit(expires_ms) }
}

/// An order that is to be paid within a day.
pub fn buy(desk: &Desk, name: &str) -> Buy {
    Buy { deposit_until_ms: Some(desk.now_ms + DAY_MS), ..desk.buy(name, 0, &[1_000, 500]) }
}

/// An order whose buyer has an account to pay into, with a coupon and points.
pub async fn awaited(desk: &mut Desk) -> Buy {
    desk.grant("kim", "g", 400, None).await;
    desk.campaign("spring", serde_json::json!({"name": "S", "kind": "fixed", "amount": 100, "stock": 5})).await;
    desk.claim("spring", 1, "kim").await;
    let buy = Buy { coupon: CouponChoice::Best, points: 400, ..buy(desk, "a") };
    desk.place(&buy).await;
    let (outcome, _) = desk.resulted(&buy.attempt(), &buy.order(), awaiting(desk.now_ms + 2 * DAY_MS)).await;
    assert_eq!(outcome, RecordOutcome::Done);
    buy
}

/// A result that comes a second time is a record of its own.
async fn again(desk: &mut Desk, buy: &Buy, name: &str, result: PaymentResult) -> (RecordOutcome, BatchWritten) {
    let (order, attempt) = (buy.order(), buy.attempt());
    let body = RecordBody::PaymentResulted { v: VERSION, order, attempt: attempt.clone(), result };
    desk.one(&format!("{attempt}.{name}"), body).await
}

async fn stage(desk: &Desk) -> Option<DepositStage> {
    let found = due_calls(&desk.ledger, LANE, desk.now_ms + 9 * DAY_MS, 10, HashSet::new()).await.expect("reads");
    let OpenCall::Charge(charging) = found.calls.into_iter().next()? else { panic!("no charge") };
    charging.deposit.map(|deposit| deposit.stage)
}

/// How many notices of this kind the ledger has told so far.
pub async fn told(desk: &Desk, kind: NoticeKind) -> usize {
    let rows = desk.ledger.outbox(LANE, 1_000).await.expect("reads");
    rows.iter().flat_map(|row| &row.told.notices).filter(|notice| notice.kind() == kind).count()
}

/// Nothing is told while nobody subscribes.
pub async fn subscribe(desk: &Desk) {
    let to = Destination::Webhook { url: "https://books.example".into(), secrets: Vec::new() };
    let (name, types) = ("books".into(), vec!["*".into()]);
    let put = Subscription { name, version: 1, to, types, state: SubscriptionState::On };
    assert!(desk.ledger.put_subscription(put, desk.now_ms).await.expect("writes"));
}

#[tokio::test]
async fn the_seats_wait_for_the_deposit_and_no_longer() {
    let mut desk = Desk::open().await;
    let buy = awaited(&mut desk).await;
    let fact = desk.order(&buy.order()).await;
    assert_eq!(fact.status, OrderStatus::AwaitingDeposit);
    assert_eq!(fact.deadline_ms, desk.now_ms + DAY_MS, "the house's time is shorter than the bank's");
    assert_eq!(fact.deposit.map(|deposit| deposit.account), Some("56211234567890".to_owned()));
    assert_eq!(stage(&desk).await, Some(DepositStage::Awaited));

    // It does not end at its deadline: first the account is closed, or the money is there.
    let late_ms = fact.deadline_ms + 1;
    assert!(overdue(&desk.ledger, LANE, late_ms, UNKNOWN_MS, 9).await.expect("reads").is_empty());
    let unknown_ms = fact.deadline_ms + UNKNOWN_MS;
    assert_eq!(overdue(&desk.ledger, LANE, unknown_ms, UNKNOWN_MS, 9).await.expect("reads").len(), 1);

    desk.now_ms = late_ms;
    let closed = PaymentResult::Declined { detail: "closed".into() };
    let (_, written) = desk.resulted(&buy.attempt(), &buy.order(), closed).await;
    assert_eq!(concluded(&written).fact.status, OrderStatus::PendingPayment);
    let over = overdue(&desk.ledger, LANE, late_ms, UNKNOWN_MS, 9).await.expect("reads");
    assert_eq!(over.iter().map(|over| over.reason).collect::<Vec<_>>(), [Reason::PaymentExpired], "nobody declined");
    let body = RecordBody::OrderExpired { v: VERSION, order: buy.order(), reason: over[0].reason };
    let (_, written) = desk.one("expired", body).await;
    assert_eq!(concluded(&written).fact.status, OrderStatus::Rejected);
    assert!(concluded(&written).seats.iter().all(|(_, target)| *target == SeatTarget::Free));
    assert_eq!(desk.balance("kim").await, 400);
    assert_eq!(desk.journal("%").await, 0);
}

/// A deposit that fails leaves the buyer some minutes for another way to pay, and not the rest of the day.
#[tokio::test]
async fn a_deposit_that_fails_keeps_the_seats_for_minutes() {
    let mut desk = Desk::open().await;
    let buy = awaited(&mut desk).await;
    desk.resulted(&buy.attempt(), &buy.order(), PaymentResult::NotDone).await;
    let fact = desk.order(&buy.order()).await;
    assert_eq!((fact.status, fact.deadline_ms), (OrderStatus::PendingPayment, desk.now_ms + 300_000));
    assert_eq!(fact.deposit, None);
}

#[tokio::test]
async fn a_deposit_that_the_bank_takes_back_undoes_the_sale_until_it_comes_again() {
    let mut desk = Desk::open().await;
    subscribe(&desk).await;
    let buy = awaited(&mut desk).await;
    let deadline_ms = desk.order(&buy.order()).await.deadline_ms;
    desk.resulted(&buy.attempt(), &buy.order(), PaymentResult::Captured).await;
    let paid = desk.order(&buy.order()).await;
    assert_eq!(paid.status, OrderStatus::Confirmed);
    let (balance, owed) = (desk.balance("kim").await, desk.journal("organizer_payable:%").await);
    assert!(balance > 0 && owed < 0);

    let (outcome, written) = again(&mut desk, &buy, "awaiting-1", awaiting(deadline_ms + DAY_MS)).await;
    assert_eq!(outcome, RecordOutcome::Done);
    let fact = &concluded(&written).fact;
    assert_eq!((fact.status, fact.confirmed_ms), (OrderStatus::AwaitingDeposit, None));
    assert_eq!(fact.deadline_ms, deadline_ms, "the deadline as it was");
    let states = |fact: &OrderFact| -> Vec<Option<TicketState>> {
        fact.lines.iter().map(|line| line.ticket.as_ref().map(|ticket| ticket.state)).collect()
    };
    assert_eq!(states(fact), [Some(TicketState::Suspended); 2]);
    assert!(concluded(&written).seats.iter().all(|(_, target)| *target == SeatTarget::Paying), "nobody else's");
    assert_eq!(desk.balance("kim").await, 0);
    for account in ["organizer_payable:%", "provider_receivable:%", "coupon_expense"] {
        assert_eq!(desk.journal(account).await, 0, "{account}");
    }
    assert_eq!(
        (told(&desk, NoticeKind::OrderDepositUndone).await, told(&desk, NoticeKind::TicketSuspended).await),
        (1, 2)
    );
    assert_eq!(told(&desk, NoticeKind::CouponReturned).await, 1, "it is not used any more");

    // A refund is not to be had of money that is not there.
    let (_, outcome, _) = desk.ask_refund("r", &buy.order(), RefundBy::Admin, &[(1, None)]).await;
    assert_eq!(outcome, RecordOutcome::Refused("NOT_REFUNDABLE"));

    let (_, written) = again(&mut desk, &buy, "captured-1", PaymentResult::Captured).await;
    assert_eq!(concluded(&written).fact.status, OrderStatus::Confirmed);
    assert_eq!(states(&concluded(&written).fact), [Some(TicketState::Valid); 2]);
    assert_eq!((desk.balance("kim").await, desk.journal("organizer_payable:%").await), (balance, owed));

    // Once more, and this time for good.
    again(&mut desk, &buy, "awaiting-2", awaiting(deadline_ms)).await;
    desk.now_ms = deadline_ms + 1;
    again(&mut desk, &buy, "declined-2", PaymentResult::Declined { detail: "closed".into() }).await;
    let body = RecordBody::OrderExpired { v: VERSION, order: buy.order(), reason: Reason::PaymentExpired };
    let (_, written) = desk.one("expired", body).await;
    let fact = &concluded(&written).fact;
    assert_eq!((fact.status, states(fact)), (OrderStatus::Rejected, vec![None, None]));
    assert!(concluded(&written).seats.iter().all(|(_, target)| *target == SeatTarget::Free));
    assert_eq!(told(&desk, NoticeKind::TicketVoided).await, 2);
    assert_eq!(desk.balance("kim").await, 400, "what was spent is back");
    for account in ["organizer_payable:%", "provider_receivable:%", "points_in_orders"] {
        assert_eq!(desk.journal(account).await, 0, "{account}");
    }
}

/// Points of an undone sale that were spent meanwhile are owed.
#[tokio::test]
async fn points_of_an_undone_deposit_that_are_gone_become_debt() {
    let mut desk = Desk::open().await;
    let first = buy(&desk, "a");
    desk.place(&first).await;
    desk.resulted(&first.attempt(), &first.order(), awaiting(desk.now_ms + DAY_MS)).await;
    desk.resulted(&first.attempt(), &first.order(), PaymentResult::Captured).await;
    let earned = desk.balance("kim").await;
    let second = Buy { points: earned, ..desk.buy("b", 9, &[1_000]) };
    desk.bought(&second).await;
    let left = desk.balance("kim").await;
    let until_ms = desk.now_ms + DAY_MS;
    again(&mut desk, &first, "awaiting-1", awaiting(until_ms)).await;
    let points = desk.ledger.points(&"kim".into(), desk.now_ms).await.expect("reads");
    assert_eq!((points.debt, desk.balance("kim").await), (earned - left, 0));
}

/// What may be on its way back cannot be undone: a person looks at it.
#[tokio::test]
async fn a_deposit_of_which_a_part_goes_back_is_not_undone() {
    let mut desk = Desk::open().await;
    let buy = awaited(&mut desk).await;
    desk.resulted(&buy.attempt(), &buy.order(), PaymentResult::Captured).await;
    crate::ledger::writer::hint(&desk.ledger, "sandbox", &buy.order(), desk.now_ms).await.expect("notes");
    let look = |desk: &Desk| {
        let (ledger, now_ms) = (desk.ledger.clone(), desk.now_ms);
        async move {
            let found = due_calls(&ledger, LANE, now_ms, 10, HashSet::new()).await.expect("reads");
            found.calls.into_iter().find_map(|call| match call {
                OpenCall::Look(charging) => charging.deposit.map(|deposit| deposit.stage),
                OpenCall::Charge(_) | OpenCall::Refund(_) => None,
            })
        }
    };
    assert_eq!(look(&desk).await, Some(DepositStage::Paid));
    let (refund, _, _) = desk.ask_refund("r", &buy.order(), RefundBy::Admin, &[(1, None)]).await;
    assert_eq!(look(&desk).await, Some(DepositStage::Paid), "it waits for an account, so the money is here");
    desk.ledger.name_account(&buy.order(), &refund, "sealed", desk.now_ms).await.expect("writes");
    assert_eq!(look(&desk).await, Some(DepositStage::PaidAndRefunded));
    let (outcome, _) = again(&mut desk, &buy, "awaiting-1", awaiting(0)).await;
    assert_eq!(outcome, RecordOutcome::Refused("ATTEMPT_CLOSED"));
    assert_eq!(desk.order(&buy.order()).await.status, OrderStatus::Confirmed);
}

/// Of money that is not there, nothing goes back. Once it is there again, a refund may be asked for again.
#[tokio::test]
async fn refunds_that_wait_for_an_account_fail_when_the_deposit_is_taken_back() {
    let mut desk = Desk::open().await;
    let buy = awaited(&mut desk).await;
    desk.resulted(&buy.attempt(), &buy.order(), PaymentResult::Captured).await;
    let paid = desk.order(&buy.order()).await;
    let (refund, _, _) = desk.ask_refund("r", &buy.order(), RefundBy::EventCancelled, &[]).await;
    let until_ms = desk.now_ms + DAY_MS;
    let (outcome, written) = again(&mut desk, &buy, "awaiting-1", awaiting(until_ms)).await;
    assert_eq!(outcome, RecordOutcome::Done);
    let fact = &concluded(&written).fact;
    assert_eq!(fact.status, OrderStatus::AwaitingDeposit);
    assert!(fact.lines.iter().all(|line| line.refunded == 0 && !line.closed));
    let failed = desk.refund(&refund).await;
    assert_eq!((failed.status, failed.failure.as_deref()), (RefundStatus::Failed, Some("DEPOSIT_UNDONE")));
    assert_eq!((desk.balance("kim").await, desk.journal("refunds_pending").await), (0, 0));
    // An event that was cancelled has not done with this order: it is cancelled, or refunded once it is paid.
    let left = async |desk: &Desk| {
        let left = desk.ledger.uncancelled(&"hall".into(), 9).await.expect("reads");
        left.into_iter().map(|order| order.is_paid).collect::<Vec<_>>()
    };
    assert_eq!(left(&desk).await, [false]);
    again(&mut desk, &buy, "captured-1", PaymentResult::Captured).await;
    assert_eq!(desk.order(&buy.order()).await.lines, paid.lines);
    assert_eq!(left(&desk).await, [true]);
}

#[tokio::test]
async fn who_does_not_wait_for_the_deposit_any_more_cancels() {
    let mut desk = Desk::open().await;
    let buy = awaited(&mut desk).await;
    let (outcome, written) = desk.one("c", RecordBody::OrderCancelled { v: VERSION, order: buy.order() }).await;
    assert_eq!(outcome, RecordOutcome::Done);
    assert_eq!(concluded(&written).fact.reason, Some(Reason::Cancelled));
    assert_eq!(desk.balance("kim").await, 400);
    assert_eq!(stage(&desk).await, Some(DepositStage::Unwanted), "the account is closed next");

    // The money was faster. It goes back as soon as the buyer says where.
    let (_, written) = desk.resulted(&buy.attempt(), &buy.order(), PaymentResult::Captured).await;
    assert_eq!(concluded(&written).fact.status, OrderStatus::Rejected);
    let refund = &concluded(&written).refunds[0];
    assert_eq!((refund.status, refund.cash), (RefundStatus::AwaitingAccount, 1_000));
    assert_eq!(desk.journal("deposits_in_suspense").await, -1_000);
    assert_eq!(written.calls, [], "nothing can be sent yet");
}

/// A card is not a deposit: an account that a provider gives all the same is not waited for.
#[tokio::test]
async fn an_account_that_nobody_asked_for_is_not_waited_for() {
    let mut desk = Desk::open().await;
    let buy = desk.buy("a", 0, &[1_000]);
    desk.place(&buy).await;
    let (outcome, _) = desk.resulted(&buy.attempt(), &buy.order(), awaiting(desk.now_ms + DAY_MS)).await;
    assert_eq!(outcome, RecordOutcome::Refused("NO_DEPOSIT"));
    assert_eq!(desk.order(&buy.order()).await.status, OrderStatus::Paying);
}
