use super::*;

#[test]
fn terms_of_before_keep_their_days_of_24_hours() {
    let starts_ms = 100 * DAY_MS;
    let text = format!(
        r#"{{"currency":"KRW","organizer":"o","starts_ms":{starts_ms},"refunds_close_ms":null,
           "cancellation_fees":[[10,0],[3,1000],[1,3000]],"earn_vest_days":null,"earn_valid_days":null}}"#
    );
    let terms: Terms = serde_json::from_str(&text).expect("terms of before");
    for (days_left, bp) in [(30, 0), (10, 0), (9, 1_000), (3, 1_000), (2, 3_000), (1, 3_000), (0, 3_000), (-1, 3_000)] {
        assert_eq!(refund_fee_bp(&terms.refunds, starts_ms - days_left * DAY_MS), Some(bp), "{days_left}");
    }
    assert_eq!(refund_fee_bp(&terms.refunds, starts_ms - 10 * DAY_MS + 1), Some(1_000));
    let again: Terms = serde_json::from_str(&serde_json::to_string(&terms).expect("json")).expect("terms");
    assert_eq!(again, terms);
    let plain: Terms = serde_json::from_str(r#"{"currency":"KRW","organizer":"o","starts_ms":1}"#).expect("terms");
    assert_eq!(plain.refunds, [RefundTerm::FREE]);
}

#[test]
fn the_free_time_begins_with_the_confirmation_and_ends_before_the_event_is_near() {
    let terms = |free, refunds: &[(Option<Millis>, i64)]| Terms {
        refunds: refunds.iter().map(|&(until_ms, fee_bp)| RefundTerm { until_ms, fee_bp }).collect(),
        free,
        ..Terms::plain("KRW", "o", 1_000)
    };
    let shown = |terms: &Terms, confirmed_ms| {
        terms.refunds_from(confirmed_ms).iter().map(|term| (term.until_ms, term.fee_bp)).collect::<Vec<_>>()
    };
    let fees = [(Some(500), 100), (Some(900), 300)];
    let free = Some(FreeCancellation { for_ms: 50, until_ms: 700 });
    let with = terms(free, &fees);
    assert_eq!(shown(&with, 100), [(Some(150), 0), (Some(500), 100), (Some(900), 300)]);
    assert_eq!(shown(&with, 480), [(Some(530), 0), (Some(900), 300)], "a fee that ends within the free time");
    assert_eq!(shown(&with, 680), [(Some(700), 0), (Some(900), 300)], "the event is near");
    assert_eq!(shown(&with, 700), fees, "too near");
    assert_eq!(shown(&terms(None, &fees), 100), fees);
    let long = Some(FreeCancellation { for_ms: 10_000, until_ms: 10_000 });
    assert_eq!(shown(&terms(long, &fees), 100), [(Some(900), 0)], "it does not outlast the refunds");
    assert_eq!(shown(&terms(free, &[(None, 100)]), 100), [(Some(150), 0), (None, 100)]);
}

#[test]
fn a_booking_fee_of_the_first_day_comes_back_until_midnight_at_the_venue() {
    let fee = |refundable| BookingFee { amount: 2_000, refundable, timezone: "Asia/Seoul".into() };
    let at = |text: &str| text.parse::<jiff::Timestamp>().expect("a time").as_millisecond();
    let confirmed_ms = at("2027-03-01T22:00:00+09:00");
    let back = |refundable, at_ms| fee(refundable).is_refundable(confirmed_ms, at_ms);
    let midnight_ms = at("2027-03-02T00:00:00+09:00");
    assert!(back(FeeRefundable::FirstDay, midnight_ms - 1) && !back(FeeRefundable::FirstDay, midnight_ms));
    assert!(!back(FeeRefundable::Never, confirmed_ms) && back(FeeRefundable::Always, midnight_ms + DAY_MS));
}

#[test]
fn a_deadline_ends_whatever_fee_it_meets() {
    let terms = schedule(vec![(1, 300), (9, 0), (5, 100)], Some(96), |days| 100 - days);
    assert_eq!(
        terms,
        [(Some(91), 0), (Some(95), 100), (Some(96), 300)].map(|(until_ms, fee_bp)| RefundTerm { until_ms, fee_bp })
    );
    assert_eq!([90, 91, 95, 96].map(|at_ms| refund_fee_bp(&terms, at_ms)), [Some(0), Some(100), Some(300), None]);
    // A fee that would begin at the deadline or later never applies.
    let early = schedule(vec![(1, 300), (9, 0), (5, 100)], Some(95), |days| 100 - days);
    assert_eq!([90, 91, 94, 95].map(|at_ms| refund_fee_bp(&early, at_ms)), [Some(0), Some(100), Some(100), None]);
}
