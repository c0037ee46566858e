//! What a line's sale is to its organizer and to the platform, and which share of it a refund takes back.

use super::{Account, PayablePart, Transaction};
use crate::facts::money::{BP_MAX, mul_div, share_bp};
use crate::ledger::rules::coupons::FundedBy;
use crate::ledger::rules::terms::Frozen;
use crate::ledger::store::rows::LineRow;

/// What a line adds to a sale, or what a refund takes back of that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::ledger) struct Sale {
    /// At the list price.
    tickets: i64,
    /// The discount that the organizer pays for.
    organizer_coupon: i64,
    /// The discount that the platform pays for.
    platform_coupon: i64,
    /// The platform's fee, of what the tickets bring the organizer.
    platform_fee: i64,
    /// Beside the price.
    booking_fee: i64,
    /// The tax inside the booking fee.
    booking_vat: i64,
}

impl Sale {
    /// The whole sale of a line.
    pub fn of(line: &LineRow, fee_bp: i64, terms: &Frozen) -> Self {
        let sale = Self { tickets: line.price, ..Self::default() }.less(line.discount, terms);
        let platform_fee = share_bp(sale.tickets - sale.organizer_coupon, fee_bp);
        Sale { platform_fee, ..sale.with_booking_fee(line.booking_fee, terms) }
    }

    /// What a refund of `amount` and `booking_fee` takes back of a line's sale, when `before` of the line was refunded
    /// earlier. Shares are differences of cumulative floors, so that the last refund of a line is exact.
    pub fn taken_back(line: &LineRow, fee_bp: i64, terms: &Frozen, before: i64, amount: i64, booking_fee: i64) -> Self {
        let whole = Self::of(line, fee_bp, terms);
        let net = line.price - line.discount;
        if net == 0 {
            return whole.with_booking_fee(booking_fee, terms);
        }
        let share = |of: i64| mul_div(of, before + amount, net) - mul_div(of, before, net);
        let tickets = share(whole.tickets);
        // The coupon's share follows from the tickets' and the amount, so that the transaction balances to the unit.
        let sale = Self { tickets, ..Self::default() }.less(tickets - amount, terms);
        Sale { platform_fee: share(whole.platform_fee), ..sale.with_booking_fee(booking_fee, terms) }
    }

    fn less(self, discount: i64, terms: &Frozen) -> Self {
        match terms.funded_by {
            Some(FundedBy::Platform) => Sale { platform_coupon: discount, ..self },
            Some(FundedBy::Organizer) | None => Sale { organizer_coupon: discount, ..self },
        }
    }

    /// A booking fee goes back whole or not at all, so its tax needs no shares.
    fn with_booking_fee(self, booking_fee: i64, terms: &Frozen) -> Self {
        let vat_bp = terms.terms.vat_bp.unwrap_or(0);
        Sale { booking_fee, booking_vat: mul_div(booking_fee, vat_bp, BP_MAX + vat_bp), ..self }
    }

    /// Credits the organizer and the platform with the sale, and debits the platform's coupon.
    pub fn post(self, organizer: &str, transaction: &mut Transaction) {
        let payable = |part: PayablePart| part.account(organizer);
        transaction
            .post(payable(PayablePart::Tickets), -self.tickets)
            .post(payable(PayablePart::Coupons), self.organizer_coupon)
            .post(payable(PayablePart::PlatformFee), self.platform_fee)
            .post(Account::CouponExpense, self.platform_coupon)
            .post(Account::FeeRevenue, -self.platform_fee - (self.booking_fee - self.booking_vat))
            .post(Account::VatPayable, -self.booking_vat);
    }

    /// Turns what a refund takes back into what it posts: the sale with all signs turned.
    pub fn reversed(self) -> Self {
        Sale {
            tickets: -self.tickets,
            organizer_coupon: -self.organizer_coupon,
            platform_coupon: -self.platform_coupon,
            platform_fee: -self.platform_fee,
            booking_fee: -self.booking_fee,
            booking_vat: -self.booking_vat,
        }
    }
}
