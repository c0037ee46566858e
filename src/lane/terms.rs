//! An event's terms as they stood when an order was placed, frozen with it. What a buyer was told then counts,
//! whatever the event says later.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

const DAY_MS: Millis = 86_400_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Terms {
    pub currency: String,
    pub organizer: String,
    pub starts_ms: Millis,
    /// The buyer's cancellation fee, soonest end first.
    pub refunds: Vec<RefundTerm>,
    /// Earned points are usable so many days after the start; `None`: at once.
    pub earn_vest_days: Option<i64>,
    /// And last so many days from then; `None`: for ever.
    pub earn_valid_days: Option<i64>,
}

/// Until when a refund costs its buyer which fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundTerm {
    /// `None`: for ever.
    pub until_ms: Option<Millis>,
    /// Basis points of what the line cost.
    pub fee_bp: i64,
}

impl Terms {
    /// Until when a buyer may ask for a refund; where there is no end to it, until the event begins.
    pub fn refundable_until_ms(&self) -> Millis {
        self.refunds.last().and_then(|term| term.until_ms).unwrap_or(self.starts_ms)
    }
}

impl RefundTerm {
    pub const FREE: RefundTerm = RefundTerm { until_ms: None, fee_bp: 0 };
}

/// The fee at `at_ms`; `None`: the time for refunds is over. These terms are the only judge of both.
pub fn refund_fee_bp(terms: &[RefundTerm], at_ms: Millis) -> Option<i64> {
    terms.iter().find(|term| term.until_ms.is_none_or(|until_ms| at_ms < until_ms)).map(|term| term.fee_bp)
}

/// Terms as they are stored: until there were `refunds`, a deadline and fees by days of 24 hours.
#[derive(Deserialize)]
struct Written {
    currency: String,
    organizer: String,
    starts_ms: Millis,
    refunds: Option<Vec<RefundTerm>>,
    refunds_close_ms: Option<Millis>,
    #[serde(default)]
    cancellation_fees: Vec<(i64, i64)>,
    earn_vest_days: Option<i64>,
    earn_valid_days: Option<i64>,
}

impl From<Written> for Terms {
    fn from(written: Written) -> Self {
        let Written { currency, organizer, starts_ms, earn_vest_days, earn_valid_days, .. } = written;
        let days = |fees: Vec<(i64, i64)>| {
            // A fee of d days held for as long as d whole days were left.
            schedule(fees, written.refunds_close_ms, |days_before| starts_ms - days_before * DAY_MS + 1)
        };
        let refunds = written.refunds.unwrap_or_else(|| days(written.cancellation_fees));
        Terms { currency, organizer, starts_ms, refunds, earn_vest_days, earn_valid_days }
    }
}

/// Refund terms of (days before the start, fee): a fee counts until `end_of` its days, the one of the fewest days
/// until `close_ms`. Without fees a refund is free until then.
pub fn schedule(
    mut fees: Vec<(i64, i64)>,
    close_ms: Option<Millis>,
    end_of: impl Fn(i64) -> Millis,
) -> Vec<RefundTerm> {
    fees.sort_unstable_by_key(|fee| std::cmp::Reverse(fee.0));
    if fees.is_empty() {
        fees.push((0, 0));
    }
    let mut terms = Vec::with_capacity(fees.len());
    for (at, &(days_before, fee_bp)) in fees.iter().enumerate() {
        let until_ms = (at + 1 < fees.len()).then(|| end_of(days_before));
        if until_ms.is_some_and(|until_ms| close_ms.is_none_or(|close_ms| until_ms < close_ms)) {
            terms.push(RefundTerm { until_ms, fee_bp });
        } else {
            terms.push(RefundTerm { until_ms: close_ms, fee_bp });
            break;
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_of_before_keep_their_days_of_24_hours() {
        let starts_ms = 100 * DAY_MS;
        let text = format!(
            r#"{{"currency":"KRW","organizer":"o","starts_ms":{starts_ms},"refunds_close_ms":null,
               "cancellation_fees":[[10,0],[3,1000],[1,3000]],"earn_vest_days":null,"earn_valid_days":null}}"#
        );
        let terms: Terms = serde_json::from_str(&text).expect("terms of before");
        for (days_left, bp) in
            [(30, 0), (10, 0), (9, 1_000), (3, 1_000), (2, 3_000), (1, 3_000), (0, 3_000), (-1, 3_000)]
        {
            assert_eq!(refund_fee_bp(&terms.refunds, starts_ms - days_left * DAY_MS), Some(bp), "{days_left}");
        }
        assert_eq!(refund_fee_bp(&terms.refunds, starts_ms - 10 * DAY_MS + 1), Some(1_000));
        let again: Terms = serde_json::from_str(&serde_json::to_string(&terms).expect("json")).expect("terms");
        assert_eq!(again, terms);
        let plain: Terms = serde_json::from_str(r#"{"currency":"KRW","organizer":"o","starts_ms":1}"#).expect("terms");
        assert_eq!(plain.refunds, [RefundTerm::FREE]);
    }

    #[test]
    fn a_deadline_ends_whatever_fee_it_meets() {
        let terms = schedule(vec![(1, 300), (9, 0), (5, 100)], Some(96), |days| 100 - days);
        assert_eq!(
            terms,
            [(Some(91), 0), (Some(95), 100), (Some(96), 300)].map(|(until_ms, fee_bp)| RefundTerm { until_ms, fee_bp })
        );
        assert_eq!([90, 91, 95, 96].map(|at_ms| refund_fee_bp(&terms, at_ms)), [Some(0), Some(100), Some(300), None]);
        // What would begin at the deadline or later never does.
        let early = schedule(vec![(1, 300), (9, 0), (5, 100)], Some(95), |days| 100 - days);
        assert_eq!([90, 91, 94, 95].map(|at_ms| refund_fee_bp(&early, at_ms)), [Some(0), Some(100), Some(100), None]);
    }
}
