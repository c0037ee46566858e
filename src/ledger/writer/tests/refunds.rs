//! Refunds: suspended, done, refused for good, too late, with a fee.

use super::*;
use crate::facts::conclusion::SeatTarget;
use crate::facts::order::TicketState;
use crate::facts::refund::RefundStatus;
use crate::facts::terms::RefundTerm;

fn tickets(fact: &OrderFact) -> Vec<TicketState> {
    fact.lines.iter().filter_map(|line| line.ticket.as_ref()).map(|ticket| ticket.state).collect()
}

async fn rich(desk: &mut Desk) -> Buy {
    desk.grant("kim", "g", 3_000, None).await;
    desk.campaign("spring", serde_json::json!({"name": "S", "kind": "percent", "percent_bp": 1_000, "stock": 5})).await;
    desk.claim("spring", 1, "kim").await;
    Buy { coupon: CouponChoice::Best, points: 3_000, fee_bp: 500, ..desk.buy("a", 0, &[7_000, 5_001]) }
}

#[tokio::test]
async fn a_seat_is_free_when_the_money_is_back() {
    let mut desk = Desk::open().await;
    let buy = rich(&mut desk).await;
    let order = desk.bought(&buy).await;
    let (refund, outcome, written) = desk.ask_refund("a", &order, RefundBy::Buyer, &[(2, None)]).await;
    assert_eq!(outcome, RecordOutcome::Done);
    let conclusion = concluded(&written);
    assert_eq!(conclusion.fact.status, OrderStatus::Confirmed);
    assert_eq!(tickets(&conclusion.fact), [TicketState::Valid, TicketState::Suspended]);
    assert_eq!(conclusion.seats, [(0, SeatTarget::Sold), (1, SeatTarget::Sold)]);
    let [OpenCall::Refund(back)] = &written.calls[..] else { panic!("{:?}", written.calls) };
    assert_eq!(back.amount, desk.refund(&refund).await.cash);
    // The same line again is refused; a refund of another line waits behind the first refund.
    let (over, outcome, _) = desk.ask_refund("b", &order, RefundBy::Buyer, &[(2, None)]).await;
    assert_eq!(outcome, RecordOutcome::Refused("OVER_REFUND"));
    assert_eq!(desk.refund(&over).await.failure.as_deref(), Some("OVER_REFUND"));
    desk.now_ms += 1;
    let (second, _, written) = desk.ask_refund("c", &order, RefundBy::Buyer, &[(1, None)]).await;
    assert_eq!(
        written.calls.iter().map(OpenCall::id).collect::<Vec<_>>(),
        [CallId::Refund(refund.clone())],
        "one at a time"
    );

    let (_, written) = desk.refunded(&refund, &order, RefundResult::Done).await;
    let conclusion = concluded(&written);
    assert_eq!(conclusion.fact.status, OrderStatus::PartiallyRefunded);
    assert_eq!(conclusion.seats, [(0, SeatTarget::Sold), (1, SeatTarget::Free)]);
    assert_eq!(written.calls.iter().map(OpenCall::id).collect::<Vec<_>>(), [CallId::Refund(second.clone())]);
    let (_, written) = desk.refunded(&second, &order, RefundResult::Done).await;
    assert_eq!(concluded(&written).fact.status, OrderStatus::Refunded);
    assert_eq!(concluded(&written).fact, desk.order(&order).await);

    // Everything is as before: points, coupon, books.
    assert_eq!(desk.balance("kim").await, 3_000);
    for account in [
        "provider_receivable:sandbox",
        "organizer_payable:hall-co:%",
        "fee_revenue",
        "vat_payable",
        "coupon_expense",
        "refunds_pending",
        "points_in_orders",
    ] {
        assert_eq!(desk.journal(account).await, 0, "{account}");
    }
    let best = Buy { coupon: CouponChoice::Best, ..desk.buy("again", 0, &[1_000]) };
    desk.bought(&best).await;
    assert_eq!(desk.order(&best.order()).await.coupon.as_deref(), Some("spring.1.1"));
}

#[tokio::test]
async fn a_refund_refused_for_good_is_undone() {
    let mut desk = Desk::open().await;
    let buy = rich(&mut desk).await;
    let order = desk.bought(&buy).await;
    let (before, lots) = (desk.order(&order).await, desk.lots("kim").await);
    let (refund, _, _) = desk.ask_refund("a", &order, RefundBy::Buyer, &[(1, None), (2, None)]).await;
    assert_ne!(desk.lots("kim").await, lots);
    let refused = RefundResult::Refused { detail: "card closed".into() };
    let (_, written) = desk.refunded(&refund, &order, refused).await;
    let after = concluded(&written).fact.clone();
    assert_eq!(after, OrderFact { version: after.version, ..before });
    assert_eq!(desk.lots("kim").await, lots);
    let fact = desk.refund(&refund).await;
    assert_eq!((fact.status, fact.failure.as_deref()), (RefundStatus::Failed, Some("card closed")));
    assert_eq!(desk.journal("refunds_pending").await, 0);
    // Another refund is accepted; a second answer to the first one changes nothing.
    let (_, outcome, _) = desk.ask_refund("b", &order, RefundBy::Buyer, &[(1, None)]).await;
    assert_eq!(outcome, RecordOutcome::Done);
    let body = RecordBody::RefundResulted { v: VERSION, order, refund, result: RefundResult::Done };
    assert_eq!(desk.one("second answer", body).await.0, RecordOutcome::Refused("REFUND_CLOSED"));
}

#[tokio::test]
async fn a_refund_is_not_undone_by_halves() {
    let mut desk = Desk::open().await;
    let buy = rich(&mut desk).await;
    let order = desk.bought(&buy).await;
    let (refund, _, _) = desk.ask_refund("a", &order, RefundBy::Buyer, &[(1, None), (2, None)]).await;
    let lots = desk.lots("kim").await;
    desk.ledger
        .transaction::<_, crate::ledger::Error, _>(|conn| {
            Box::pin(async move {
                let text = "UPDATE point_move SET kind = 'of a newer program' WHERE kind = 'restore'";
                assert!(sqlx::query(text).execute(conn).await?.rows_affected() > 0);
                Ok(())
            })
        })
        .await
        .expect("spoils");
    let result = RefundResult::Refused { detail: "card closed".into() };
    let body = RecordBody::RefundResulted { v: VERSION, order, refund, result };
    let entry = desk.entry("answer", body);
    let batch = Batch { lane: LANE, entries: [entry].into(), now_ms: desk.now_ms, unknown_ms: UNKNOWN_MS };
    let failure = write(&desk.ledger, batch).await.expect_err("a move that cannot be read");
    assert!(failure.is_records_fault(), "it waits in the dead letters: {failure}");
    assert_eq!(desk.lots("kim").await, lots, "all or nothing");
}

#[tokio::test]
async fn the_fee_and_the_deadline_are_the_buyers() {
    let mut desk = Desk::open().await;
    desk.terms.refunds = vec![RefundTerm { until_ms: Some(NOW_MS + 2 * DAY_MS), fee_bp: 2_000 }];
    let order = desk.bought(&desk.buy("a", 0, &[1_000, 1_000, 1_000])).await;
    let (buyer, _, _) = desk.ask_refund("a", &order, RefundBy::Buyer, &[(1, None)]).await;
    let fact = desk.refund(&buyer).await;
    assert_eq!((fact.cash, fact.fee), (800, 200));
    desk.refunded(&buyer, &order, RefundResult::Done).await;
    assert_eq!(desk.journal("organizer_payable:hall-co:%").await, -2_200, "the organizer keeps the fee");
    desk.now_ms += 2 * DAY_MS;
    let (_, outcome, _) = desk.ask_refund("b", &order, RefundBy::Buyer, &[(2, None)]).await;
    assert_eq!(outcome, RecordOutcome::Refused("NOT_REFUNDABLE"));
    let (free, _, _) = desk.ask_refund("d", &order, RefundBy::BuyerAfterChange, &[(3, Some(100))]).await;
    let fact = desk.refund(&free).await;
    assert_eq!((fact.cash, fact.fee), (100, 0), "accepted at the door, it does not fail for its terms later");
    desk.refunded(&free, &order, RefundResult::Done).await;
    let (admin, _, _) = desk.ask_refund("c", &order, RefundBy::Admin, &[(2, Some(400))]).await;
    let fact = desk.refund(&admin).await;
    assert_eq!((fact.cash, fact.fee), (400, 0));
    let (_, written) = desk.refunded(&admin, &order, RefundResult::Done).await;
    // A partial refund leaves the ticket valid.
    assert_eq!(tickets(&concluded(&written).fact)[1], TicketState::Valid);
}

/// The writer may be behind: the time at which the door accepted the refund decides.
#[tokio::test]
async fn what_was_asked_for_in_time_is_not_too_late_when_it_is_written() {
    let mut desk = Desk::open().await;
    desk.terms.refunds = vec![
        RefundTerm { until_ms: Some(NOW_MS + DAY_MS), fee_bp: 0 },
        RefundTerm { until_ms: Some(NOW_MS + 2 * DAY_MS), fee_bp: 2_000 },
    ];
    let order = desk.bought(&desk.buy("a", 0, &[1_000, 1_000])).await;
    for (line, asked_ms, fee) in [(1, NOW_MS + DAY_MS - 1, 0), (2, NOW_MS + 2 * DAY_MS - 1, 200)] {
        let refund = RefundId::from(id("r", &format!("late {line}")));
        let body = RecordBody::RefundRequested {
            v: VERSION,
            order: order.clone(),
            refund: refund.clone(),
            digest: "d".into(),
            by: RefundBy::Buyer,
            lines: vec![(line, None)],
            reason: String::new(),
        };
        let asked = Entry { at_ms: asked_ms, ..desk.entry(refund.as_str(), body) };
        desk.now_ms = NOW_MS + 9 * DAY_MS;
        let written = desk.write(vec![asked]).await.expect("writes");
        assert_eq!(written.outcomes[0].1, RecordOutcome::Done, "line {line}");
        assert_eq!(desk.refund(&refund).await.fee, fee, "line {line}");
        desk.refunded(&refund, &order, RefundResult::Done).await;
    }
}

#[tokio::test]
async fn what_cannot_be_refunded_says_why() {
    let mut desk = Desk::open().await;
    let order = desk.bought(&desk.buy("a", 0, &[1_000])).await;
    for (n, (lines, why)) in [
        (vec![(9, None)], "LINE_NOT_FOUND"),
        (vec![(1, Some(1_001))], "OVER_REFUND"),
        (vec![(1, None), (1, None)], "OVER_REFUND"),
        (vec![], "EMPTY"),
    ]
    .into_iter()
    .enumerate()
    {
        let (refund, outcome, _) = desk.ask_refund(&format!("{n}"), &order, RefundBy::Buyer, &lines).await;
        assert_eq!(outcome, RecordOutcome::Refused(why));
        assert_eq!(desk.refund(&refund).await.status, RefundStatus::Failed);
    }
    let waiting = Buy { payment: None, ..desk.buy("b", 1, &[1_000]) };
    desk.place(&waiting).await;
    let (_, outcome, _) = desk.ask_refund("x", &waiting.order(), RefundBy::Buyer, &[(1, None)]).await;
    assert_eq!(outcome, RecordOutcome::Refused("NOT_REFUNDABLE"));
    let nobody = OrderId::from(id("o", "nobody"));
    let (_, outcome, written) = desk.ask_refund("y", &nobody, RefundBy::Buyer, &[(1, None)]).await;
    assert_eq!((outcome, written.conclusions.len()), (RecordOutcome::Refused("NO_ORDER"), 0));
}
