//! The fields of `order.placed`, and their check.

use crate::facts::coupon::CouponChoice;
use crate::facts::hold::HoldFact;
use crate::facts::ids::{EventId, HoldId, OrderId, UserId};
use crate::facts::points::PointsAsk;
use crate::facts::record::PaymentAsk;
use crate::facts::tariff::CartSeat;
use crate::facts::terms::Terms;
use crate::facts::time::Millis;
use crate::ledger::writer::BatchFailure;

/// The fields of `order.placed`.
pub(in crate::ledger) struct PlacedFields<'r> {
    pub order: &'r OrderId,
    pub event: &'r EventId,
    pub hold: &'r HoldId,
    pub user: &'r UserId,
    pub digest: &'r str,
    pub types: &'r [String],
    pub coupon: &'r CouponChoice,
    pub points: PointsAsk,
    pub least_cash: i64,
    pub expected_cash: Option<i64>,
    pub payment: Option<&'r PaymentAsk>,
    pub placed_ms: Millis,
    pub deadline_ms: Millis,
    pub terms: &'r Terms,
}

/// Checks that the hold is the one that was ordered; a mismatch is the record's own fault.
pub(in crate::ledger) fn agree(ask: &PlacedFields<'_>, hold: &HoldFact) -> Result<(), BatchFailure> {
    let record = ask.order.as_str();
    let agrees = hold.id == *ask.hold && hold.event == *ask.event && hold.user == *ask.user;
    if !agrees || hold.seats.is_empty() || hold.seats.len() != hold.prices.len() {
        return Err(BatchFailure::record(record, "the hold is not the one that was ordered"));
    }
    Ok(())
}

/// Checks the ranges of amounts and ratios; a value out of range is the record's own fault.
pub(in crate::ledger) fn check(
    ask: &PlacedFields<'_>,
    hold: &HoldFact,
    seats: &[CartSeat],
) -> Result<(), BatchFailure> {
    let record = ask.order.as_str();
    let points = match ask.points {
        PointsAsk::Amount(points) => points,
        PointsAsk::Max(_) => 0,
    };
    let booking_fee = ask.terms.booking_fee.amount;
    let prices = seats.iter().map(|seat| seat.price);
    let amounts = prices.clone().chain([booking_fee, points, ask.least_cash]).chain(ask.expected_cash);
    amounts.into_iter().try_for_each(|amount| BatchFailure::check_amount(record, amount))?;
    let sum = |sum: i64, price: i64| sum.checked_add(price)?.checked_add(booking_fee);
    let total = prices.into_iter().try_fold(0_i64, sum).unwrap_or(i64::MAX);
    BatchFailure::check_amount(record, total)?;
    let terms = ask.terms.refunds.iter().map(|term| term.fee_bp);
    let ratios = [hold.earn_bp, hold.fee_bp].into_iter().chain(ask.terms.vat_bp).chain(terms);
    match ratios.into_iter().all(|bp| (0..=crate::facts::money::BP_MAX).contains(&bp)) {
        true => Ok(()),
        false => Err(BatchFailure::record(record, "a ratio is out of range")),
    }
}
