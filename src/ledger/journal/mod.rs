//! Double entry: what each fact posts. Debits are positive, credits negative; every transaction sums to
//! zero, and zero amounts are not written. [`docs::books`](crate::docs::books) says which fact posts what.

mod account;
mod sale;

use std::collections::BTreeMap;

pub(in crate::ledger) use account::{Account, PayablePart};
pub(in crate::ledger) use sale::Sale;

use super::store::row::Table;
use super::store::rows::PostingRow;
use super::{Conn, Result};
use crate::facts::ids::OrderId;
use crate::facts::time::Millis;

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
    /// The fact: an order, an attempt, a refund, a grant, a lot of points or a settlement.
    pub of: &'t str,
    pub event: &'t str,
    pub currency: &'t str,
    /// `None`: it belongs to no order: points granted or expired, a settlement.
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
