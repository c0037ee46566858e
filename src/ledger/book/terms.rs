//! The terms frozen with an order, and what follows from them alone. Knows no row.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::lane::record::Terms;
use crate::ledger::coupons::FundedBy;

pub(super) const DAY_MS: i64 = 86_400_000;

/// What `orders.terms` holds: the record's terms and the coupon's funder, for the journal of refunds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Frozen {
    #[serde(flatten)]
    pub terms: Terms,
    /// `None`: no coupon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funded_by: Option<FundedBy>,
}

impl Frozen {
    /// The buyer's cancellation fee in basis points at `at_ms`: that of the largest `days_before` not
    /// above the days left; with fewer days left than all of them, that of the smallest.
    pub fn cancellation_bp(&self, at_ms: Millis) -> i64 {
        let days_left = (self.terms.starts_ms - at_ms).div_euclid(DAY_MS);
        let fees = &self.terms.cancellation_fees;
        let reached = fees.iter().filter(|fee| fee.0 <= days_left).max_by_key(|fee| fee.0);
        reached.or_else(|| fees.iter().min_by_key(|fee| fee.0)).map_or(0, |fee| fee.1)
    }

    /// The buyer's deadline is over.
    pub fn refunds_closed(&self, at_ms: Millis) -> bool {
        self.terms.refunds_close_ms.is_some_and(|close_ms| at_ms >= close_ms)
    }

    /// From when and until when points earned at `at_ms` are usable.
    pub fn earned_life(&self, at_ms: Millis) -> (Millis, Option<Millis>) {
        let usable_ms = match self.terms.earn_vest_days {
            Some(days) => at_ms.max(self.terms.starts_ms + days * DAY_MS),
            None => at_ms,
        };
        (usable_ms, self.terms.earn_valid_days.map(|days| usable_ms + days * DAY_MS))
    }
}

#[cfg(test)]
pub(super) fn plain(starts_ms: Millis) -> Terms {
    Terms {
        currency: "KRW".into(),
        organizer: "hall-co".into(),
        starts_ms,
        refunds_close_ms: None,
        cancellation_fees: Vec::new(),
        earn_vest_days: None,
        earn_valid_days: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fee_of_the_days_left() {
        let starts_ms = 100 * DAY_MS;
        let terms = Terms { cancellation_fees: vec![(10, 0), (3, 1_000), (1, 3_000)], ..plain(starts_ms) };
        let frozen = Frozen { terms, funded_by: None };
        for (days_left, bp) in
            [(30, 0), (10, 0), (9, 1_000), (3, 1_000), (2, 3_000), (1, 3_000), (0, 3_000), (-1, 3_000)]
        {
            assert_eq!(frozen.cancellation_bp(starts_ms - days_left * DAY_MS), bp, "{days_left}");
        }
        // Ten days less a millisecond are nine whole days.
        assert_eq!(frozen.cancellation_bp(starts_ms - 10 * DAY_MS + 1), 1_000);
        assert_eq!(Frozen { terms: plain(starts_ms), funded_by: None }.cancellation_bp(0), 0);
    }

    #[test]
    fn terms_are_stored_with_their_funder_and_read_without() {
        let frozen = Frozen { terms: plain(5), funded_by: Some(FundedBy::Organizer) };
        let text = serde_json::to_string(&frozen).expect("json");
        assert_eq!(serde_json::from_str::<Frozen>(&text).expect("whole"), frozen);
        assert_eq!(serde_json::from_str::<Terms>(&text).expect("plain"), frozen.terms);
    }

    #[test]
    fn earned_points_vest_after_the_start() {
        let terms = Terms { earn_vest_days: Some(2), earn_valid_days: Some(30), ..plain(10 * DAY_MS) };
        let frozen = Frozen { terms, funded_by: None };
        assert_eq!(frozen.earned_life(DAY_MS), (12 * DAY_MS, Some(42 * DAY_MS)));
        assert_eq!(Frozen { terms: plain(10 * DAY_MS), funded_by: None }.earned_life(7), (7, None));
    }
}
