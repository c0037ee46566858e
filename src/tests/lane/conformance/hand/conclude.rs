//! Cases of `conclude`.

use std::sync::Arc;

use stanchion::facts::conclusion::{Conclusion, SeatTarget};
use stanchion::facts::hold::HoldState;
use stanchion::facts::ids::LogId;
use stanchion::facts::order::{OrderFact, OrderStatus, Reason};
use stanchion::facts::place::PlaceState;
use stanchion::facts::refund::{RefundFact, RefundStatus};
use stanchion::facts::room::ReleaseOn;
use stanchion::lane::orders::{CheckoutOutcome, RefundOutcome};
use stanchion::lane::{Lane, RECENT_MAX};

use super::cases;
use super::stage::{HALL, conclude, entered, hall, hall_with, held, inside, ordered, placed, polled, seats};
use crate::lane::conformance::ask;
use crate::lane::conformance::ask::{DAY, SECOND, START};

cases![
    a_confirmed_order_has_its_seats_and_its_buyer_leaves,
    who_holds_more_stays,
    who_may_stay_stays,
    who_entered_again_keeps_the_new_place,
    a_rejected_order_frees_its_seats,
    refused_before_payment_goes_back_to_the_hold,
    an_older_or_equal_version_is_skipped,
    a_late_duplicate_never_frees_the_next_buyers_seat,
    a_refund_frees_its_seats,
    refunds_only_go_forward,
    an_order_the_lane_does_not_know_is_stored,
    rejected_and_refunded_orders_are_kept_a_day,
    of_refused_orders_the_last_twenty_stay_whole,
    a_paid_order_leaves_when_its_time_is_over,
    an_id_used_again_later_keeps_no_seats,
    a_conclusion_trims_the_log,
];

async fn status(lane: &Arc<dyn Lane>, order: &OrderFact) -> Option<OrderStatus> {
    let found = lane.orders(std::slice::from_ref(&order.id)).await.expect("an answer").pop();
    found.flatten().map(|order| order.status)
}

async fn a_confirmed_order_has_its_seats_and_its_buyer_leaves(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let kim = inside(&lane, START, "kim").await;
    let (hold, fact) = ordered(&lane, "o", &[0, 1], OrderStatus::Confirmed).await;
    assert_eq!(seats(&lane).await, "ssffffffffff");
    assert_eq!(status(&lane, &fact).await, Some(OrderStatus::Confirmed));
    let counts = lane.room(START, &ask::event(HALL)).await.expect("an answer").expect("the event");
    assert_eq!((counts.inside, counts.sold, counts.paying), (0, 2, 0));
    assert_eq!(polled(&lane, START, &kim).await, PlaceState::Done);
    let read = lane.get_hold(START, &hold.event, &hold.id).await.expect("an answer").expect("the hold");
    assert_eq!((read.state, read.order), (HoldState::Ordered, Some(fact.id)));
    let dump = lane.dump_event(&ask::event(HALL)).await.expect("an answer").expect("the event");
    assert_eq!(dump.taken, [("kim".to_owned(), 2)], "sold seats count for the limit");
}

async fn who_holds_more_stays(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let kim = inside(&lane, START, "kim").await;
    held(&lane, START, "more", "kim", &[5]).await;
    ordered(&lane, "o", &[0], OrderStatus::Confirmed).await;
    assert!(matches!(polled(&lane, START, &kim).await, PlaceState::Admitted { .. }), "a hold is open");
    lane.release(START, ask::release(HALL, "more", "kim")).await.expect("an answer");
    assert!(matches!(polled(&lane, START, &kim).await, PlaceState::Admitted { .. }), "a release makes nobody leave");
    ordered(&lane, "p", &[1], OrderStatus::Confirmed).await;
    assert_eq!(polled(&lane, START, &kim).await, PlaceState::Done);
}

async fn who_may_stay_stays(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.release_on = ReleaseOn::Exit).await;
    let kim = inside(&lane, START, "kim").await;
    ordered(&lane, "o", &[0], OrderStatus::Confirmed).await;
    assert!(matches!(polled(&lane, START, &kim).await, PlaceState::Admitted { .. }));
}

async fn who_entered_again_keeps_the_new_place(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 1).await;
    let kim = inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    let order = placed(&lane, START, "o", &hold, "h").await;
    lane.leave(START, kim).await.expect("an answer");
    inside(&lane, START, "lee").await;
    let (again, _) = entered(&lane, START, "kim").await;
    conclude(&lane, START, ask::conclusion(&hold, &order, 1, OrderStatus::Confirmed, SeatTarget::Sold)).await;
    assert_eq!(polled(&lane, START, &again).await, PlaceState::Waiting { ahead: 0 });
}

async fn a_rejected_order_frees_its_seats(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let kim = inside(&lane, START, "kim").await;
    let (hold, _) = ordered(&lane, "o", &[0, 1], OrderStatus::Rejected).await;
    assert_eq!(seats(&lane).await, "ffffffffffff");
    let dump = lane.dump_event(&hold.event).await.expect("an answer").expect("the event");
    assert_eq!(dump.taken, []);
    assert!(matches!(polled(&lane, START, &kim).await, PlaceState::Admitted { .. }), "the buyer may try again");
    held(&lane, START, "again", "kim", &[0, 1, 2, 3]).await;
}

async fn refused_before_payment_goes_back_to_the_hold(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0, 1]).await;
    let order = placed(&lane, START, "o", &hold, "h").await;
    let mut refused = ask::conclusion(&hold, &order, 1, OrderStatus::Rejected, SeatTarget::Held);
    refused.fact.reason = Some(Reason::PriceChanged);
    refused.held_until_ms = Some(START + 90 * SECOND);
    conclude(&lane, START, refused.clone()).await;
    assert_eq!(seats(&lane).await, "hhffffffffff");
    let read = lane.get_hold(START, &hold.event, &hold.id).await.expect("an answer").expect("the hold");
    assert_eq!((read.state, read.order, read.expires_ms), (HoldState::Held, None, START + 90 * SECOND));
    let until = lane.inside(START, &hold.event, &hold.visitor).await.expect("an answer");
    assert_eq!(until, Some(START + 90 * SECOND));
    // The same conclusion in a newer version changes nothing, and the hold can be ordered a second time.
    conclude(&lane, START, Conclusion { fact: OrderFact { version: 2, ..refused.fact.clone() }, ..refused }).await;
    assert_eq!(seats(&lane).await, "hhffffffffff");
    let second = placed(&lane, START, "p", &hold, "h").await;
    conclude(&lane, START, ask::conclusion(&hold, &second, 1, OrderStatus::Confirmed, SeatTarget::Sold)).await;
    assert_eq!(seats(&lane).await, "ssffffffffff");
    let counts = lane.room(START, &hold.event).await.expect("an answer").expect("the event");
    assert_eq!(counts.inside, 0, "the hold was open all the time, and closed once");
}

async fn an_older_or_equal_version_is_skipped(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    let order = placed(&lane, START, "o", &hold, "h").await;
    conclude(&lane, START, ask::conclusion(&hold, &order, 3, OrderStatus::PendingPayment, SeatTarget::Paying)).await;
    for version in [2, 3] {
        conclude(&lane, START, ask::conclusion(&hold, &order, version, OrderStatus::Rejected, SeatTarget::Free)).await;
        assert_eq!(seats(&lane).await, "pfffffffffff");
        assert_eq!(status(&lane, &order).await, Some(OrderStatus::PendingPayment));
    }
}

async fn a_late_duplicate_never_frees_the_next_buyers_seat(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    inside(&lane, START, "lee").await;
    let (hold, fact) = ordered(&lane, "o", &[0], OrderStatus::Rejected).await;
    held(&lane, START, "next", "lee", &[0]).await;
    conclude(&lane, START, ask::conclusion(&hold, &fact, 2, OrderStatus::Rejected, SeatTarget::Free)).await;
    conclude(&lane, START, ask::conclusion(&hold, &fact, 3, OrderStatus::Confirmed, SeatTarget::Sold)).await;
    assert_eq!(seats(&lane).await, "hfffffffffff");
    let dump = lane.dump_event(&hold.event).await.expect("an answer").expect("the event");
    assert_eq!(dump.taken, [("lee".to_owned(), 1)]);
}

async fn a_refund_frees_its_seats(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let (hold, fact) = ordered(&lane, "o", &[0, 1], OrderStatus::Confirmed).await;
    let mut part = ask::conclusion(&hold, &fact, 2, OrderStatus::PartiallyRefunded, SeatTarget::Sold);
    part.seats[1].1 = SeatTarget::Free;
    conclude(&lane, START, part).await;
    assert_eq!(seats(&lane).await, "sfffffffffff");
    conclude(&lane, START, ask::conclusion(&hold, &fact, 3, OrderStatus::Refunded, SeatTarget::Free)).await;
    assert_eq!(seats(&lane).await, "ffffffffffff");
    let dump = lane.dump_event(&hold.event).await.expect("an answer").expect("the event");
    assert_eq!((dump.taken, dump.owners), (vec![], vec![]));
}

async fn refunds_only_go_forward(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let (hold, fact) = ordered(&lane, "o", &[0], OrderStatus::Confirmed).await;
    let refund = |status, cash| RefundFact { cash, ..ask::refund_fact("o", "r", status) };
    let show = async |version, refund: RefundFact| {
        let conclusion = ask::conclusion(&hold, &fact, version, OrderStatus::Confirmed, SeatTarget::Sold);
        conclude(&lane, START, Conclusion { refunds: vec![refund], ..conclusion }).await;
        lane.get_refund(&ask::refund_id("o", "r")).await.expect("an answer").expect("the refund")
    };
    let sent = refund(RefundStatus::Sent, 2);
    assert_eq!(show(1, sent.clone()).await, sent, "a refund goes forward though the order is no newer");
    assert_eq!(
        show(2, refund(RefundStatus::Requested, 1)).await,
        sent,
        "a refund does not go back though the order is newer"
    );
    let failed = refund(RefundStatus::Failed, 3);
    assert_eq!(show(2, failed.clone()).await, failed);
    let done = refund(RefundStatus::Done, 4);
    assert_eq!(show(2, done.clone()).await, done, "an equal one replaces");
    let repeated = lane.refund(START, ask::refund("o", "r", Some("kim"), &[(1, None)])).await.expect("an answer");
    assert_eq!(repeated, RefundOutcome::Repeated(done));
}

async fn an_order_the_lane_does_not_know_is_stored(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    let order = ask::checkout(HALL, "o", "h", "kim", START).fact;
    conclude(&lane, START, ask::conclusion(&hold, &order, 1, OrderStatus::Confirmed, SeatTarget::Sold)).await;
    assert_eq!(status(&lane, &order).await, Some(OrderStatus::Confirmed));
    assert_eq!(seats(&lane).await, "hfffffffffff", "the seat still belongs to the hold");
    let elsewhere = ask::checkout("nowhere", "p", "h", "kim", START).fact;
    let conclusion = ask::conclusion(&hold, &elsewhere, 1, OrderStatus::Confirmed, SeatTarget::Sold);
    lane.conclude(START, &ask::event("nowhere"), vec![conclusion], None).await.expect("an answer");
    assert_eq!(status(&lane, &elsewhere).await, None, "no such event, no such order");
}

async fn rejected_and_refunded_orders_are_kept_a_day(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let (_, rejected) = ordered(&lane, "o", &[0], OrderStatus::Rejected).await;
    let (hold, confirmed) = ordered(&lane, "p", &[1], OrderStatus::Confirmed).await;
    inside(&lane, START, "kim").await;
    let (_, kept) = ordered(&lane, "q", &[2], OrderStatus::Confirmed).await;
    let refunded = ask::conclusion(&hold, &confirmed, 2, OrderStatus::Refunded, SeatTarget::Free);
    let refund = ask::refund_fact("p", "r", RefundStatus::Done);
    conclude(&lane, START + SECOND, Conclusion { refunds: vec![refund.clone()], ..refunded }).await;
    let pulse = async |at| lane.pulse(at, ask::pulse(HALL)).await.expect("an answer");
    pulse(START + DAY - 1).await;
    assert_eq!(status(&lane, &rejected).await, Some(OrderStatus::Rejected));
    pulse(START + DAY).await;
    assert_eq!(status(&lane, &rejected).await, None);
    assert_eq!(status(&lane, &confirmed).await, Some(OrderStatus::Refunded));
    pulse(START + DAY + SECOND).await;
    assert_eq!(status(&lane, &confirmed).await, None);
    assert_eq!(lane.get_refund(&refund.id).await.expect("an answer"), None, "its refunds leave with it");
    assert_eq!(status(&lane, &kept).await, Some(OrderStatus::Confirmed));
    let hold = lane.get_hold(START, &hold.event, &hold.id).await.expect("an answer");
    assert_eq!(hold, None, "holds end when their order becomes final");
}

async fn of_refused_orders_the_last_twenty_stay_whole(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    let key = |at: usize| format!("o{at}");
    let mut placed_ones = vec![];
    for at in 0..=RECENT_MAX {
        let fact = placed(&lane, START, &key(at), &hold, "h").await;
        let refused = ask::conclusion(&hold, &fact, 3, OrderStatus::Rejected, SeatTarget::Held);
        let refund = ask::refund_fact(&key(at), "r", RefundStatus::Done);
        conclude(&lane, START, Conclusion { refunds: vec![refund], ..refused }).await;
        placed_ones.push(fact);
    }
    let (first, second) = (&placed_ones[0], &placed_ones[1]);
    assert_eq!(status(&lane, first).await, None, "the oldest is one too many");
    assert_eq!(
        lane.get_refund(&ask::refund_id(&key(0), "r")).await.expect("an answer"),
        None,
        "its refunds leave with it"
    );
    assert_eq!(status(&lane, second).await, Some(OrderStatus::Rejected));

    let repeat = |digest: &str| {
        let mut repeat = ask::checkout(HALL, &key(0), "h", "kim", START);
        repeat.fact.digest = digest.to_owned();
        repeat
    };
    let again = async |digest: &str| lane.checkout(START, repeat(digest)).await.expect("an answer");
    assert_eq!(again("d").await, CheckoutOutcome::Past, "not a new order");
    assert_eq!(again("other").await, CheckoutOutcome::KeyReused);
    assert_eq!(lane.read_log(LogId(0), 100).await.expect("an answer").len(), RECENT_MAX + 1, "nothing was appended");

    // A conclusion in the version that the lane had changes nothing. A newer one does.
    let concluded = |version| ask::conclusion(&hold, first, version, OrderStatus::Confirmed, SeatTarget::Sold);
    conclude(&lane, START, concluded(3)).await;
    assert_eq!(status(&lane, first).await, None);
    conclude(&lane, START, concluded(4)).await;
    assert_eq!(status(&lane, first).await, Some(OrderStatus::Confirmed));
    assert!(matches!(again("d").await, CheckoutOutcome::Repeated(_)));

    // After a day all refused orders are dropped.
    lane.pulse(START + DAY, ask::pulse(HALL)).await.expect("an answer");
    assert_eq!(status(&lane, second).await, None);
    let dump = lane.dump_event(&hold.event).await.expect("an answer").expect("the event");
    assert_eq!(dump.orders.len(), 1, "the confirmed one: {:?}", dump.orders);
}

async fn a_paid_order_leaves_when_its_time_is_over(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0, 1]).await;
    let order = placed(&lane, START, "o", &hold, "h").await;
    let mut paid = ask::conclusion(&hold, &order, 1, OrderStatus::Confirmed, SeatTarget::Sold);
    paid.refundable_until_ms = START + 5 * SECOND;
    conclude(&lane, START, paid.clone()).await;
    let pulse = async |at| lane.pulse(at, ask::pulse(HALL)).await.expect("an answer");
    pulse(START + DAY + 5 * SECOND - 1).await;
    assert_eq!(status(&lane, &order).await, Some(OrderStatus::Confirmed));
    pulse(START + DAY + 5 * SECOND).await;
    assert_eq!(status(&lane, &order).await, None);
    assert_eq!(seats(&lane).await, "ssffffffffff", "its seats stay sold");

    // The ledger concludes it again, because a refund is to follow.
    let later = START + 9 * DAY;
    conclude(&lane, later, Conclusion { seats: vec![], ..paid.clone() }).await;
    assert_eq!(status(&lane, &order).await, Some(OrderStatus::Confirmed));
    let refunded = ask::conclusion(&hold, &order, 2, OrderStatus::Refunded, SeatTarget::Free);
    conclude(&lane, later, refunded).await;
    assert_eq!(seats(&lane).await, "ffffffffffff", "they were the order's all the time");
    let dump = lane.dump_event(&hold.event).await.expect("an answer").expect("the event");
    assert_eq!(dump.taken, [], "and are counted as given back");
}

async fn an_id_used_again_later_keeps_no_seats(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let first = held(&lane, START, "h", "kim", &[0, 1]).await;
    let order = placed(&lane, START, "o", &first, "h").await;
    let mut paid = ask::conclusion(&first, &order, 1, OrderStatus::Confirmed, SeatTarget::Sold);
    paid.refundable_until_ms = START;
    conclude(&lane, START, paid.clone()).await;
    lane.pulse(START + DAY, ask::pulse(HALL)).await.expect("an answer");
    assert_eq!(status(&lane, &order).await, None);

    // The same key orders another hold. The writer finds the record done already, and concludes what the ledger has.
    let later = START + DAY;
    inside(&lane, later, "kim").await;
    let second = held(&lane, later, "i", "kim", &[5]).await;
    placed(&lane, later, "o", &second, "i").await;
    assert_eq!(seats(&lane).await, "ssfffpffffff");
    conclude(&lane, later, paid).await;
    assert_eq!(seats(&lane).await, "ssffffffffff", "nobody pays for it");
    let ended = lane.get_hold(later, &second.event, &second.id).await.expect("an answer");
    assert_eq!(ended.map(|hold| (hold.state, hold.order)), Some((HoldState::Expired, None)));
    let dump = lane.dump_event(&second.event).await.expect("an answer").expect("the event");
    assert_eq!(dump.taken, [("kim".to_owned(), 2)]);
}

async fn a_conclusion_trims_the_log(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    ordered(&lane, "o", &[0], OrderStatus::PendingPayment).await;
    ordered(&lane, "p", &[1], OrderStatus::PendingPayment).await;
    lane.conclude(START, &ask::event(HALL), vec![], Some(LogId(2))).await.expect("an answer");
    let log = lane.read_log(LogId(0), 10).await.expect("an answer");
    assert_eq!(log.iter().map(|entry| entry.log).collect::<Vec<_>>(), [LogId(3)]);
    lane.conclude(START, &ask::event("nowhere"), vec![], Some(LogId(3))).await.expect("an answer");
    let meta = lane.meta().await.expect("an answer");
    assert_eq!((meta.backlog, meta.log_last, meta.oldest_ms), (0, LogId(3), None));
}
