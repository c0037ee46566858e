//! One line of an order: its price split at purchase, and what a refund of part of it is worth. Arithmetic only. A
//! [`FrozenLine`] is a row of `order_line`.

use crate::facts::ids::SeatIndex;
use crate::facts::money::{BP_MAX, alloc, mul_div, share_bp};
use crate::facts::tariff::CartSeat;
use crate::facts::terms::Terms;

/// What is bought.
#[derive(Debug, Clone, Copy)]
pub struct Cart<'a> {
    /// One line each.
    pub seats: &'a [CartSeat],
    /// The coupon's discount on the whole order.
    pub discount: i64,
    /// Points wanted; those above what is left to pay after the discount are not spent.
    pub points: i64,
    pub earn_bp: i64,
    /// Of each line.
    pub booking_fee: i64,
    /// The value-added tax inside prices and fees, basis points of the sum without it.
    pub vat_bp: i64,
}

impl<'a> Cart<'a> {
    /// Without discount, points, fees and tax.
    pub fn plain(seats: &'a [CartSeat], earn_bp: i64) -> Self {
        Self { seats, discount: 0, points: 0, earn_bp, booking_fee: 0, vat_bp: 0 }
    }

    /// By the terms of a hold, without discount and points.
    pub fn by_terms(seats: &'a [CartSeat], earn_bp: i64, terms: &Terms) -> Self {
        let (booking_fee, vat_bp) = (terms.booking_fee.amount, terms.vat_bp.unwrap_or(0));
        Self { booking_fee, vat_bp, ..Self::plain(seats, earn_bp) }
    }
}

/// A line as it is frozen at purchase, with what has been refunded of it since. Minor units.
///
/// `net = price − discount = points + cash − booking_fee`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrozenLine {
    /// From 1.
    pub line: u32,
    pub seat: SeatIndex,
    pub ticket_type: String,
    pub price: i64,
    pub booking_fee: i64,
    pub discount: i64,
    pub points: i64,
    /// The booking fee included.
    pub cash: i64,
    pub earn: i64,
    /// The tax inside `points + cash`.
    pub vat: i64,
    /// Gross: cash and points together, a cancellation fee included, without the booking fee.
    pub refunded: i64,
    /// What was given back of the booking fee.
    pub fee_refunded: i64,
    /// The points' part of `refunded`, including what a fee took of it.
    pub points_refunded: i64,
    pub earn_clawed: i64,
    /// Nothing is left to refund; also true of a refunded line of net 0.
    pub closed: bool,
}

/// An order's lines and their sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    pub lines: Vec<FrozenLine>,
    pub price: i64,
    pub booking_fee: i64,
    pub discount: i64,
    pub points: i64,
    pub cash: i64,
    pub earn: i64,
    pub vat: i64,
}

/// Splits discount and points over the lines. Never gives away more than a line costs.
pub fn price_order(cart: Cart<'_>) -> Priced {
    let prices: Vec<i64> = cart.seats.iter().map(|seat| seat.price).collect();
    let price = prices.iter().sum();
    let discount = cart.discount.min(price);
    let discounts = alloc(discount, &prices);
    let nets: Vec<i64> = prices.iter().zip(&discounts).map(|(p, d)| p - d).collect();
    let points = cart.points.min(price - discount);
    let shares = alloc(points, &nets);

    let mut lines = Vec::with_capacity(prices.len());
    for (at, CartSeat { seat, ticket_type, price }) in cart.seats.iter().enumerate() {
        let cash = nets[at] - shares[at];
        let paid = nets[at] + cart.booking_fee;
        lines.push(FrozenLine {
            line: u32::try_from(at + 1).expect("an order has few lines"),
            seat: *seat,
            ticket_type: ticket_type.clone(),
            price: *price,
            booking_fee: cart.booking_fee,
            discount: discounts[at],
            points: shares[at],
            cash: cash + cart.booking_fee,
            earn: share_bp(cash, cart.earn_bp),
            vat: mul_div(paid, cart.vat_bp, BP_MAX + cart.vat_bp),
            refunded: 0,
            fee_refunded: 0,
            points_refunded: 0,
            earn_clawed: 0,
            closed: false,
        });
    }
    let sum = |of: fn(&FrozenLine) -> i64| lines.iter().map(of).sum();
    let (booking_fee, cash) = (sum(|line| line.booking_fee), sum(|line| line.cash));
    let (earn, vat) = (sum(|line| line.earn), sum(|line| line.vat));
    Priced { lines, price, booking_fee, discount, points, cash, earn, vat }
}

/// What a refund of part of a line moves. `amount + booking_fee = cash + points + fee`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRefund {
    pub line: u32,
    /// Gross, without the booking fee.
    pub amount: i64,
    /// The part of `cash` that gives the booking fee back.
    pub booking_fee: i64,
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

    /// Gross amount that can still be refunded, beside the booking fee.
    pub fn left(&self) -> i64 {
        self.net() - self.refunded
    }

    /// What a refund of `gross` is worth. `None` when the line is closed, when `gross` is negative or more than is
    /// left, or when it is 0 and something is left. The refund that closes the line gives the booking fee back, if
    /// `with_booking_fee`.
    ///
    /// Shares are differences of cumulative floors, so that the last refund is exact whatever the ones before it were.
    /// The clamps matter only after a refund was undone out of turn: neither points nor cash may ever be refunded above
    /// what they paid.
    pub fn refund(&self, gross: i64, fee_bp: i64, with_booking_fee: bool) -> Option<LineRefund> {
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
        let closes = after == net;
        let booking_fee = if closes && with_booking_fee { self.booking_fee - self.fee_refunded } else { 0 };
        Some(LineRefund {
            line: self.line,
            amount: gross,
            booking_fee,
            cash: cash - (fee - fee_points) + booking_fee,
            points: points - fee_points,
            earn,
            fee,
            fee_points,
            closes,
        })
    }

    /// The line after this refund was written.
    pub fn apply(&mut self, refund: &LineRefund) {
        self.refunded += refund.amount;
        self.fee_refunded += refund.booking_fee;
        self.points_refunded += refund.points + refund.fee_points;
        self.earn_clawed += refund.earn;
        self.closed |= refund.closes;
    }

    /// The line after the provider refused this refund for good.
    pub fn undo(&mut self, refund: &LineRefund) {
        self.refunded -= refund.amount;
        self.fee_refunded -= refund.booking_fee;
        self.points_refunded -= refund.points + refund.fee_points;
        self.earn_clawed -= refund.earn;
        self.closed = false;
    }
}
