//! Placing: what is accepted, what is refused and why, and that a repeat changes nothing.

use super::*;
use crate::facts::conclusion::SeatTarget;
use crate::facts::order::Reason;

#[tokio::test]
async fn an_order_is_placed_paid_and_confirmed() {
    let mut desk = Desk::open().await;
    let buy = desk.buy("a", 3, &[55_000, 33_000]);
    let (outcome, written) = desk.place(&buy).await;
    assert_eq!(outcome, RecordOutcome::Done);
    let conclusion = concluded(&written);
    assert_eq!(conclusion.fact.status, OrderStatus::Paying);
    assert_eq!(conclusion.seats, [(3, SeatTarget::Paying), (4, SeatTarget::Paying)]);
    assert!(conclusion.fact.lines.iter().all(|line| line.ticket.is_none()));
    let [OpenCall::Charge(charging)] = &written.calls[..] else { panic!("{:?}", written.calls) };
    assert_eq!((charging.attempt.clone(), charging.amount), (buy.attempt(), 88_000));

    let (_, written) = desk.resulted(&buy.attempt(), &buy.order(), PaymentResult::Captured).await;
    let conclusion = concluded(&written);
    assert_eq!(conclusion.fact.status, OrderStatus::Confirmed);
    assert_eq!(conclusion.seats, [(3, SeatTarget::Sold), (4, SeatTarget::Sold)]);
    assert_eq!(conclusion.fact, desk.order(&buy.order()).await, "reads and conclusions tell the same");
    assert!(written.calls.is_empty());
    assert_eq!(written.finished, [NOW_MS]);
    assert_eq!(desk.balance("kim").await, 880, "1 % of the cash is earned");
    assert_eq!(desk.journal("provider_receivable:sandbox").await, 88_000);
}

#[tokio::test]
async fn a_batch_written_twice_is_written_once() {
    let mut desk = Desk::open().await;
    let buy = desk.buy("a", 0, &[1_000]);
    let entries = vec![buy.entry(&mut desk)];
    let first = desk.write(entries.clone()).await.expect("writes");
    let again = desk.write(entries).await.expect("writes");
    assert_eq!(again.outcomes[0].1, RecordOutcome::Repeated);
    assert_eq!(concluded(&again).fact, concluded(&first).fact);
    assert_eq!(again.calls, first.calls);

    // The same within one batch.
    let buy = desk.buy("b", 1, &[1_000]);
    let entry = buy.entry(&mut desk);
    let written = desk.write(vec![entry.clone(), entry]).await.expect("writes");
    assert_eq!(
        written.outcomes.iter().map(|o| o.1).collect::<Vec<_>>(),
        [RecordOutcome::Done, RecordOutcome::Repeated]
    );
}

#[tokio::test]
async fn a_whole_life_fits_into_one_batch() {
    let mut desk = Desk::open().await;
    let buy = desk.buy("a", 0, &[1_000]);
    let placed = buy.entry(&mut desk);
    let paid = desk.entry(
        "x",
        RecordBody::PaymentResulted {
            v: VERSION,
            order: buy.order(),
            attempt: buy.attempt(),
            result: PaymentResult::Captured,
        },
    );
    let refund = RefundId::from(id("r", "a"));
    let back = desk.entry(
        refund.as_str(),
        RecordBody::RefundRequested {
            v: VERSION,
            order: buy.order(),
            refund: refund.clone(),
            digest: "d".into(),
            by: RefundBy::Buyer,
            lines: vec![(1, None)],
            reason: "no".into(),
        },
    );
    let done = desk
        .entry("y", RecordBody::RefundResulted { v: VERSION, order: buy.order(), refund, result: RefundResult::Done });
    // The seat is free again, and sold to the next in the same transaction.
    let next = desk.buy("b", 0, &[1_000]).entry(&mut desk);
    let written = desk.write(vec![placed, paid, back, done, next]).await.expect("writes");
    assert!(written.outcomes.iter().all(|o| o.1 == RecordOutcome::Done), "{:?}", written.outcomes);
    assert_eq!(desk.order(&buy.order()).await.status, OrderStatus::Refunded);
    assert_eq!(desk.order(&OrderId::from(id("o", "b"))).await.status, OrderStatus::Paying);
}

#[tokio::test]
async fn a_seat_is_sold_once() {
    let mut desk = Desk::open().await;
    desk.bought(&desk.buy("a", 0, &[1_000, 1_000])).await;
    let late = desk.buy("b", 1, &[1_000, 1_000]);
    let (outcome, written) = desk.place(&late).await;
    assert_eq!(outcome, RecordOutcome::Refused("SEATS_LOST"));
    let conclusion = concluded(&written);
    assert_eq!(conclusion.fact.reason, Some(Reason::SeatsLost));
    assert_eq!(conclusion.seats, [(1, SeatTarget::Free), (2, SeatTarget::Free)]);
}

#[tokio::test]
async fn refused_before_payment_the_seats_go_back_to_the_hold() {
    let mut desk = Desk::open().await;
    desk.grant("kim", "g", 500, None).await;
    desk.campaign("spring", serde_json::json!({"name": "S", "kind": "fixed", "amount": 100, "stock": 5})).await;
    assert_eq!(desk.claim("spring", 1, "lee").await, RecordOutcome::Done);
    let plain = desk.buy("a", 0, &[1_000]);
    let one = |number| CouponChoice::One(CouponRef { campaign: "spring".into(), number, version: 1 });
    for (n, (buy, reason)) in [
        (Buy { expected_cash: Some(999), ..plain.clone() }, Reason::PriceChanged),
        (Buy { points: 501, ..plain.clone() }, Reason::InsufficientPoints),
        // Another user's coupon, and one of a campaign that does not exist.
        (Buy { coupon: one(1), ..plain.clone() }, Reason::CouponUnavailable),
        (
            Buy {
                coupon: CouponChoice::One(CouponRef { campaign: "autumn".into(), number: 1, version: 1 }),
                ..plain.clone()
            },
            Reason::CouponUnavailable,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let buy = Buy { order: id("o", &format!("refused{n}")), ..buy };
        let (outcome, written) = desk.place(&buy).await;
        assert_eq!(outcome, RecordOutcome::Refused(reason.as_str()));
        let conclusion = concluded(&written);
        assert_eq!(conclusion.seats, [(0, SeatTarget::Held)]);
        // The hold would end in ten seconds; it lives for sixty.
        assert_eq!(conclusion.held_until_ms, Some(NOW_MS + 60_000));
        assert!(written.calls.is_empty());
    }
    assert_eq!(desk.place(&plain).await.0, RecordOutcome::Done, "the same seat may be ordered again");
}

/// Otherwise one refused order a minute would keep the seats for ever, unpaid.
#[tokio::test]
async fn a_hold_is_given_more_time_once() {
    let mut desk = Desk::open().await;
    let wrong = |desk: &Desk, n: u32| Buy { expected_cash: Some(1), ..desk.buy(&format!("a{n}"), 0, &[1_000]) };
    let mut until = Vec::new();
    for batch in [vec![0], vec![1, 2]] {
        let mut entries = Vec::new();
        for n in batch {
            let buy = wrong(&desk, n);
            let mut entry = buy.entry(&mut desk);
            let hold = entry.hold.as_mut().expect("an order has one");
            entry.body = entry.body.replace(hold.id.as_str(), &id("h", "one"));
            hold.id = id("h", "one").into();
            entries.push(entry);
        }
        let written = desk.write(entries).await.expect("writes");
        until.extend(written.conclusions.iter().map(|(_, conclusion)| conclusion.held_until_ms));
    }
    assert_eq!(until, [60_000, 10_000, 10_000].map(|more_ms| Some(NOW_MS + more_ms)));
}

#[tokio::test]
async fn a_coupon_is_used_before_or_after_its_claim_came() {
    let mut desk = Desk::open().await;
    let spec = serde_json::json!({"name": "S", "kind": "percent", "percent_bp": 1_000, "stock": 5});
    desk.campaign("spring", spec).await;
    let coupon = CouponChoice::One(CouponRef { campaign: "spring".into(), number: 2, version: 1 });
    let first = Buy { coupon: coupon.clone(), ..desk.buy("a", 0, &[1_000]) };
    desk.bought(&first).await;
    assert_eq!(desk.order(&first.order()).await.coupon.as_deref(), Some("spring.2.1"));
    assert_eq!(desk.claim("spring", 2, "kim").await, RecordOutcome::Done);
    // The claim of a number that a lane forgot and gave a second time is refused and noted, not lost.
    let body = RecordBody::CouponClaimed {
        v: VERSION,
        claim: ClaimId::from(id("k", "other")),
        campaign: "spring".into(),
        user: "lee".into(),
        digest: "d".into(),
        version: 1,
        expires_ms: None,
    };
    let mut entry = desk.entry("other", body);
    entry.number = Some(2);
    assert_eq!(desk.write(vec![entry]).await.expect("writes").outcomes[0].1, RecordOutcome::Refused("NUMBER_TAKEN"));

    let again = Buy { coupon, ..desk.buy("b", 1, &[1_000]) };
    assert_eq!(desk.place(&again).await.0, RecordOutcome::Refused("COUPON_UNAVAILABLE"));
    // Without a free coupon there is no best one; with one, it is used.
    let best = Buy { coupon: CouponChoice::Best, ..desk.buy("c", 2, &[1_000]) };
    desk.bought(&best).await;
    assert_eq!(desk.order(&best.order()).await.coupon, None);
    assert_eq!(desk.claim("spring", 3, "kim").await, RecordOutcome::Done);
    let best = Buy { coupon: CouponChoice::Best, ..desk.buy("d", 3, &[1_000]) };
    desk.bought(&best).await;
    assert_eq!(desk.order(&best.order()).await.total.map(|total| total.cash), Some(900));
}

#[tokio::test]
async fn what_costs_no_cash_needs_no_provider() {
    let mut desk = Desk::open().await;
    desk.grant("kim", "g", 5_000, None).await;
    let buy = Buy { points: 5_000, payment: None, ..desk.buy("a", 0, &[2_000]) };
    let (outcome, written) = desk.place(&buy).await;
    assert_eq!((outcome, concluded(&written).fact.status), (RecordOutcome::Done, OrderStatus::Confirmed));
    assert!(written.calls.is_empty());
    assert_eq!(desk.balance("kim").await, 3_000, "points above what is left to pay are not spent");
    let (refund, outcome, written) = desk.ask_refund("a", &buy.order(), RefundBy::Buyer, &[(1, None)]).await;
    assert_eq!((outcome, written.calls.len()), (RecordOutcome::Done, 0));
    assert_eq!(concluded(&written).fact.status, OrderStatus::Refunded);
    assert_eq!(desk.refund(&refund).await.points_restored, 2_000);
    assert_eq!(desk.balance("kim").await, 5_000);
}
