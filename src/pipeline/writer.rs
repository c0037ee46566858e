//! Takes a batch from a lane's log to the ledger and concludes it in the lane. It decides what is tried again and what
//! becomes a dead letter; what a record means belongs in `ledger::rules`.

use std::collections::VecDeque;
use std::sync::Arc;

use metrics::{counter, histogram};

use super::parts::PipelineShared;
use super::session::pause;
use super::{conclude, retry};
use crate::clock;
use crate::facts::conclusion::Conclusion;
use crate::facts::ids::{EventId, LogId};
use crate::facts::record::{Entry, RecordBody};
use crate::facts::time::Millis;
use crate::lane::Lane;
use crate::ledger::writer;
use crate::ledger::writer::{Batch, BatchFailure, BatchWritten};
use crate::metrics::{
    PIPELINE_BATCH_RECORDS, PIPELINE_COMMIT_SECONDS, PIPELINE_DEAD_LETTERS, PIPELINE_ORDER_SECONDS, PIPELINE_RECORDS,
    PIPELINE_RETRIES, PIPELINE_UNPROCESSABLE,
};
use crate::shutdown::Stopping;

/// Why a session's work on the log ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Stopped,
    /// The lane, or the ledger's mark of it, has to be rebuilt first.
    NotWhole,
}

pub(super) struct Writer<'s> {
    pub shared: &'s PipelineShared,
    pub lane: &'s dyn Lane,
}

/// What the ledger has written and the lane was not told yet.
pub(super) struct Untold {
    conclusions: Vec<(EventId, Conclusion)>,
    /// The last record of the log that it is about.
    pub upto: LogId,
}

impl Writer<'_> {
    /// Writes the entries.
    pub async fn commit(
        &self,
        entries: Arc<[Entry]>,
        stop: &mut Stopping,
    ) -> Result<(Vec<BatchWritten>, Untold), Ended> {
        let upto = entries.iter().map(|entry| entry.log).max().expect("a batch is not empty");
        let mut written = self.write(entries, stop).await?;
        let conclusions = written.iter_mut().flat_map(|part| part.conclusions.drain(..)).collect();
        Ok((written, Untold { conclusions, upto }))
    }

    /// Concludes what was written, and drops it from the log.
    pub async fn tell(&self, untold: Option<Untold>, stop: &mut Stopping) -> Result<(), Ended> {
        let Some(Untold { conclusions, upto }) = untold else { return Ok(()) };
        conclude::conclude(self.shared, self.lane, conclusions, upto, stop).await
    }

    /// Writes the entries. When one of them can never be done, it splits the batch in halves until that one stands
    /// alone.
    pub async fn write(&self, entries: Arc<[Entry]>, stop: &mut Stopping) -> Result<Vec<BatchWritten>, Ended> {
        let mut parts = VecDeque::from([entries]);
        let mut written = Vec::new();
        let mut delays = retry::STORE.iter();
        while let Some(part) = parts.pop_front() {
            match self.transaction(&part).await {
                Ok(done) => {
                    delays = retry::STORE.iter();
                    written.push(done);
                }
                Err(BatchFailure::Unbuilt(_)) => return Err(Ended::NotWhole),
                Err(failure) if failure.is_records_fault() => {
                    if let [only] = &*part {
                        match self.reject(&part, &failure).await {
                            Ok(Some(done)) => written.push(done),
                            Ok(None) => self.bury(only, &failure, stop).await?,
                            Err(passing) => {
                                counter!(PIPELINE_RETRIES, "cause" => passing.label()).increment(1);
                                self.wait(delays.next(), stop).await?;
                                parts.push_front(part);
                            }
                        }
                    } else {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.push_front(second.into());
                        parts.push_front(first.into());
                    }
                }
                Err(failure) => {
                    tracing::warn!(lane = %self.lane.id(), records = part.len(), error = &failure as &dyn std::error::Error,
                        "the batch was rolled back and will be tried again");
                    counter!(PIPELINE_RETRIES, "cause" => failure.label()).increment(1);
                    self.wait(delays.next(), stop).await?;
                    parts.push_front(part);
                }
            }
        }
        Ok(written)
    }

    /// Rejects an order that cannot be written, so that its buyer does not wait for ever and its seats go back. `None`:
    /// the record is no order, or not even the rejection can be written. After an error it may be tried again.
    async fn reject(&self, order: &Arc<[Entry]>, failure: &BatchFailure) -> Result<Option<BatchWritten>, BatchFailure> {
        let is_order =
            order.iter().all(|entry| matches!(serde_json::from_str(&entry.body), Ok(RecordBody::OrderPlaced { .. })));
        if !is_order {
            return Ok(None);
        }
        let batch = self.batch(order);
        let now_ms = batch.now_ms;
        let written = match writer::reject(&self.shared.ledger, batch).await {
            Ok(written) => written,
            Err(failure) if failure.is_records_fault() => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let records: Vec<&str> = order.iter().map(|entry| entry.id.as_str()).collect();
        tracing::error!(lane = %self.lane.id(), ?records, error = failure as &dyn std::error::Error,
            "an accepted order cannot be written; it was rejected as UNPROCESSABLE and everything given back");
        counter!(PIPELINE_UNPROCESSABLE).increment(1);
        count(&written, now_ms);
        Ok(Some(written))
    }

    fn batch(&self, entries: &Arc<[Entry]>) -> Batch {
        Batch {
            lane: self.lane.id(),
            entries: entries.clone(),
            now_ms: self.shared.clock.now_ms(),
            unknown_ms: self.shared.settings.unknown_ms,
        }
    }

    async fn transaction(&self, entries: &Arc<[Entry]>) -> Result<BatchWritten, BatchFailure> {
        let batch = self.batch(entries);
        let now_ms = batch.now_ms;
        let started = clock::instant();
        let written = writer::write(&self.shared.ledger, batch).await?;
        self.shared.told.lane(self.lane.id());
        histogram!(PIPELINE_COMMIT_SECONDS).record(started.elapsed());
        histogram!(PIPELINE_BATCH_RECORDS).record(entries.len() as f64);
        count(&written, now_ms);
        Ok(written)
    }

    /// Puts a record among the dead letters. The log line gives its id and the error to the person who is paged.
    async fn bury(&self, entry: &Entry, failure: &BatchFailure, stop: &mut Stopping) -> Result<(), Ended> {
        tracing::error!(lane = %self.lane.id(), record = %entry.id, error = failure as &dyn std::error::Error,
            "a record can never be done and was put aside");
        let mut delays = retry::STORE.iter();
        loop {
            let now_ms = self.shared.clock.now_ms();
            let (lane, ledger) = (self.lane.id(), &self.shared.ledger);
            match writer::bury(ledger, lane, entry.clone(), failure.to_string(), now_ms).await {
                Ok(()) => {
                    counter!(PIPELINE_DEAD_LETTERS).increment(1);
                    return Ok(());
                }
                Err(error) => {
                    tracing::warn!(%lane, %error, "the dead letters cannot be written");
                    counter!(PIPELINE_RETRIES, "cause" => error.label()).increment(1);
                    self.wait(delays.next(), stop).await?;
                }
            }
        }
    }

    async fn wait(&self, delay: Option<std::time::Duration>, stop: &mut Stopping) -> Result<(), Ended> {
        pause(delay.unwrap_or(retry::STORE.most), stop).await;
        if stop.is_stopping() { Err(Ended::Stopped) } else { Ok(()) }
    }
}

/// Counts a committed batch in the metrics.
pub(super) fn count(written: &BatchWritten, now_ms: Millis) {
    for &(kind, outcome) in &written.outcomes {
        counter!(PIPELINE_RECORDS, "kind" => kind, "outcome" => outcome.label()).increment(1);
    }
    for &placed_ms in &written.finished {
        histogram!(PIPELINE_ORDER_SECONDS).record((now_ms - placed_ms).max(0) as f64 / 1_000.0);
    }
}
