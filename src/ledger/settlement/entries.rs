//! The sales and refunds of a settlement, one by one.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, Row as _};

use super::open::OpenMonth;
use super::{UNSETTLED, id, owe, stored, tickets};
use crate::facts::ids::{EventId, OrderId, RefundId};
use crate::facts::period::Period;
use crate::facts::settlement::{Bookkeeping, Payable};
use crate::facts::time::Millis;
use crate::ledger::read::{Cursor, ListPart, page};
use crate::ledger::store::sql::{Value, fetch_in};
use crate::ledger::{Conn, ReadSource, Reader, Result};

/// What an entry is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// An order was confirmed.
    Sale,
    /// Money of an order was given back.
    Refund(RefundId),
    /// The bank took back the deposit that had paid an order, so there was no sale.
    Undone,
}

/// A sale or a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementEntry {
    /// The journal's transaction.
    pub transaction: String,
    pub at_ms: Millis,
    pub kind: EntryKind,
    pub order: OrderId,
    pub event: EventId,
    pub payable: Payable,
}

impl Reader {
    /// Entries of a settlement, oldest first. The part begins behind `after` and has at most `limit` items. It comes
    /// from the primary.
    pub async fn settlement_entries(
        &self,
        organizer: &str,
        period: Period,
        books: &Bookkeeping,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<ListPart<SettlementEntry>> {
        let (organizer, zone) = (organizer.to_owned(), books.zone.clone());
        let after = after.unwrap_or_else(Cursor::first);
        self.read("settlement_entries", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let most = i64::from(limit) + 1;
                let found = match stored(conn, &organizer, period).await? {
                    Some(_) => written(conn, &id(&organizer, period), &after, most).await?,
                    None => match OpenMonth::of(conn, &organizer, period, &zone).await? {
                        Some(month) => booked(conn, &month, &after, most).await?,
                        None => Vec::new(),
                    },
                };
                let entries = entries(conn, &found).await?;
                Ok(page(entries, limit, SettlementEntry::cursor))
            })
        })
        .await
    }
}

impl Reader {
    /// The entries that a settlement has written down, as [`Reader::settlement_entries`] answers them.
    pub(in crate::ledger) async fn written_entries(
        &self,
        organizer: &str,
        period: Period,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<ListPart<SettlementEntry>> {
        let (id, after) = (id(organizer, period), after.unwrap_or_else(Cursor::first));
        self.read("written_entries", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let found = written(conn, &id, &after, i64::from(limit) + 1).await?;
                let entries = entries(conn, &found).await?;
                Ok(page(entries, limit, SettlementEntry::cursor))
            })
        })
        .await
    }
}

impl SettlementEntry {
    fn cursor(&self) -> Cursor {
        Cursor { number: self.at_ms, id: self.transaction.clone() }
    }
}

type Booked = Vec<(String, Millis)>;

/// The entries that a settlement has written down.
async fn written(conn: &mut Conn, id: &str, after: &Cursor, most: i64) -> Result<Booked> {
    let text = "SELECT transaction_id, at_ms FROM settlement_entry WHERE settlement = ? \
         AND (at_ms > ? OR at_ms = ? AND transaction_id > ?) ORDER BY at_ms, transaction_id LIMIT ?";
    let query = sqlx::query(text).bind(id.to_owned()).bind(after.number).bind(after.number);
    let rows = query.bind(after.id.clone()).bind(most).fetch_all(conn).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// The entries that an open month has so far.
async fn booked(conn: &mut Conn, month: &OpenMonth, after: &Cursor, most: i64) -> Result<Booked> {
    let text = format!(
        "SELECT j.transaction_id, j.at_ms FROM {UNSETTLED} AND j.account = ? AND j.at_ms >= ? AND j.at_ms < ? \
         AND (j.at_ms > ? OR j.at_ms = ? AND j.transaction_id > ?) ORDER BY j.at_ms, j.transaction_id LIMIT ?"
    );
    let query = sqlx::query(AssertSqlSafe(text)).bind(tickets(&month.organizer)).bind(month.from_ms.max(after.number));
    let query = query.bind(month.until_ms).bind(after.number).bind(after.number).bind(after.id.clone());
    let rows = query.bind(most).fetch_all(conn).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

async fn entries(conn: &mut Conn, booked: &Booked) -> Result<Vec<SettlementEntry>> {
    let keys: Vec<Value> = booked.iter().map(|(transaction, _)| transaction.as_str().into()).collect();
    let text = "SELECT j.transaction_id, j.account, j.amount, j.order_id, o.event FROM journal_entry j \
         JOIN orders o ON o.id = j.order_id WHERE j.transaction_id IN";
    let mut found: HashMap<String, (OrderId, EventId, Payable)> = HashMap::new();
    let tail = "AND j.account LIKE 'organizer_payable:%'";
    for row in fetch_in(conn, text, &keys, tail).await? {
        let account: String = row.try_get("account")?;
        let (order, event): (String, String) = (row.try_get("order_id")?, row.try_get("event")?);
        let entry = found
            .entry(row.try_get("transaction_id")?)
            .or_insert_with(|| (OrderId::from(order), EventId::from(event), Payable::default()));
        owe(&mut entry.2, &account, row.try_get("amount")?);
    }
    let entry = |(transaction, at_ms): &(String, Millis)| {
        let (order, event, payable) = found.get(transaction)?.clone();
        let kind = match transaction.strip_suffix(".done") {
            Some(refund) => EntryKind::Refund(RefundId::from(refund)),
            None if transaction.contains(".undone-") => EntryKind::Undone,
            None => EntryKind::Sale,
        };
        Some(SettlementEntry { transaction: transaction.clone(), at_ms: *at_ms, kind, order, event, payable })
    };
    Ok(booked.iter().filter_map(entry).collect())
}
