//! What organizers are owed, month by month.
//!
//! A settlement is made of *entries*: the journal's transactions about sales and refunds of one organizer. While it is
//! open, its entries are those of its month that no settlement has. Closing writes them down, a bounded number in each
//! transaction, and `settlement_entry`'s key lets none of them be in two settlements. What is booked later, whatever its
//! time says, belongs to the next month that is not closed. Months are closed in their order.

mod close;
mod entries;
mod open;
mod pay;

pub use close::{CloseAsk, Closed};
pub use entries::{EntryKind, SettlementEntry};
pub use pay::{PaidAsk, Settled};

use sqlx::any::AnyRow;

use super::journal::PayablePart;
use super::read::row::Cells;
use super::store::sql::Value;
use super::{Conn, ReadSource, Reader, Result};
use crate::facts::period::Period;
use crate::facts::settlement::{Bookkeeping, Payable, SettlementFact, SettlementState};
use crate::facts::time::Millis;
use open::OpenMonth;

const COLUMNS: &str = "organizer, period, state, currency, early, until_ms, entries, tickets, coupons, platform_fee, \
     cancellation_fees, closed_ms, paid_ms, reference";

/// The journal's entries that stand in no settlement. A join, because MariaDB answers `NOT EXISTS` by reading all of
/// `settlement_entry` first.
const UNSETTLED: &str = "journal_entry j LEFT JOIN settlement_entry s ON s.transaction_id = j.transaction_id \
     WHERE s.transaction_id IS NULL";

impl Reader {
    /// The settlement of a month, open or not; `None`: there is none, and there will be none.
    pub async fn settlement(
        &self,
        organizer: &str,
        period: Period,
        books: &Bookkeeping,
    ) -> Result<Option<SettlementFact>> {
        let (organizer, books) = (organizer.to_owned(), books.clone());
        self.read("settlement", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                if let Some(stored) = stored(conn, &organizer, period).await? {
                    return Ok(Some(stored));
                }
                match OpenMonth::of(conn, &organizer, period, &books.zone).await? {
                    Some(month) if month.is_known => Ok(Some(month.fact(conn, &books).await?)),
                    Some(_) | None => Ok(None),
                }
            })
        })
        .await
    }

    /// All settlements of an organizer, the newest month first. Open months without sales or refunds are left out.
    pub async fn settlements(&self, organizer: &str, books: &Bookkeeping) -> Result<Vec<SettlementFact>> {
        let (organizer, books) = (organizer.to_owned(), books.clone());
        self.read("settlements", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = format!("SELECT {COLUMNS} FROM settlement WHERE organizer = ? ORDER BY period");
                let rows = sqlx::query(sqlx::AssertSqlSafe(text)).bind(organizer.clone()).fetch_all(&mut *conn).await?;
                let mut found = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
                let mut next = open::first(conn, &organizer, &books.zone).await?;
                while let Some(period) = next {
                    let month = OpenMonth::of(conn, &organizer, period, &books.zone).await?;
                    let Some(month) = month else { break };
                    found.push(month.fact(conn, &books).await?);
                    next = month.after(conn, &books.zone).await?;
                }
                found.reverse();
                Ok(found)
            })
        })
        .await
    }
}

impl Reader {
    /// Settlements of all organizers that are not open, by organizer and month.
    pub(in crate::ledger) async fn stored_settlements(
        &self,
        after: Option<SettlementFact>,
        limit: i64,
    ) -> Result<Vec<SettlementFact>> {
        let after = after.map(|last| format!("{}.{}", last.organizer, last.period)).unwrap_or_default();
        self.read_one("stored_settlements", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = format!("SELECT {COLUMNS} FROM settlement WHERE id > ? ORDER BY id LIMIT ?");
                let rows = sqlx::query(sqlx::AssertSqlSafe(text)).bind(after).bind(limit).fetch_all(conn).await?;
                rows.iter().map(read).collect()
            })
        })
        .await
    }
}

/// Names a settlement in the ledger.
fn id(organizer: &str, period: Period) -> String {
    format!("{organizer}.{period}")
}

async fn stored(conn: &mut Conn, organizer: &str, period: Period) -> Result<Option<SettlementFact>> {
    let text = format!("SELECT {COLUMNS} FROM settlement WHERE id = ?");
    let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(id(organizer, period));
    query.fetch_optional(conn).await?.as_ref().map(read).transpose()
}

fn read(row: &AnyRow) -> Result<SettlementFact> {
    let cells = Cells { table: "settlement", row };
    Ok(SettlementFact {
        organizer: cells.text("organizer")?,
        period: cells.text("period")?,
        state: cells.word("state", SettlementState::parse)?,
        currency: cells.text("currency")?,
        early: cells.int("early")? == 1,
        until_ms: cells.int("until_ms")?,
        entries: cells.int("entries")?,
        payable: Payable {
            tickets: cells.int("tickets")?,
            coupons: cells.int("coupons")?,
            platform_fee: cells.int("platform_fee")?,
            cancellation_fees: cells.int("cancellation_fees")?,
        },
        closed_ms: cells.int_or_null("closed_ms")?,
        paid_ms: cells.int_or_null("paid_ms")?,
        reference: cells.text_or_null("reference")?,
    })
}

/// The texts of the accounts that settlements are made of.
fn accounts(organizer: &str) -> Vec<Value> {
    PayablePart::OWED.iter().map(|part| part.account(organizer).text().as_str().into()).collect()
}

/// The account that every entry of an organizer has. No sale and no refund has anything to settle without tickets.
fn tickets(organizer: &str) -> String {
    PayablePart::Tickets.account(organizer).text()
}

/// Adds to what is owed what the journal says of one account: it credits what the house owes.
fn owe(payable: &mut Payable, account: &str, amount: i64) {
    let word = account.rsplit(':').next().unwrap_or_default();
    match PayablePart::OWED.into_iter().find(|part| part.as_str() == word) {
        Some(PayablePart::Tickets) => payable.tickets -= amount,
        Some(PayablePart::Coupons) => payable.coupons -= amount,
        Some(PayablePart::PlatformFee) => payable.platform_fee -= amount,
        Some(PayablePart::CancellationFees) => payable.cancellation_fees -= amount,
        Some(PayablePart::Payouts) | None => {}
    }
}

/// The month in which what is booked now is settled: not one that is closed, nor one before that.
async fn newest_closed(conn: &mut Conn, organizer: &str) -> Result<Option<(Period, Millis)>> {
    let text = "SELECT period, until_ms FROM settlement WHERE organizer = ? ORDER BY period DESC LIMIT 1";
    let Some(row) = sqlx::query(text).bind(organizer.to_owned()).fetch_optional(conn).await? else { return Ok(None) };
    let cells = Cells { table: "settlement", row: &row };
    Ok(Some((cells.word("period", Period::parse)?, cells.int("until_ms")?)))
}
