//! A month that is not closed yet.

use sqlx::{AssertSqlSafe, Row as _};

use super::{UNSETTLED, accounts, newest_closed, owe, tickets};
use crate::facts::period::Period;
use crate::facts::settlement::{Bookkeeping, Payable, SettlementFact, SettlementState};
use crate::facts::time::Millis;
use crate::ledger::Conn;
use crate::ledger::Result;
use crate::ledger::store::sql::fetch_in;

/// An open month and what belongs to it: what is booked from `from_ms` to before `until_ms` and stands in no settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenMonth {
    pub organizer: String,
    pub period: Period,
    pub from_ms: Millis,
    pub until_ms: Millis,
    /// Something was ever booked for the organizer.
    pub is_known: bool,
}

impl OpenMonth {
    /// `None`: a later month is closed, so nothing is added to this one any more.
    pub async fn of(conn: &mut Conn, organizer: &str, period: Period, zone: &str) -> Result<Option<Self>> {
        let closed = newest_closed(conn, organizer).await?.map(|(period, _)| period);
        // What was booked late, for months that are closed, belongs to the first month after them.
        let from_ms = match closed {
            Some(closed) if period <= closed => return Ok(None),
            Some(closed) if period == closed.next() => 0,
            Some(_) | None => period.starts_ms(zone),
        };
        let text = "SELECT at_ms FROM journal_entry WHERE account = ? LIMIT 1";
        let known = sqlx::query(text).bind(tickets(organizer)).fetch_optional(conn).await?.is_some();
        let (organizer, until_ms) = (organizer.to_owned(), period.ends_ms(zone));
        Ok(Some(Self { organizer, period, from_ms, until_ms, is_known: known || closed.is_some() }))
    }

    pub async fn fact(&self, conn: &mut Conn, books: &Bookkeeping) -> Result<SettlementFact> {
        let text = format!(
            "SELECT j.account, COUNT(*) AS entries, CAST(SUM(j.amount) AS SIGNED) AS amount FROM {UNSETTLED} AND j.account IN"
        );
        let tail = format!("AND j.at_ms >= {} AND j.at_ms < {} GROUP BY j.account", self.from_ms, self.until_ms);
        let (mut payable, mut entries) = (Payable::default(), 0);
        let tickets = tickets(&self.organizer);
        for row in fetch_in(conn, &text, &accounts(&self.organizer), &tail).await? {
            let account: String = row.try_get("account")?;
            owe(&mut payable, &account, row.try_get("amount")?);
            if account == tickets {
                entries = row.try_get("entries")?;
            }
        }
        Ok(SettlementFact {
            organizer: self.organizer.clone(),
            period: self.period.to_string(),
            state: SettlementState::Open,
            currency: books.currency.clone(),
            early: false,
            until_ms: self.until_ms,
            entries,
            payable,
            closed_ms: None,
            paid_ms: None,
            reference: None,
        })
    }

    /// The next open month with something in it.
    pub async fn after(&self, conn: &mut Conn, zone: &str) -> Result<Option<Period>> {
        Ok(unsettled(conn, &self.organizer, self.until_ms).await?.map(|at_ms| Period::of(at_ms, zone)))
    }
}

/// The first open month with something in it.
pub(super) async fn first(conn: &mut Conn, organizer: &str, zone: &str) -> Result<Option<Period>> {
    let Some(at_ms) = unsettled(conn, organizer, 0).await? else { return Ok(None) };
    let closed = newest_closed(conn, organizer).await?;
    let least = closed.map(|(period, _)| period.next());
    let month = Period::of(at_ms, zone);
    Ok(Some(least.map_or(month, |least| month.max(least))))
}

/// When the first entry from this time on was booked that stands in no settlement.
async fn unsettled(conn: &mut Conn, organizer: &str, from_ms: Millis) -> Result<Option<Millis>> {
    let text = format!("SELECT j.at_ms FROM {UNSETTLED} AND j.account = ? AND j.at_ms >= ? ORDER BY j.at_ms LIMIT 1");
    let row = sqlx::query(AssertSqlSafe(text)).bind(tickets(organizer)).bind(from_ms).fetch_optional(conn).await?;
    row.map(|row| Ok(row.try_get(0)?)).transpose()
}
