//! Writes one batch of records in one transaction: the order of its steps.

use std::sync::Arc;

use super::conclusion::conclusion;
use super::load::Loading;
use super::records::{RecordOutcome, RecordTask};
use super::{BatchFailure, Book};
use crate::facts::conclusion::Conclusion;
use crate::facts::ids::{EventId, LaneId, OrderId};
use crate::facts::record::Entry;
use crate::facts::time::Millis;
use crate::ledger::rules::call::OpenCall;
use crate::ledger::{Conn, Error, Ledger};

/// Records of one lane, oldest first.
#[derive(Debug, Clone)]
pub struct Batch {
    pub lane: LaneId,
    pub entries: Arc<[Entry]>,
    pub now_ms: Millis,
    /// How long after its deadline an order still waits for an open attempt whose result is unknown, ms.
    pub unknown_ms: i64,
}

/// What must follow a committed batch.
#[derive(Debug, Default)]
pub struct BatchWritten {
    /// The target states for the lane, one an order, each with the order's event.
    pub conclusions: Vec<(EventId, Conclusion)>,
    /// The orders the batch was about.
    pub orders: Vec<OrderId>,
    /// The open calls of these orders, of an order's refunds only the next one. Some may be under way already.
    pub calls: Vec<OpenCall>,
    /// Kind and outcome of each record.
    pub outcomes: Vec<(&'static str, RecordOutcome)>,
    /// When the orders that became final in this batch were placed.
    pub finished: Vec<Millis>,
}

/// Writes a batch in one transaction.
pub async fn write(ledger: &Ledger, batch: Batch) -> Result<BatchWritten, BatchFailure> {
    ledger.transaction(move |conn| Box::pin(async move { run(conn, &batch).await })).await
}

/// Writes orders that cannot be written as they are: each `order.placed` is rejected as `UNPROCESSABLE`, without
/// amounts, and its seats become free.
pub async fn reject(ledger: &Ledger, batch: Batch) -> Result<BatchWritten, BatchFailure> {
    ledger
        .transaction(move |conn| Box::pin(async move { run_in(Loading::rejecting(&batch), conn, &batch).await }))
        .await
}

/// As [`write`], inside a transaction.
pub(in crate::ledger) async fn run(conn: &mut Conn, batch: &Batch) -> Result<BatchWritten, BatchFailure> {
    run_in(Loading::new(batch), conn, batch).await
}

async fn run_in(mut loading: Loading, conn: &mut Conn, batch: &Batch) -> Result<BatchWritten, BatchFailure> {
    advance(conn, batch).await?;
    let tasks = loading.tasks(conn, &batch.entries).await?;
    let mut book = loading.load(conn, &batch.entries, &tasks).await?;

    let mut written = BatchWritten::default();
    for (entry, task) in batch.entries.iter().zip(&tasks) {
        let (kind, outcome) = match task {
            RecordTask::Do(body) => (body.kind(), book.compute(entry, body)?),
            RecordTask::Repeat(order) => {
                book.repeat(entry, order.as_ref());
                ("repeated", RecordOutcome::Repeated)
            }
            RecordTask::Parked => ("parked", RecordOutcome::Parked),
        };
        written.outcomes.push((kind, outcome));
    }
    book.flush(conn).await?;
    book.follow_ups(&mut written);
    Ok(written)
}

/// Stores how far the lane's log is written, and locks the lane's row until the commit.
pub(in crate::ledger) async fn advance(conn: &mut Conn, batch: &Batch) -> Result<(), BatchFailure> {
    let last = batch.entries.iter().map(|entry| entry.log.0).max().unwrap_or(0);
    let last = i64::try_from(last).unwrap_or(i64::MAX);
    let met = sqlx::query("UPDATE lane SET log_last = CASE WHEN log_last < ? THEN ? ELSE log_last END WHERE lane = ?")
        .bind(last)
        .bind(last)
        .bind(i64::from(batch.lane.0))
        .execute(conn)
        .await
        .map_err(Error::from)?
        .rows_affected();
    if met == 1 { Ok(()) } else { Err(BatchFailure::Unbuilt(batch.lane)) }
}

impl Book {
    /// Conclusions and calls of every order the batch was about.
    fn follow_ups(&self, written: &mut BatchWritten) {
        for sheet in self.sheets.values() {
            let order = sheet.order();
            written.conclusions.push((order.event.clone(), conclusion(sheet)));
            written.orders.push(order.id.clone());
            written.calls.extend(sheet.calls());
            let was_final = sheet.stored_status().is_some_and(|status| status.is_final());
            if order.status.is_final() && !was_final {
                written.finished.push(order.placed_ms);
            }
        }
    }
}
