//! The worked example of `rules::points` through the writer, exact to the unit.

use super::*;
use crate::facts::tariff::{PriceList, TicketPrice};
use crate::facts::terms::{BookingFee, FeeRefundable, FreeCancellation, RefundTerm};
use crate::facts::time::parse_rfc3339;

fn at(day: &str) -> i64 {
    parse_rfc3339(&format!("{day}T00:00:00Z")).expect("a day")
}

#[tokio::test]
async fn three_seats_four_refunds() {
    let mut desk = Desk::open().await;
    desk.now_ms = at("2026-11-20");
    desk.terms.starts_ms = at("2027-06-01");
    // Earned points last until 2027-01-31.
    desk.terms.earn_valid_days = Some((at("2027-01-31") - at("2026-11-20")) / DAY_MS);
    let l1 = desk.grant("kim", "L1", 3_000, Some(at("2026-12-31"))).await;
    let l2 = desk.grant("kim", "L2", 5_000, Some(at("2027-03-31"))).await;
    let l3 = desk.grant("kim", "L3", 4_000, Some(at("2027-06-30"))).await;
    let spec = serde_json::json!(
        {"name": "S", "kind": "percent", "percent_bp": 1_000, "max_discount": 10_000, "stock": 1});
    desk.campaign("spring", spec).await;
    desk.claim("spring", 1, "kim").await;

    let buy = Buy {
        coupon: CouponChoice::Best,
        points: 10_000,
        expected_cash: Some(123_000),
        ..desk.buy("abc", 0, &[55_000, 55_000, 33_000])
    };
    let order = desk.bought(&buy).await;
    let fact = desk.order(&order).await;
    let lines: Vec<_> = fact.lines.iter().map(|l| (l.discount, l.points, l.cash, l.earn)).collect();
    assert_eq!(lines, [(3_846, 3_846, 47_308, 473), (3_846, 3_846, 47_308, 473), (2_308, 2_308, 28_384, 283)]);
    let of = |lots: &[(String, i64)], id: &str| lots.iter().find(|lot| lot.0 == id).map_or(0, |lot| lot.1);
    let lots = desk.lots("kim").await;
    assert_eq!((of(&lots, &l1), of(&lots, &l2), of(&lots, &l3)), (0, 0, 2_000));

    // The three earned lots are the first to expire after L1, which is spent: they pay exactly this order.
    desk.now_ms = at("2027-01-30");
    let elsewhere = Buy { points: 1_229, payment: None, ..desk.buy("elsewhere", 10, &[1_229]) };
    desk.bought(&elsewhere).await;
    assert_eq!(desk.balance("kim").await, 2_000);

    let (b, _, _) = {
        desk.now_ms = at("2027-02-01");
        desk.ask_refund("B", &order, RefundBy::Buyer, &[(2, None)]).await
    };
    desk.refunded(&b, &order, RefundResult::Done).await;
    let fact = desk.refund(&b).await;
    assert_eq!((fact.cash, fact.points_restored, fact.earn_clawed), (47_308, 3_846, 473));
    assert_eq!(of(&desk.lots("kim").await, &l2), 3_846 - 473);

    desk.now_ms = at("2027-02-02");
    let (a, _, _) = desk.ask_refund("A", &order, RefundBy::Buyer, &[(1, None)]).await;
    desk.refunded(&a, &order, RefundResult::Done).await;
    let fact = desk.refund(&a).await;
    assert_eq!((fact.cash, fact.points_restored, fact.earn_clawed), (47_308, 3_846, 473));
    let points = desk.ledger.points(&"kim".into(), desk.now_ms).await.expect("reads");
    let restored = points.lots.iter().find(|lot| lot.expires_ms == Some(at("2027-03-15"))).expect("L1′");
    assert_eq!(restored.remaining, 3_000 - 473);
    let restored = restored.id.clone();

    desk.now_ms = at("2027-02-03");
    let (part, _, _) = desk.ask_refund("C1", &order, RefundBy::Admin, &[(3, Some(10_000))]).await;
    desk.refunded(&part, &order, RefundResult::Done).await;
    let fact = desk.refund(&part).await;
    assert_eq!((fact.cash, fact.points_restored, fact.earn_clawed), (9_249, 751, 92));
    let (rest, _, _) = desk.ask_refund("C2", &order, RefundBy::Buyer, &[(3, None)]).await;
    let (_, written) = desk.refunded(&rest, &order, RefundResult::Done).await;
    let fact = desk.refund(&rest).await;
    assert_eq!((fact.cash, fact.points_restored, fact.earn_clawed), (19_135, 1_557, 191));

    assert_eq!(concluded(&written).fact.status, OrderStatus::Refunded);
    let lots = desk.lots("kim").await;
    assert_eq!((of(&lots, &restored), of(&lots, &l2), of(&lots, &l3)), (2_244, 4_527, 4_000));
    assert_eq!(desk.journal("provider_receivable:sandbox").await, 0);
    let payment = desk.order(&order).await.payment.expect("paid");
    assert_eq!((payment.captured, payment.cancelled), (123_000, 123_000));
}

/// An adult and a youth in one section, and a standing place; a booking fee, taxes, and terms under which each of the
/// three goes back in another way.
#[tokio::test]
async fn three_types_a_fee_and_its_ways_back() {
    let mut desk = Desk::open().await;
    desk.now_ms = at("2026-11-20");
    let refunds = [(Some(at("2027-01-01")), 500), (Some(at("2027-05-01")), 1_000)];
    desk.terms = Terms {
        refunds: refunds.map(|(until_ms, fee_bp)| RefundTerm { until_ms, fee_bp }).to_vec(),
        free: Some(FreeCancellation { for_ms: DAY_MS, until_ms: at("2027-05-01") }),
        booking_fee: BookingFee { amount: 2_000, refundable: FeeRefundable::FirstDay, timezone: "Asia/Seoul".into() },
        vat_bp: Some(1_000),
        ..Terms::plain("KRW", "hall-co", at("2027-06-01"))
    };
    desk.grant("kim", "L1", 12_000, None).await;
    let spec = serde_json::json!(
        {"name": "S", "kind": "percent", "percent_bp": 1_000, "max_discount": 10_000, "stock": 1});
    desk.campaign("spring", spec).await;
    desk.claim("spring", 1, "kim").await;

    let price = |id: &str, price| TicketPrice { id: id.into(), name: id.into(), price };
    let seated = PriceList { section: "a".into(), types: vec![price("adult", 55_000), price("youth", 38_500)] };
    let standing = PriceList { section: "ga".into(), types: vec![price("standard", 33_000)] };
    let buy = Buy {
        tariff: Tariff { lists: vec![seated, standing], list_of: vec![0, 0, 1] },
        types: ["adult", "youth", "standard"].map(str::to_owned).to_vec(),
        coupon: CouponChoice::Best,
        points: 10_000,
        expected_cash: Some(112_500),
        fee_bp: 500,
        ..desk.buy("abc", 0, &[55_000, 55_000, 33_000])
    };
    let order = desk.bought(&buy).await;
    let fact = desk.order(&order).await;
    let lines: Vec<_> = fact
        .lines
        .iter()
        .map(|l| (&*l.ticket_type, l.price, l.booking_fee, l.discount, l.points, l.cash, l.earn, l.vat))
        .collect();
    assert_eq!(
        lines,
        [
            ("adult", 55_000, 2_000, 4_348, 4_348, 48_304, 463, 4_786),
            ("youth", 38_500, 2_000, 3_043, 3_043, 34_414, 324, 3_405),
            ("standard", 33_000, 2_000, 2_609, 2_609, 29_782, 277, 2_944),
        ]
    );
    let total = fact.total.expect("priced");
    assert_eq!((total.price, total.booking_fee, total.discount), (126_500, 6_000, 10_000));
    assert_eq!((total.points, total.cash, total.vat), (10_000, 112_500, 11_135));
    // 5 % of what the organizer sold, and the booking fees less the tax inside them.
    let vat = 181 * 3;
    assert_eq!((desk.journal("fee_revenue").await, desk.journal("vat_payable").await), (-6_325 - 6_000 + vat, -vat));
    assert_eq!(desk.journal("organizer_payable:hall-co:%").await, -126_500 + 6_325);
    assert_eq!((desk.journal("%:tickets").await, desk.journal("%:coupons").await), (-126_500, 0));

    let back = |fact: RefundFact| (fact.cash, fact.points_restored, fact.earn_clawed, fact.fee, fact.booking_fee);
    // Until midnight in Seoul everything comes back.
    desk.now_ms = at("2026-11-20") + 15 * 3_600_000 - 1;
    let (first, _, _) = desk.ask_refund("A", &order, RefundBy::Buyer, &[(1, None)]).await;
    desk.refunded(&first, &order, RefundResult::Done).await;
    assert_eq!(back(desk.refund(&first).await), (48_304, 4_348, 463, 0, 2_000));
    // The provider refuses once: nothing is kept of the try.
    desk.now_ms = at("2027-02-01");
    let (refused, _, _) = desk.ask_refund("R", &order, RefundBy::Admin, &[(2, None)]).await;
    let no = RefundResult::Refused { detail: "no".into() };
    desk.refunded(&refused, &order, no).await;
    assert_eq!(desk.order(&order).await.lines[1].fee_refunded, 0);
    // In February a tenth of the ticket is kept, and the booking fee.
    let (second, _, _) = desk.ask_refund("B", &order, RefundBy::Buyer, &[(2, None)]).await;
    desk.refunded(&second, &order, RefundResult::Done).await;
    assert_eq!(back(desk.refund(&second).await), (28_869, 3_043, 324, 3_545, 0));
    // An admin keeps nothing. The booking fee goes back with the last part.
    let (part, _, _) = desk.ask_refund("C1", &order, RefundBy::Admin, &[(3, Some(10_000))]).await;
    desk.refunded(&part, &order, RefundResult::Done).await;
    assert_eq!(back(desk.refund(&part).await), (9_142, 858, 91, 0, 0));
    let (rest, _, _) = desk.ask_refund("C2", &order, RefundBy::Admin, &[(3, None)]).await;
    desk.refunded(&rest, &order, RefundResult::Done).await;
    assert_eq!(back(desk.refund(&rest).await), (20_640, 1_751, 186, 0, 2_000));

    let lines = desk.order(&order).await.lines;
    assert_eq!(lines.iter().map(|line| line.fee_refunded).collect::<Vec<_>>(), [2_000, 0, 2_000]);
    assert_eq!(
        desk.journal("provider_receivable:sandbox").await,
        3_545 + 2_000,
        "a cancellation fee and a booking fee are kept"
    );
    let organizer = desk.journal("organizer_payable:hall-co:%").await;
    assert_eq!(
        (organizer, desk.journal("fee_revenue").await, desk.journal("vat_payable").await),
        (-3_545, -1_819, -181)
    );
}

#[tokio::test]
async fn an_order_of_a_type_that_its_hold_does_not_have_is_its_records_own_fault() {
    let mut desk = Desk::open().await;
    let buy = Buy { types: vec!["youth".into()], ..desk.buy("abc", 0, &[55_000]) };
    let entry = buy.entry(&mut desk);
    assert!(matches!(desk.write(vec![entry]).await, Err(BatchFailure::Record { .. })));
}
