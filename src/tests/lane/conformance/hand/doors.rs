//! Cases of `checkout`, `pay`, `cancel` and `refund`, and of reading orders.

use std::sync::Arc;

use stanchion::facts::conclusion::SeatTarget;
use stanchion::facts::fault::Fault;
use stanchion::facts::hold::{HoldFact, HoldState};
use stanchion::facts::ids::LogId;
use stanchion::facts::order::{OrderFact, OrderStatus, PaymentFact, Reason};
use stanchion::facts::record::RecordBody;
use stanchion::facts::refund::{RefundBy, RefundStatus};
use stanchion::facts::room::Mode;
use stanchion::facts::terms::RefundTerm;
use stanchion::lane::Lane;
use stanchion::lane::orders::{
    Cancel, CancelOutcome, Checkout, CheckoutOutcome, Pay, PayOutcome, Refund, RefundOutcome,
};

use super::cases;
use super::stage::{HALL, conclude, hall, hall_with, held, inside, ordered, placed, seats};
use crate::lane::conformance::ask::{self, PRICE, SECOND, START};

cases![
    a_checkout_turns_a_hold_into_a_record,
    a_repeated_checkout_shows_the_order,
    checkouts_are_refused_in_order,
    a_hold_is_ordered_in_any_mode,
    a_checkout_keeps_its_visitor_inside,
    a_payment_is_asked_for_once,
    payments_are_refused_in_order,
    a_conclusion_ends_what_is_pending,
    an_order_is_cancelled_once,
    cancellations_are_refused_in_order,
    a_refund_is_asked_for_once,
    refunds_are_refused_in_order,
    the_buyers_time_for_refunds_ends,
    lines_are_judged_as_asked,
    unknown_orders_and_refunds_are_none,
];

async fn shown(lane: &Arc<dyn Lane>, key: &str) -> OrderFact {
    let found = lane.orders(&[ask::order_id(key)]).await.expect("an answer").pop();
    found.flatten().expect("the order")
}

async fn a_checkout_turns_a_hold_into_a_record(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0, 1]).await;
    let checkout = ask::checkout(HALL, "o", "h", "kim", START + SECOND);
    let (fact, record) = (checkout.fact.clone(), checkout.record.clone());
    let outcome = lane.checkout(START + SECOND, checkout).await.expect("an answer");
    assert_eq!(outcome, CheckoutOutcome::Placed(LogId(2)));
    assert_eq!(seats(&lane).await, "ppffffffffff");
    let ordered = HoldFact { state: HoldState::Ordered, order: Some(fact.id.clone()), ..hold.clone() };
    let read = lane.get_hold(START + SECOND, &hold.event, &hold.id).await.expect("an answer");
    assert_eq!(read, Some(ordered.clone()));
    assert_eq!(shown(&lane, "o").await, fact);
    let log = lane.read_log(LogId(0), 10).await.expect("an answer");
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].log, &log[0].id, log[0].at_ms), (LogId(2), &record.id, START + SECOND));
    assert_eq!(serde_json::from_str::<RecordBody>(&log[0].body).expect("a body"), record.body);
    assert_eq!((log[0].hold.as_ref(), log[0].number), (Some(&ordered), None));
    // Seats that are being paid for have a deadline and no TTL, so the sweep leaves them.
    lane.pulse(hold.expires_ms, ask::pulse(HALL)).await.expect("an answer");
    assert_eq!(seats(&lane).await, "ppffffffffff");
}

async fn a_repeated_checkout_shows_the_order(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let (_, fact) = ordered(&lane, "o", &[0], OrderStatus::PendingPayment).await;
    let again = || ask::checkout(HALL, "o", "o", "kim", START);
    let outcome = lane.checkout(START, again()).await.expect("an answer");
    assert_eq!(outcome, CheckoutOutcome::Repeated(fact.clone()));
    let mut other = again();
    other.fact.digest = "other".to_owned();
    assert_eq!(lane.checkout(START, other).await.expect("an answer"), CheckoutOutcome::KeyReused);
    lane.pay(START, ask::pay("o", "p", "kim", PRICE)).await.expect("an answer");
    let paying = OrderFact { status: OrderStatus::Paying, ..fact };
    let outcome = lane.checkout(START, again()).await.expect("an answer");
    assert_eq!(outcome, CheckoutOutcome::Repeated(paying), "with what is pending");
}

async fn checkouts_are_refused_in_order(lane: Arc<dyn Lane>) {
    let checkout = async |at, key: &str, hold: &str, who: &str, log_max| {
        let ask = Checkout { log_max, ..ask::checkout(HALL, key, hold, who, at) };
        lane.checkout(at, ask).await.expect("an answer")
    };
    assert_eq!(checkout(START, "o", "h", "kim", 0).await, CheckoutOutcome::NotFound, "no event");
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    assert_eq!(checkout(START, "o", "h", "kim", 0).await, CheckoutOutcome::NotFound);
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    assert_eq!(checkout(START, "o", "h", "lee", 0).await, CheckoutOutcome::NotOwner);
    assert_eq!(checkout(hold.expires_ms, "o", "h", "kim", 0).await, CheckoutOutcome::Expired);
    assert_eq!(checkout(START, "o", "h", "kim", 0).await, CheckoutOutcome::Full);
    assert_eq!(seats(&lane).await, "hfffffffffff");
    held(&lane, START, "i", "kim", &[1]).await;
    lane.release(START, ask::release(HALL, "i", "kim")).await.expect("an answer");
    assert_eq!(checkout(START, "o", "i", "kim", 0).await, CheckoutOutcome::Released);
    held(&lane, START, "j", "kim", &[1]).await;
    assert_eq!(checkout(START, "o", "h", "kim", 1).await, CheckoutOutcome::Placed(LogId(2)));
    assert_eq!(checkout(START, "p", "h", "kim", 0).await, CheckoutOutcome::AlreadyOrdered);
    assert_eq!(checkout(START, "p", "j", "kim", 1).await, CheckoutOutcome::Full, "one record waits");
    lane.pulse(hold.expires_ms, ask::pulse(HALL)).await.expect("an answer");
    assert_eq!(checkout(START, "p", "j", "kim", 9).await, CheckoutOutcome::Expired, "swept");
}

async fn a_hold_is_ordered_in_any_mode(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    hall_with(&lane, |put| put.room.mode = Mode::Closed).await;
    placed(&lane, START, "o", &hold, "h").await;
}

async fn a_checkout_keeps_its_visitor_inside(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    let at = START + 25 * SECOND;
    placed(&lane, at, "o", &hold, "h").await;
    let until = lane.inside(at, &ask::event(HALL), &ask::visitor("kim")).await.expect("an answer");
    assert_eq!(until, Some(at + ask::PAYMENT_TTL_MS));
}

async fn a_payment_is_asked_for_once(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let (_, fact) = ordered(&lane, "o", &[0, 1], OrderStatus::PendingPayment).await;
    let ask = || ask::pay("o", "p", "kim", 2 * PRICE);
    let paying = OrderFact { status: OrderStatus::Paying, ..fact };
    assert_eq!(lane.pay(START, ask()).await.expect("an answer"), PayOutcome::Accepted(paying.clone()));
    assert_eq!(lane.pay(START, ask()).await.expect("an answer"), PayOutcome::Repeated(paying.clone()));
    let other = Pay { digest: "other".to_owned(), ..ask() };
    assert_eq!(lane.pay(START, other).await.expect("an answer"), PayOutcome::KeyReused);
    assert_eq!(shown(&lane, "o").await, paying);
    let log = lane.read_log(LogId(2), 10).await.expect("an answer");
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].id, ask().record.id);
}

async fn payments_are_refused_in_order(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let pay = async |at, key: &str, who: &str, amount, log_max| {
        let ask = Pay { log_max, ..ask::pay(key, "p", who, amount) };
        lane.pay(at, ask).await.expect("an answer")
    };
    assert_eq!(pay(START, "o", "kim", PRICE, 0).await, PayOutcome::NotFound);
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    let order = placed(&lane, START, "o", &hold, "h").await;
    assert_eq!(pay(START, "o", "lee", PRICE, 0).await, PayOutcome::NotOwner);
    assert_eq!(pay(START, "o", "kim", PRICE, 0).await, PayOutcome::NotPayable, "not yet: accepted");
    conclude(&lane, START, ask::conclusion(&hold, &order, 1, OrderStatus::Paying, SeatTarget::Paying)).await;
    assert_eq!(pay(START, "o", "kim", 1, 0).await, PayOutcome::InProgress);
    conclude(&lane, START, ask::conclusion(&hold, &order, 2, OrderStatus::PendingPayment, SeatTarget::Paying)).await;
    assert_eq!(pay(order.deadline_ms, "o", "kim", 1, 0).await, PayOutcome::NotPayable, "over");
    assert_eq!(pay(order.deadline_ms - 1, "o", "kim", 1, 0).await, PayOutcome::AmountMismatch { due: PRICE });
    let mut declined = ask::conclusion(&hold, &order, 3, OrderStatus::PendingPayment, SeatTarget::Paying);
    let provider = "sandbox".to_owned();
    let attempts = |attempts| {
        let (provider, status) = (provider.clone(), "declined".to_owned());
        Some(PaymentFact { provider, status, attempts, captured: 0, cancelled: 0 })
    };
    declined.fact.payment = attempts(10);
    conclude(&lane, START, declined.clone()).await;
    assert_eq!(pay(START, "o", "kim", 1, 0).await, PayOutcome::TooMany);
    (declined.fact.payment, declined.fact.version) = (attempts(9), 4);
    conclude(&lane, START, declined).await;
    assert_eq!(pay(START, "o", "kim", PRICE, 1).await, PayOutcome::Full);
    assert!(matches!(pay(START, "o", "kim", PRICE, 2).await, PayOutcome::Accepted(_)), "refusals are not kept");
    let second = ask::pay("o", "q", "kim", PRICE);
    assert_eq!(lane.pay(START, second).await.expect("an answer"), PayOutcome::InProgress);
    conclude(&lane, START, ask::conclusion(&hold, &order, 5, OrderStatus::Confirmed, SeatTarget::Sold)).await;
    let third = ask::pay("o", "r", "kim", PRICE);
    assert_eq!(lane.pay(START, third).await.expect("an answer"), PayOutcome::NotPayable);
}

async fn a_conclusion_ends_what_is_pending(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let (hold, fact) = ordered(&lane, "o", &[0], OrderStatus::PendingPayment).await;
    lane.pay(START, ask::pay("o", "p", "kim", PRICE)).await.expect("an answer");
    let stale = ask::conclusion(&hold, &fact, 1, OrderStatus::PendingPayment, SeatTarget::Paying);
    conclude(&lane, START, stale).await;
    assert_eq!(shown(&lane, "o").await.status, OrderStatus::Paying, "an equal version says nothing new");
    let declined = ask::conclusion(&hold, &fact, 2, OrderStatus::PendingPayment, SeatTarget::Paying);
    conclude(&lane, START, declined).await;
    assert_eq!(shown(&lane, "o").await.status, OrderStatus::PendingPayment);
    let again = lane.pay(START, ask::pay("o", "q", "kim", PRICE)).await.expect("an answer");
    assert!(matches!(again, PayOutcome::Accepted(_)), "another attempt: {again:?}");
    let first = lane.pay(START, ask::pay("o", "p", "kim", PRICE)).await.expect("an answer");
    assert!(matches!(first, PayOutcome::Repeated(_)), "the first is remembered: {first:?}");
}

async fn an_order_is_cancelled_once(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let (hold, fact) = ordered(&lane, "o", &[0], OrderStatus::PendingPayment).await;
    let cancel = async || lane.cancel(START, ask::cancel("o", "kim")).await.expect("an answer");
    assert_eq!(cancel().await, CancelOutcome::Accepted(fact.clone()), "shown as it is until the writer has spoken");
    assert_eq!(cancel().await, CancelOutcome::Accepted(fact.clone()));
    assert_eq!(lane.read_log(LogId(2), 10).await.expect("an answer").len(), 1);
    let pay = lane.pay(START, ask::pay("o", "p", "kim", PRICE)).await.expect("an answer");
    assert_eq!(pay, PayOutcome::NotPayable);
    let mut cancelled = ask::conclusion(&hold, &fact, 2, OrderStatus::Rejected, SeatTarget::Free);
    cancelled.fact.reason = Some(Reason::Cancelled);
    conclude(&lane, START, cancelled.clone()).await;
    assert_eq!(cancel().await, CancelOutcome::Accepted(cancelled.fact));
    assert_eq!(lane.read_log(LogId(2), 10).await.expect("an answer").len(), 1);
}

async fn cancellations_are_refused_in_order(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let cancel = async |who: &str| -> CancelOutcome {
        let ask: Cancel = ask::cancel("o", who);
        lane.cancel(START, ask).await.expect("an answer")
    };
    assert_eq!(cancel("kim").await, CancelOutcome::NotFound);
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    let order = placed(&lane, START, "o", &hold, "h").await;
    assert_eq!(cancel("lee").await, CancelOutcome::NotOwner);
    assert_eq!(cancel("kim").await, CancelOutcome::NotCancellable, "not yet: accepted");
    let mut version = 0;
    let mut concluded = async |status, target| {
        version += 1;
        conclude(&lane, START, ask::conclusion(&hold, &order, version, status, target)).await;
    };
    concluded(OrderStatus::Paying, SeatTarget::Paying).await;
    assert_eq!(cancel("kim").await, CancelOutcome::InProgress);
    concluded(OrderStatus::PendingPayment, SeatTarget::Paying).await;
    lane.pay(START, ask::pay("o", "p", "kim", PRICE)).await.expect("an answer");
    assert_eq!(cancel("kim").await, CancelOutcome::InProgress, "a payment is on its way");
    concluded(OrderStatus::Confirmed, SeatTarget::Sold).await;
    assert_eq!(cancel("kim").await, CancelOutcome::NotCancellable);
}

async fn a_refund_is_asked_for_once(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    ordered(&lane, "o", &[0, 1], OrderStatus::Confirmed).await;
    let ask = || ask::refund("o", "r", Some("kim"), &[(1, None)]);
    let fact = ask().fact;
    assert_eq!(lane.refund(START, ask()).await.expect("an answer"), RefundOutcome::Accepted);
    assert_eq!(lane.refund(START, ask()).await.expect("an answer"), RefundOutcome::Repeated(fact.clone()));
    let other = Refund { digest: "other".to_owned(), ..ask() };
    assert_eq!(lane.refund(START, other).await.expect("an answer"), RefundOutcome::KeyReused);
    assert_eq!(lane.get_refund(&fact.id).await.expect("an answer"), Some(fact.clone()));
    let log = lane.read_log(LogId(2), 10).await.expect("an answer");
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].id, ask().record.id);
    let by_admin = ask::refund("o", "s", None, &[(1, Some(10_000))]);
    assert_eq!(lane.refund(START, by_admin).await.expect("an answer"), RefundOutcome::Accepted, "the writer decides");
}

async fn refunds_are_refused_in_order(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let refund = async |who: Option<&str>, line, log_max| {
        let ask = Refund { log_max, ..ask::refund("o", "r", who, &[(line, None)]) };
        lane.refund(START, ask).await.expect("an answer")
    };
    assert_eq!(refund(Some("kim"), 9, 0).await, RefundOutcome::NotFound);
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    let order = placed(&lane, START, "o", &hold, "h").await;
    assert_eq!(refund(Some("lee"), 9, 0).await, RefundOutcome::NotOwner);
    assert_eq!(refund(None, 9, 0).await, RefundOutcome::NotRefundable, "accepted");
    let mut version = 0;
    for (status, target) in [
        (OrderStatus::PendingPayment, SeatTarget::Paying),
        (OrderStatus::Paying, SeatTarget::Paying),
        (OrderStatus::Confirmed, SeatTarget::Sold),
        (OrderStatus::PartiallyRefunded, SeatTarget::Sold),
        (OrderStatus::Refunded, SeatTarget::Free),
    ] {
        version += 1;
        conclude(&lane, START, ask::conclusion(&hold, &order, version, status, target)).await;
        let expected = match status {
            OrderStatus::Confirmed | OrderStatus::PartiallyRefunded => RefundOutcome::LineNotFound { line: 9 },
            _ => RefundOutcome::NotRefundable,
        };
        assert_eq!(refund(Some("kim"), 9, 0).await, expected, "{status:?}");
    }
}

async fn the_buyers_time_for_refunds_ends(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    let order = placed(&lane, START, "o", &hold, "h").await;
    let mut conclusion = ask::conclusion(&hold, &order, 1, OrderStatus::Confirmed, SeatTarget::Sold);
    let until = |ms| RefundTerm { until_ms: Some(START + ms), fee_bp: 0 };
    conclusion.fact.refund_terms = vec![until(SECOND), until(2 * SECOND)];
    conclude(&lane, START, conclusion).await;
    let refund = async |who: Option<&str>, by, ms, key: &str| {
        let ask = Refund { by, ..ask::refund("o", key, who, &[(1, Some(1))]) };
        lane.refund(START + ms, ask).await.expect("an answer")
    };
    let buyer = Some("kim");
    assert_eq!(refund(buyer, RefundBy::Buyer, 2 * SECOND - 1, "a").await, RefundOutcome::Accepted);
    assert_eq!(refund(buyer, RefundBy::Buyer, 2 * SECOND, "b").await, RefundOutcome::Closed);
    let repeated = refund(buyer, RefundBy::Buyer, 2 * SECOND, "a").await;
    assert!(matches!(repeated, RefundOutcome::Repeated(_)), "a repeat is answered before: {repeated:?}");
    assert_eq!(refund(buyer, RefundBy::BuyerAfterChange, 2 * SECOND, "c").await, RefundOutcome::Accepted);
    assert_eq!(refund(None, RefundBy::Admin, 2 * SECOND, "d").await, RefundOutcome::Accepted);
}

async fn lines_are_judged_as_asked(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0, 1, 2]).await;
    let order = placed(&lane, START, "o", &hold, "h").await;
    let mut conclusion = ask::conclusion(&hold, &order, 1, OrderStatus::PartiallyRefunded, SeatTarget::Sold);
    let lines = &mut conclusion.fact.lines;
    lines[0].closed = true;
    (lines[1].discount, lines[1].refunded) = (5_000, 10_000);
    conclude(&lane, START, conclusion).await;
    let refund = async |lines: &[(u32, Option<i64>)], log_max| {
        let ask = Refund { log_max, ..ask::refund("o", "r", Some("kim"), lines) };
        lane.refund(START, ask).await
    };
    let outcome = async |lines: &[(u32, Option<i64>)]| refund(lines, 0).await.expect("an answer");
    assert_eq!(outcome(&[(4, None)]).await, RefundOutcome::LineNotFound { line: 4 });
    assert_eq!(outcome(&[(1, None)]).await, RefundOutcome::OverRefund { line: 1 }, "closed");
    assert_eq!(outcome(&[(1, Some(1))]).await, RefundOutcome::OverRefund { line: 1 }, "closed");
    assert_eq!(outcome(&[(2, Some(40_001))]).await, RefundOutcome::OverRefund { line: 2 });
    assert_eq!(
        outcome(&[(3, None), (2, Some(40_000))]).await,
        RefundOutcome::Full,
        "the lines are right, but the log is full"
    );
    assert_eq!(
        outcome(&[(1, None), (4, None)]).await,
        RefundOutcome::OverRefund { line: 1 },
        "the first wrong line is named"
    );
    assert_eq!(outcome(&[(4, None), (1, None)]).await, RefundOutcome::LineNotFound { line: 4 });
    for amount in [0, -1] {
        let answer = refund(&[(2, Some(amount))], 9).await;
        assert!(matches!(answer, Err(Fault::Contract { .. })), "{answer:?}");
    }
    assert_eq!(refund(&[(2, Some(40_000))], 9).await.expect("an answer"), RefundOutcome::Accepted);
    let fact = lane.get_refund(&ask::refund_id("o", "r")).await.expect("an answer").expect("the refund");
    assert_eq!(fact.status, RefundStatus::Requested);
}

async fn unknown_orders_and_refunds_are_none(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    ordered(&lane, "o", &[0], OrderStatus::PendingPayment).await;
    let ids = ["x", "o", "y"].map(ask::order_id);
    let found = lane.orders(&ids).await.expect("an answer");
    let found: Vec<bool> = found.iter().map(Option::is_some).collect();
    assert_eq!(found, [false, true, false], "in the order asked");
    assert_eq!(lane.orders(&[]).await.expect("an answer"), vec![]);
    assert_eq!(lane.get_refund(&ask::refund_id("o", "r")).await.expect("an answer"), None);
}
