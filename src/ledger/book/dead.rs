//! Records that can never be done, put aside whole, and brought back in order. Knows no rule of records.

use super::Failure;
use super::batch::{Batch, Written, run};
use super::decode::order_of;
use super::row::Table;
use super::rows::Dead;
use crate::clock::Millis;
use crate::ids::{LaneId, OrderId};
use crate::lane::Entry;
use crate::ledger::sql::Value;
use crate::ledger::{Error, Ledger, Result};

/// A dead record's row.
pub(super) fn letter(entry: &Entry, lane: LaneId, order: Option<OrderId>, error: String, now_ms: Millis) -> Dead {
    Dead {
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

/// A record put aside, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: String,
    pub lane: LaneId,
    pub order: Option<OrderId>,
    pub error: String,
    pub died_ms: Millis,
}

/// Puts an entry aside for good; again changes nothing.
pub async fn bury(ledger: &Ledger, lane: LaneId, entry: Entry, error: String, now_ms: Millis) -> Result<()> {
    ledger
        .transaction(move |conn| {
            Box::pin(async move {
                let mut letters = Table::<Dead>::default();
                letters.load(conn, "id", &[entry.id.as_str().into()], "").await?;
                if letters.len() == 0 {
                    letters.add(letter(&entry, lane, order_of(&entry), error, now_ms));
                }
                Table::flush(conn, std::iter::once(&letters)).await
            })
        })
        .await
}

/// Does a dead record again, and all dead records of its order with it, oldest first, in one transaction
/// in which they also leave the dead letters: either all of them are done or all stay. `None`: no such
/// letter.
///
/// They are not appended to the log again: between a log and a table nothing can be moved in one step.
pub async fn requeue(
    ledger: &Ledger,
    id: &str,
    now_ms: Millis,
    unknown_ms: i64,
) -> std::result::Result<Option<(LaneId, Written)>, Failure> {
    let id = id.to_owned();
    ledger
        .transaction(move |conn| {
            Box::pin(async move {
                let mut letters = Table::<Dead>::default();
                letters.load(conn, "id", &[id.as_str().into()], "").await?;
                let Some(first) = letters.iter().next().cloned() else { return Ok(None) };
                if let Some(order) = &first.order_id {
                    letters.load(conn, "order_id", &[order.as_str().into()], "").await?;
                }
                let ids: Vec<Value> = letters.iter().map(|row| row.id.as_str().into()).collect();
                let mut rows: Vec<&Dead> = letters.iter().collect();
                rows.sort_by_key(|row| row.log);
                let entries = rows.into_iter().map(entry_of).collect::<Result<Vec<Entry>>>()?;
                let text = "DELETE FROM dead_letter WHERE id IN";
                super::query::Keyed { text, fixed: &[], keys: &ids, tail: "" }.run(conn).await?;
                let lane = LaneId(u16::try_from(first.lane).unwrap_or(u16::MAX));
                let batch = Batch { lane, entries: entries.into(), now_ms, unknown_ms };
                Ok(Some((lane, run(conn, &batch).await?)))
            })
        })
        .await
}

fn entry_of(row: &Dead) -> Result<Entry> {
    serde_json::from_str(&row.entry).map_err(|error| Error::Unreadable {
        table: "dead_letter",
        column: "entry",
        key: row.id.clone(),
        detail: error.to_string(),
    })
}
