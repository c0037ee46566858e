//! What is left to pay of an order, and how many points may be spent of it.

use super::line::Priced;
use crate::facts::points::PointsAsk;

/// Why points cannot be spent as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointsRefusal {
    /// More are needed than can be spent.
    Insufficient,
    /// Cash would be due, and less than can be paid.
    BelowMinimum,
}

/// What is left to pay after the discount.
#[derive(Debug, Clone, Copy)]
pub struct LeftToPay {
    /// For which points can be spent.
    pub tickets: i64,
    /// Booking fees, which are paid in cash.
    pub fees: i64,
    /// The least cash, above none, that can be paid.
    pub least_cash: i64,
}

/// How many points are spent of what is `due`. `usable`: how many the buyer can spend.
pub fn points_spent(due: LeftToPay, ask: PointsAsk, usable: i64) -> Result<i64, PointsRefusal> {
    let LeftToPay { tickets: due, fees, least_cash } = due;
    // What the tickets must leave to be paid in cash, unless nothing at all is left.
    let least_cash = (least_cash - fees).max(0);
    let points = match ask {
        PointsAsk::Amount(wanted) => wanted.min(due),
        PointsAsk::Max(_) => usable.min(due),
    };
    if points > usable {
        return Err(PointsRefusal::Insufficient);
    }
    if due - points >= least_cash || (due == points && fees == 0) {
        return Ok(points);
    }
    match ask {
        // So many points that the least cash is left.
        PointsAsk::Max(_) if due >= least_cash => Ok(due - least_cash),
        PointsAsk::Max(_) | PointsAsk::Amount(_) => Err(PointsRefusal::BelowMinimum),
    }
}

impl LeftToPay {
    /// What is due of an order that spends no points.
    pub fn of(priced: &Priced, least_cash: i64) -> Self {
        Self { tickets: priced.price - priced.discount, fees: priced.booking_fee, least_cash }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_leave_nothing_to_pay_or_enough() {
        use PointsAsk::Amount;
        use PointsRefusal::{BelowMinimum, Insufficient};
        for (due, ask, usable, spent) in [
            (1_000, Amount(0), 0, Ok(0)),
            (1_000, Amount(900), 2_000, Ok(900)),
            (1_000, Amount(901), 2_000, Err(BelowMinimum)),
            (1_000, Amount(5_000), 2_000, Ok(1_000)),
            (1_000, Amount(900), 899, Err(Insufficient)),
            (1_000, PointsAsk::MAX, 2_000, Ok(1_000)),
            (1_000, PointsAsk::MAX, 1_000, Ok(1_000)),
            (1_000, PointsAsk::MAX, 999, Ok(900)),
            (1_000, PointsAsk::MAX, 500, Ok(500)),
            (1_000, PointsAsk::MAX, 0, Ok(0)),
            (50, PointsAsk::MAX, 49, Err(BelowMinimum)),
            (50, Amount(0), 49, Err(BelowMinimum)),
            (0, PointsAsk::MAX, 49, Ok(0)),
        ] {
            let due = LeftToPay { tickets: due, fees: 0, least_cash: 100 };
            assert_eq!(points_spent(due, ask, usable), spent, "{due:?} {ask:?} {usable}");
        }
        // A booking fee is paid in cash. It counts towards the least amount, and is never nothing.
        for (tickets, fees, ask, spent) in [
            (1_000, 100, PointsAsk::MAX, Ok(1_000)),
            (1_000, 30, PointsAsk::MAX, Ok(930)),
            (1_000, 30, Amount(931), Err(BelowMinimum)),
            (1_000, 30, Amount(1_000), Err(BelowMinimum)),
            (20, 30, PointsAsk::MAX, Err(BelowMinimum)),
            (0, 30, Amount(0), Err(BelowMinimum)),
        ] {
            let due = LeftToPay { tickets, fees, least_cash: 100 };
            assert_eq!(points_spent(due, ask, 2_000), spent, "{due:?} {ask:?}");
        }
    }
}
