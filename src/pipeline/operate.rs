//! What an operator may ask of the pipeline, from any process that has lanes and ledger. Knows no HTTP.

use super::payments::payment_record;
use super::{Error, Pipeline, settle, writer};
use crate::ids::{AttemptId, FactKind, LaneId, LogId, fact_lane};
use crate::lane::record::PaymentResult;
use crate::ledger::book;
use crate::shutdown;

/// A lane, as an operator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct LaneStatus {
    pub lane: LaneId,
    /// This process writes for it.
    pub leased: bool,
    /// Being rebuilt; nothing is sold.
    pub recovering: bool,
    /// Records waiting in its log.
    pub backlog: u64,
    pub oldest_age_ms: i64,
    pub dead_letters: u64,
    /// Calls to the provider without an answer, in this process.
    pub open_calls: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeued {
    Done,
    /// No dead letter has this id.
    NotFound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    Done,
    /// No attempt has this id.
    NotFound,
    /// The attempt has its answer already.
    Closed,
}

impl Pipeline {
    /// All lanes, by number.
    pub async fn status(&self) -> Result<Vec<LaneStatus>, Error> {
        let dead = book::dead_counts(&self.0.ledger).await?;
        let mut lanes = Vec::with_capacity(usize::from(self.0.lanes.count()));
        for lane in self.0.lanes.iter() {
            let (meta, view) = (lane.meta().await?, self.0.view(lane.id()));
            lanes.push(LaneStatus {
                lane: lane.id(),
                leased: view.leased,
                recovering: view.recovering || meta.recovering,
                backlog: meta.backlog,
                oldest_age_ms: meta.oldest_ms.map_or(0, |at_ms| (self.0.clock.now_ms() - at_ms).max(0)),
                dead_letters: dead.get(&lane.id()).copied().unwrap_or(0),
                open_calls: view.open,
            });
        }
        Ok(lanes)
    }

    /// Does a dead record again, with all dead records of its order, oldest first; those that still
    /// cannot be done stay where they are, all of them.
    pub async fn requeue(&self, id: &str) -> Result<Requeued, Error> {
        let shared = &self.0;
        let now_ms = shared.clock.now_ms();
        let done = book::requeue(&shared.ledger, id, now_ms, shared.settings.unknown_ms).await?;
        let Some((lane, mut written)) = done else { return Ok(Requeued::NotFound) };
        writer::count(&written, now_ms);
        let settlements = std::mem::take(&mut written.settlements);
        let (_running, mut stop) = shutdown::channel();
        // Nothing is trimmed: these records left the log long ago. A lane that is being rebuilt meanwhile
        // is rebuilt from what was just committed.
        let _ = settle::settle(shared, self.lane(lane)?.as_ref(), settlements, LogId(0), &mut stop).await;
        shared.nudge.lane(lane);
        Ok(Requeued::Done)
    }

    /// Closes an open attempt with what a human found out; the provider's own answer, should it come
    /// later, meets a closed attempt, and money that came with it is sent back.
    pub async fn resolve(&self, attempt: &AttemptId, result: PaymentResult) -> Result<Resolved, Error> {
        let Some(lane) = fact_lane(FactKind::Attempt, attempt.as_str()) else { return Ok(Resolved::NotFound) };
        let Some(known) = book::attempt(&self.0.ledger, attempt).await? else { return Ok(Resolved::NotFound) };
        if !known.open {
            return Ok(Resolved::Closed);
        }
        let record = payment_record(known.order, attempt.clone(), result);
        self.lane(lane)?.append(self.0.clock.now_ms(), vec![record]).await?;
        self.0.nudge.lane(lane);
        Ok(Resolved::Done)
    }
}
