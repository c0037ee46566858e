//! Double entry: what each fact posts. Debits are positive, credits negative; every transaction sums to
//! zero, and zero amounts are not written.
//!
//! For a line: price `p`, booking fee `b`, coupon share `d` (`dp` when the platform bears it, else 0), points `u`,
//! cash `c` with the booking fee in it, earned points `e`; the organizer's sale `s = p − (d − dp) = c − b + u + dp`; the
//! platform's fee `q = ⌊s·fee_bp/10000⌋`.
//!
//! | transaction | when | postings |
//! |---|---|---|
//! | `<order>.confirmed` | paid | `cash:<provider>` +c · `points_in_orders` +u · `discount:platform` +dp · `organizer:<id>` −(s−q) · `platform_fee` −q−b · `marketing_points` +e · `points_liability` −e |
//! | `<order>.placed` | points spent, not yet paid; `x` of the buyer's had expired | `points_liability` +u+x · `points_in_orders` −u · `points_expired` −x |
//! | `<order>.released` | unpaid order ended | `points_in_orders` +u · `points_liability` −u |
//! | `<refund>.requested` | committed | `refunds_pending` +Δu′ · `points_liability` −Δu′ · `points_liability` +Δe · `marketing_points` −Δe |
//! | `<refund>.refused` | provider refused for good | the reverse |
//! | `<refund>.done` | money is back | `cash:<provider>` −Δc′ · `refunds_pending` −Δu′ · `organizer:<id>` +(Δs−Δq) − f · `platform_fee` +Δq+Δb · `discount:platform` −Δdp |
//! | `<grant>.granted` | an operator gave points `a` | `marketing_points` +a · `points_liability` −a |
//! | `<attempt>.late` | captured after the order ended, or twice | `cash:<provider>` +a · `unapplied_cash` −a |
//! | `<refund>.done` of late money | sent back | `cash:<provider>` −a · `unapplied_cash` +a |
//!
//! Points spent move from `points_liability` to `points_in_orders` when the order is placed, and `confirmed` takes them
//! from there. Primes are amounts after the cancellation fee `f`, which the organizer keeps. Shares of a refunded part
//! are differences of cumulative floors, so that the last refund of a line is exact. `points_liability` is what users
//! hold less what they owe (from claw-backs that found no points left).

use std::collections::BTreeMap;

use super::rules::coupons::FundedBy;
use super::rules::terms::Frozen;
use super::store::row::Table;
use super::store::rows::{LineRow, PostingRow};
use super::{Conn, Result};
use crate::facts::ids::OrderId;
use crate::facts::money::{mul_div, share_bp};
use crate::facts::time::Millis;

/// An account of the journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ledger) enum Account {
    Cash(String),
    PointsLiability,
    PointsInOrders,
    PointsExpired,
    RefundsPending,
    MarketingPoints,
    Discount,
    Organizer(String),
    PlatformFee,
    UnappliedCash,
}

impl Account {
    fn text(&self) -> String {
        match self {
            Account::Cash(provider) => format!("cash:{provider}"),
            Account::PointsLiability => "points_liability".into(),
            Account::PointsInOrders => "points_in_orders".into(),
            Account::PointsExpired => "points_expired".into(),
            Account::RefundsPending => "refunds_pending".into(),
            Account::MarketingPoints => "marketing_points".into(),
            Account::Discount => "discount:platform".into(),
            Account::Organizer(id) => format!("organizer:{id}"),
            Account::PlatformFee => "platform_fee".into(),
            Account::UnappliedCash => "unapplied_cash".into(),
        }
    }
}

/// One transaction of the journal, being put together.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Transaction(BTreeMap<Account, i64>);

impl Transaction {
    /// Adds to an account; several postings to one become one entry.
    pub fn post(&mut self, account: Account, amount: i64) -> &mut Self {
        *self.0.entry(account).or_default() += amount;
        self
    }

    /// The same with all signs turned.
    pub fn reversed(mut self) -> Self {
        self.0.values_mut().for_each(|amount| *amount = -*amount);
        self
    }
}

/// The transactions of a batch.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Journal {
    postings: Table<PostingRow>,
    /// A transaction that does not balance: a bug, or rows that contradict each other. Its record is put aside.
    broken: Option<String>,
}

/// Names a transaction for ever, and says what it is about.
#[derive(Debug, Clone, Copy)]
pub(in crate::ledger) struct Title<'t> {
    /// The fact: an order, an attempt, a refund or a grant.
    pub of: &'t str,
    pub event: &'static str,
    pub currency: &'t str,
    /// `None`: a grant of points, which belongs to no order.
    pub order: Option<&'t OrderId>,
    pub at_ms: Millis,
}

impl Journal {
    pub fn post(&mut self, title: Title<'_>, transaction: Transaction) {
        let id = format!("{}.{}", title.of, title.event);
        if transaction.0.values().sum::<i64>() != 0 {
            self.broken = Some(format!("{id} does not balance: {:?}", transaction.0));
            return;
        }
        let entries = transaction.0.into_iter().filter(|(_, amount)| *amount != 0);
        for (entry, (account, amount)) in (1i64..).zip(entries) {
            self.postings.add(PostingRow {
                transaction_id: id.clone(),
                entry,
                account: account.text(),
                amount,
                currency: title.currency.to_owned(),
                order_id: title.order.cloned(),
                at_ms: title.at_ms,
            });
        }
    }

    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    pub fn postings(&self) -> &Table<PostingRow> {
        &self.postings
    }
}

/// Writes one transaction outside a batch, by the same rules.
pub(in crate::ledger) async fn write(conn: &mut Conn, title: Title<'_>, transaction: Transaction) -> Result<()> {
    let mut journal = Journal::default();
    journal.post(title, transaction);
    assert!(journal.broken.is_none(), "the caller's entries sum to zero: {:?}", journal.broken);
    Table::flush(conn, std::iter::once(&journal.postings)).await
}

/// What a line adds to a sale, or what a refund takes back of that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::ledger) struct Sale {
    /// What the organizer sold.
    pub sale: i64,
    /// The platform's fee on it.
    pub fee: i64,
    /// The discount the platform bears.
    pub discount: i64,
}

impl Sale {
    fn of(line: &LineRow, fee_bp: i64, terms: &Frozen) -> Self {
        let discount = match terms.funded_by {
            Some(FundedBy::Platform) => line.discount,
            Some(FundedBy::Organizer) | None => 0,
        };
        let sale = net(line) + discount;
        Sale { sale, fee: share_bp(sale, fee_bp), discount }
    }

    /// The share of the sale that is taken back when `refunded` of the line's net is refunded.
    fn share(self, refunded: i64, net: i64) -> Self {
        if net == 0 {
            return self;
        }
        Sale {
            sale: mul_div(self.sale, refunded, net),
            fee: mul_div(self.fee, refunded, net),
            discount: mul_div(self.discount, refunded, net),
        }
    }
}

/// What a line's points and cash pay of its price.
fn net(line: &LineRow) -> i64 {
    line.points + line.cash - line.booking_fee
}

/// The whole sale of a line.
pub(in crate::ledger) fn sold(line: &LineRow, fee_bp: i64, terms: &Frozen) -> Sale {
    Sale::of(line, fee_bp, terms)
}

/// What a refund of `amount` takes back of a line's sale, when `before` of the line was refunded earlier.
pub(in crate::ledger) fn taken_back(line: &LineRow, fee_bp: i64, terms: &Frozen, before: i64, amount: i64) -> Sale {
    let whole = Sale::of(line, fee_bp, terms);
    let net = net(line);
    if net == 0 {
        return whole;
    }
    let (new, old) = (whole.share(before + amount, net), whole.share(before, net));
    // `discount` follows from the sale and the amount, so that the transaction balances to the unit.
    Sale { sale: new.sale - old.sale, fee: new.fee - old.fee, discount: new.sale - old.sale - amount }
}
