//! The worked example of `rules::points` through the writer, exact to the unit.

use super::*;
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
    assert_eq!(desk.journal("cash:sandbox").await, 0);
    let payment = desk.order(&order).await.payment.expect("paid");
    assert_eq!((payment.captured, payment.cancelled), (123_000, 123_000));
}
