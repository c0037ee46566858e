//! Dead letters: records that can never be done are put aside whole, and can be brought back in order.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::Row as _;

use super::BatchFailure;
use super::batch::{Batch, BatchWritten, advance, run};
use super::decode::{decode, order_of};
use crate::facts::ids::{LaneId, OrderId};
use crate::facts::record::{Entry, Record};
use crate::facts::time::Millis;
use crate::ledger::store::keyed::KeyedQuery;
use crate::ledger::store::row::Table;
use crate::ledger::store::rows::DeadRow;
use crate::ledger::store::sql::Value;
use crate::ledger::{Conn, Error, Ledger, ReadSource, Result};

/// A dead record's row.
pub(in crate::ledger) fn letter(
    entry: &Entry,
    lane: LaneId,
    order: Option<OrderId>,
    error: String,
    now_ms: Millis,
) -> DeadRow {
    DeadRow {
        id: entry.id.clone(),
        lane: i64::from(lane.0),
        log: i64::try_from(entry.log.0).unwrap_or(i64::MAX),
        order_id: order,
        at_ms: entry.at_ms,
        entry: serde_json::to_string(entry).expect("plain data"),
        error,
        died_ms: now_ms,
    }
}

/// A dead record, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: String,
    pub lane: LaneId,
    pub order: Option<OrderId>,
    pub error: String,
    pub died_ms: Millis,
}

/// Puts an entry among the dead letters. Doing this again changes nothing.
pub async fn bury(ledger: &Ledger, lane: LaneId, entry: Entry, error: String, now_ms: Millis) -> Result<()> {
    ledger
        .transaction(move |conn| {
            Box::pin(async move {
                let mut letters = Table::<DeadRow>::default();
                letters.load(conn, "id", &[entry.id.as_str().into()], "").await?;
                if letters.len() == 0 {
                    letters.add(letter(&entry, lane, order_of(&entry), error, now_ms));
                }
                Table::flush(conn, std::iter::once(&letters)).await
            })
        })
        .await
}

/// Dead records that were done, but stay dead letters until [`let_go`].
#[derive(Debug)]
pub struct Revived {
    pub lane: LaneId,
    pub order: Option<OrderId>,
    /// Oldest first.
    pub records: Vec<Record>,
    pub written: BatchWritten,
}

/// Tries a dead record again, together with all dead records of its order, oldest first, in one transaction: either all
/// of them are done or none. `None`: no such letter.
///
/// They stay dead letters until the lane has been told ([`let_go`]). A crash in between leaves letters that can be
/// requeued again; records that are done are not computed twice.
pub async fn requeue(
    ledger: &Ledger,
    id: &str,
    now_ms: Millis,
    unknown_ms: i64,
) -> std::result::Result<Option<Revived>, BatchFailure> {
    let id = id.to_owned();
    ledger
        .transaction(move |conn| {
            Box::pin(async move {
                let letters = letters_with(conn, &id).await?;
                let Some(first) = letters.first().cloned() else { return Ok(None) };
                let entries = letters.iter().map(entry_of).collect::<Result<Vec<Entry>>>()?;
                let lane = LaneId(u16::try_from(first.lane).unwrap_or(u16::MAX));
                let mut records = Vec::with_capacity(entries.len());
                for entry in &entries {
                    records.push(Record { id: entry.id.clone(), body: decode(entry, lane)? });
                }
                // The letters must be away meanwhile: no record of an order is done while the order has a dead letter.
                remove(conn, &letters).await?;
                let batch = Batch { lane, entries: entries.into(), now_ms, unknown_ms };
                let written = run(conn, &batch).await?;
                let mut kept = Table::<DeadRow>::default();
                letters.into_iter().for_each(|letter| kept.add(letter));
                Table::flush(conn, std::iter::once(&kept)).await?;
                Ok(Some(Revived { lane, order: first.order_id, records, written }))
            })
        })
        .await
}

/// Takes revived records out of the dead letters, once their lane's log has them again. False: meanwhile other records
/// of the order became dead letters behind them. Then nothing is changed, and all have to be requeued.
pub async fn let_go(ledger: &Ledger, revived: &Revived, now_ms: Millis) -> std::result::Result<bool, BatchFailure> {
    let (lane, order) = (revived.lane, revived.order.clone());
    let ids: HashSet<String> = revived.records.iter().map(|record| record.id.clone()).collect();
    ledger
        .transaction(move |conn| {
            Box::pin(async move {
                // This locks the lane's row, so no record of this order is parked meanwhile.
                advance(conn, &Batch { lane, entries: Arc::new([]), now_ms, unknown_ms: 0 }).await?;
                let mut letters = Table::<DeadRow>::default();
                let keys: Vec<Value> = ids.iter().map(|id| id.as_str().into()).collect();
                letters.load(conn, "id", &keys, "").await?;
                if let Some(order) = &order {
                    letters.load(conn, "order_id", &[order.as_str().into()], "").await?;
                }
                let letters: Vec<DeadRow> = letters.iter().cloned().collect();
                if letters.iter().any(|letter| !ids.contains(&letter.id)) {
                    return Ok(false);
                }
                remove(conn, &letters).await?;
                Ok(true)
            })
        })
        .await
}

/// The letter with this id and all of its order, oldest first.
async fn letters_with(conn: &mut Conn, id: &str) -> Result<Vec<DeadRow>> {
    let mut letters = Table::<DeadRow>::default();
    letters.load(conn, "id", &[id.into()], "").await?;
    let order = letters.iter().next().and_then(|letter| letter.order_id.clone());
    if let Some(order) = order {
        letters.load(conn, "order_id", &[order.as_str().into()], "").await?;
    }
    let mut letters: Vec<DeadRow> = letters.iter().cloned().collect();
    letters.sort_by_key(|letter| letter.log);
    Ok(letters)
}

async fn remove(conn: &mut Conn, letters: &[DeadRow]) -> Result<()> {
    let ids: Vec<Value> = letters.iter().map(|letter| letter.id.as_str().into()).collect();
    let text = "DELETE FROM dead_letter WHERE id IN";
    KeyedQuery { text, fixed: &[], keys: &ids, tail: "" }.run(conn).await.map(|_| ())
}

fn entry_of(row: &DeadRow) -> Result<Entry> {
    serde_json::from_str(&row.entry).map_err(|error| Error::Unreadable {
        table: "dead_letter",
        column: "entry",
        key: row.id.clone(),
        detail: error.to_string(),
    })
}

/// How many dead letters each lane has.
pub async fn dead_counts(ledger: &Ledger) -> Result<HashMap<LaneId, u64>> {
    ledger
        .read_one("dead_counts", ReadSource::Primary, |conn| {
            Box::pin(async move {
                let rows = sqlx::query("SELECT lane, COUNT(*) FROM dead_letter GROUP BY lane").fetch_all(conn).await?;
                rows.iter()
                    .map(|row| {
                        let (lane, count): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
                        Ok((LaneId(u16::try_from(lane).unwrap_or(u16::MAX)), u64::try_from(count).unwrap_or(0)))
                    })
                    .collect()
            })
        })
        .await
}

/// Dead letters, oldest first, at most `limit`.
pub async fn dead_letters(ledger: &Ledger, limit: i64) -> Result<Vec<DeadLetter>> {
    ledger
        .read_one("dead_letters", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT id, lane, order_id, error, died_ms FROM dead_letter ORDER BY lane, log LIMIT ?";
                let rows = sqlx::query(text).bind(limit).fetch_all(conn).await?;
                rows.iter()
                    .map(|row| {
                        Ok(DeadLetter {
                            id: row.try_get(0)?,
                            lane: LaneId(u16::try_from(row.try_get::<i64, _>(1)?).unwrap_or(u16::MAX)),
                            order: row.try_get::<Option<String>, _>(2)?.map(OrderId::from),
                            error: row.try_get(3)?,
                            died_ms: row.try_get(4)?,
                        })
                    })
                    .collect()
            })
        })
        .await
}
