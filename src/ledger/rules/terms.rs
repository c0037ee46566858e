//! The terms frozen with an order, and what follows from them alone.

use serde::{Deserialize, Serialize};

use super::coupons::FundedBy;
use crate::facts::terms::Terms;
use crate::facts::time::Millis;

pub(in crate::ledger) const DAY_MS: i64 = 86_400_000;

/// What `orders.terms` holds: the record's terms and the coupon's funder, for the journal of refunds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ledger) struct Frozen {
    #[serde(flatten)]
    pub terms: Terms,
    /// `None`: no coupon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funded_by: Option<FundedBy>,
}

impl Frozen {
    /// When points earned at `at_ms` become usable, and when they expire (`None`: never).
    pub fn earned_life(&self, at_ms: Millis) -> (Millis, Option<Millis>) {
        let usable_ms = match self.terms.earn_vest_days {
            Some(days) => at_ms.max(self.terms.starts_ms + days * DAY_MS),
            None => at_ms,
        };
        (usable_ms, self.terms.earn_valid_days.map(|days| usable_ms + days * DAY_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(starts_ms: Millis) -> Terms {
        Terms::plain("KRW", "hall-co", starts_ms)
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
