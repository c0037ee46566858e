//! What an order would cost, computed as the writer will compute it, without SQL or a clock. A quote decides nothing;
//! the order does.

use super::coupons::{Basket, Coupon, Unusable, best};
use super::left_to_pay::{LeftToPay, PointsRefusal, points_spent};
use super::line::{Cart, Priced, price_order};
use crate::facts::coupon::CouponChoice;
use crate::facts::ids::{CouponRef, EventId};
use crate::facts::points::PointsAsk;
use crate::facts::time::Millis;
use crate::ledger::campaign_version::SpecsByVersion;

/// What the ledger knows of a buyer.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Points that can be spent now.
    pub usable: i64,
    /// Issued coupons.
    pub coupons: Vec<Coupon>,
    /// The specs of `coupons`, and of the coupon that was asked for by number.
    pub campaigns: SpecsByVersion,
    /// The coupon asked for by number is in the ledger, but is not free or is another user's.
    pub taken: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct QuoteInput<'a> {
    pub event: &'a EventId,
    /// What is bought, without discount and points.
    pub cart: Cart<'a>,
    pub coupon: &'a CouponChoice,
    pub points: PointsAsk,
    /// The least cash, above none, that can be paid.
    pub least_cash: i64,
    pub now_ms: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuoteOutcome {
    Quoted {
        priced: Priced,
        /// The coupon chosen.
        coupon: Option<CouponRef>,
    },
    /// The coupon asked for cannot be used; `None`: it is not free, another user's, or unknown.
    CouponUnavailable(Option<Unusable>),
    /// `usable`: how many points can be spent now.
    InsufficientPoints { usable: i64 },
    /// Cash would be due, and less than can be paid.
    BelowMinimum,
}

impl Inputs {
    pub fn quote(&self, ask: QuoteInput<'_>) -> QuoteOutcome {
        let basket = Basket { event: ask.event, gross: price_order(ask.cart).price };
        let (coupon, discount) = match self.choose(ask.coupon, basket, ask.now_ms) {
            Ok(Some((coupon, discount))) => (Some(coupon), discount),
            Ok(None) => (None, 0),
            Err(why) => return QuoteOutcome::CouponUnavailable(why),
        };
        let usable = self.usable;
        let due = LeftToPay::of(&price_order(Cart { discount, ..ask.cart }), ask.least_cash);
        let points = match points_spent(due, ask.points, usable) {
            Ok(points) => points,
            Err(PointsRefusal::Insufficient) => return QuoteOutcome::InsufficientPoints { usable },
            Err(PointsRefusal::BelowMinimum) => return QuoteOutcome::BelowMinimum,
        };
        let priced = price_order(Cart { discount, points, ..ask.cart });
        QuoteOutcome::Quoted { priced, coupon }
    }

    fn choose(
        &self,
        choice: &CouponChoice,
        basket: Basket<'_>,
        now_ms: Millis,
    ) -> Result<Option<(CouponRef, i64)>, Option<Unusable>> {
        match choice {
            CouponChoice::None => Ok(None),
            CouponChoice::Best => {
                let best = best(&self.coupons, &self.campaigns, basket, now_ms);
                Ok(best.map(|(one, _, off)| (one.coupon.clone(), off)))
            }
            CouponChoice::One(coupon) => {
                let version = (coupon.campaign.clone(), coupon.version);
                let spec = self.campaigns.get(&version).filter(|_| !self.taken).ok_or(None)?;
                let off = spec.discount(basket, spec.expires_at.map(|at| at.0), now_ms)?;
                Ok(Some((coupon.clone(), off)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tariff::standard;

    fn inputs() -> Inputs {
        let spec = r#"{"name": "Spring", "kind": "percent", "percent_bp": 1000, "max_discount": 10000,
            "stock": 5, "min_spend": 1000}"#;
        Inputs {
            usable: 12_000,
            coupons: vec![Coupon { coupon: spring(3), expires_ms: None }],
            campaigns: [(("spring".into(), 1), serde_json::from_str(spec).expect("a spec"))].into(),
            taken: false,
        }
    }

    fn quote(inputs: &Inputs, prices: &[i64], coupon: CouponChoice, points: PointsAsk) -> QuoteOutcome {
        let seats = standard(prices);
        let event = EventId::from("hall");
        inputs.quote(QuoteInput {
            event: &event,
            cart: Cart::plain(&seats, 100),
            coupon: &coupon,
            points,
            least_cash: 0,
            now_ms: 10,
        })
    }

    fn one(number: i64) -> CouponChoice {
        CouponChoice::One(spring(number))
    }

    fn spring(number: i64) -> CouponRef {
        CouponRef { campaign: "spring".into(), number, version: 1 }
    }

    #[test]
    fn the_worked_example_is_quoted() {
        let quoted = quote(&inputs(), &[55_000, 55_000, 33_000], CouponChoice::Best, PointsAsk::Amount(10_000));
        let QuoteOutcome::Quoted { priced, coupon } = quoted else { panic!("{quoted:?}") };
        assert_eq!(coupon, Some(spring(3)));
        assert_eq!((priced.discount, priced.points, priced.cash, priced.earn), (10_000, 10_000, 123_000, 1_229));
    }

    #[test]
    fn points_are_capped_by_what_is_left_to_pay_and_refused_above_what_there_is() {
        let all = |points| quote(&inputs(), &[9_000], CouponChoice::None, points);
        for wanted in [PointsAsk::MAX, PointsAsk::Amount(1_000_000)] {
            let QuoteOutcome::Quoted { priced, .. } = all(wanted) else { panic!("enough") };
            assert_eq!((priced.points, priced.cash), (9_000, 0));
        }
        let poor = quote(&inputs(), &[50_000], CouponChoice::None, PointsAsk::Amount(12_001));
        assert_eq!(poor, QuoteOutcome::InsufficientPoints { usable: 12_000 });
    }

    #[test]
    fn a_coupon_asked_for_must_fit() {
        let mut inputs = inputs();
        // The coupon's claim need not have reached the ledger.
        assert!(matches!(
            quote(&inputs, &[5_000], one(9), PointsAsk::MAX),
            QuoteOutcome::Quoted { coupon: Some(_), .. }
        ));
        let small = quote(&inputs, &[500], one(9), PointsAsk::MAX);
        assert_eq!(small, QuoteOutcome::CouponUnavailable(Some(Unusable::BelowMinimum(1_000))));
        inputs.taken = true;
        assert_eq!(quote(&inputs, &[5_000], one(3), PointsAsk::MAX), QuoteOutcome::CouponUnavailable(None));
        // Without coupons there is no best one.
        inputs.coupons.clear();
        let none = quote(&inputs, &[5_000], CouponChoice::Best, PointsAsk::Amount(0));
        assert!(matches!(none, QuoteOutcome::Quoted { coupon: None, .. }));
    }
}
