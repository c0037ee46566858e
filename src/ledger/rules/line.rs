//! One line of an order: its price split at purchase, and what a refund of part of it is worth. Arithmetic only. A
//! [`FrozenLine`] is a row of `order_line`.

use crate::facts::ids::SeatIndex;
use crate::facts::money::{alloc, mul_div, share_bp};
use crate::facts::points::PointsAsk;

/// What is bought.
#[derive(Debug, Clone, Copy)]
pub struct Cart<'a> {
    /// Seat and list price of each line.
    pub seats: &'a [(SeatIndex, i64)],
    /// The coupon's discount on the whole order.
    pub discount: i64,
    /// Points wanted; those above what is left to pay after the discount are not spent.
    pub points: i64,
    pub earn_bp: i64,
}

/// A line as it is frozen at purchase, with what has been refunded of it since. Minor units.
///
/// `net = price − discount = points + cash`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrozenLine {
    /// From 1.
    pub line: u32,
    pub seat: SeatIndex,
    pub price: i64,
    pub discount: i64,
    pub points: i64,
    pub cash: i64,
    pub earn: i64,
    /// Gross: cash and points together, a cancellation fee included.
    pub refunded: i64,
    /// The points' part of `refunded`, including what a fee took of it.
    pub points_refunded: i64,
    pub earn_clawed: i64,
    /// Nothing is left to refund; also true of a refunded line of net 0.
    pub closed: bool,
}

/// Why points cannot be spent as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointsRefusal {
    /// More are needed than can be spent.
    Insufficient,
    /// Cash would be due, and less than can be paid.
    BelowMinimum,
}

/// How many points are spent of `due`, what is left to pay after the discount. `usable`: how many the buyer can spend.
/// `least_cash`: the least cash, above none, that can be paid.
pub fn points_spent(due: i64, ask: PointsAsk, usable: i64, least_cash: i64) -> Result<i64, PointsRefusal> {
    let points = match ask {
        PointsAsk::Amount(wanted) => wanted.min(due),
        PointsAsk::Max(_) => usable.min(due),
    };
    if points > usable {
        return Err(PointsRefusal::Insufficient);
    }
    if due == points || due - points >= least_cash {
        return Ok(points);
    }
    match ask {
        // So many points that the least cash is left.
        PointsAsk::Max(_) if due >= least_cash => Ok(due - least_cash),
        PointsAsk::Max(_) | PointsAsk::Amount(_) => Err(PointsRefusal::BelowMinimum),
    }
}

/// An order's lines and their sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    pub lines: Vec<FrozenLine>,
    pub price: i64,
    pub discount: i64,
    pub points: i64,
    pub cash: i64,
    pub earn: i64,
}

/// Splits discount and points over the lines. Never gives away more than a line costs.
pub fn price_order(cart: Cart<'_>) -> Priced {
    let prices: Vec<i64> = cart.seats.iter().map(|&(_, price)| price).collect();
    let price = prices.iter().sum();
    let discount = cart.discount.min(price);
    let discounts = alloc(discount, &prices);
    let nets: Vec<i64> = prices.iter().zip(&discounts).map(|(p, d)| p - d).collect();
    let points = cart.points.min(price - discount);
    let shares = alloc(points, &nets);

    let mut lines = Vec::with_capacity(prices.len());
    for (at, &(seat, price)) in cart.seats.iter().enumerate() {
        let cash = nets[at] - shares[at];
        lines.push(FrozenLine {
            line: u32::try_from(at + 1).expect("an order has few lines"),
            seat,
            price,
            discount: discounts[at],
            points: shares[at],
            cash,
            earn: share_bp(cash, cart.earn_bp),
            refunded: 0,
            points_refunded: 0,
            earn_clawed: 0,
            closed: false,
        });
    }
    let cash = price - discount - points;
    let earn = lines.iter().map(|line| line.earn).sum();
    Priced { lines, price, discount, points, cash, earn }
}

/// What a refund of part of a line moves. `amount = cash + points + fee`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRefund {
    pub line: u32,
    /// Gross.
    pub amount: i64,
    /// To the buyer, after the fee.
    pub cash: i64,
    /// To the buyer, after the fee.
    pub points: i64,
    /// Earned points taken back.
    pub earn: i64,
    /// Kept by the organizer, of cash and points together.
    pub fee: i64,
    /// The fee's part that came from points.
    pub fee_points: i64,
    /// Nothing is left of the line after this.
    pub closes: bool,
}

impl FrozenLine {
    pub fn net(&self) -> i64 {
        self.price - self.discount
    }

    /// Gross amount that can still be refunded.
    pub fn left(&self) -> i64 {
        self.net() - self.refunded
    }

    /// What a refund of `gross` is worth. `None` when the line is closed, when `gross` is negative or more than is
    /// left, or when it is 0 and something is left.
    ///
    /// Shares are differences of cumulative floors, so that the last refund is exact whatever the ones before it were.
    /// The clamps matter only after a refund was undone out of turn: neither points nor cash may ever be refunded above
    /// what they paid.
    pub fn refund(&self, gross: i64, fee_bp: i64) -> Option<LineRefund> {
        let left = self.left();
        if self.closed || gross < 0 || gross > left || (gross == 0 && left > 0) {
            return None;
        }
        let (net, after) = (self.net(), self.refunded + gross);
        let points_left = self.points - self.points_refunded;
        let cash_left = left - points_left;
        let points = (mul_div(self.points, after, net) - self.points_refunded)
            .clamp((gross - cash_left).max(0), gross.min(points_left));
        let earn = (mul_div(self.earn, after, net) - self.earn_clawed).clamp(0, self.earn - self.earn_clawed);
        let cash = gross - points;
        let fee = share_bp(gross, fee_bp);
        let fee_points = (fee - cash).max(0);
        Some(LineRefund {
            line: self.line,
            amount: gross,
            cash: cash - (fee - fee_points),
            points: points - fee_points,
            earn,
            fee,
            fee_points,
            closes: after == net,
        })
    }

    /// The line after this refund was written.
    pub fn apply(&mut self, refund: &LineRefund) {
        self.refunded += refund.amount;
        self.points_refunded += refund.points + refund.fee_points;
        self.earn_clawed += refund.earn;
        self.closed |= refund.closes;
    }

    /// The line after the provider refused this refund for good.
    pub fn undo(&mut self, refund: &LineRefund) {
        self.refunded -= refund.amount;
        self.points_refunded -= refund.points + refund.fee_points;
        self.earn_clawed -= refund.earn;
        self.closed = false;
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
            assert_eq!(points_spent(due, ask, usable, 100), spent, "{due} {ask:?} {usable}");
        }
    }
}
