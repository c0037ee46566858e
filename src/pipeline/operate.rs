//! What an operator may ask of the pipeline, in any process that has lanes and ledger.

use super::payments::{payment_record, refund_record};
use super::{Error, Pipeline, deliver, writer};
use crate::facts::ids::{AttemptId, FactKind, LaneId, OrderId, RefundId, fact_lane};
use crate::facts::record::{PaymentResult, RefundResult};
use crate::ledger::writer as book;

/// Most turns of one requeue. Another turn is needed when records of the order became dead letters during the last one;
/// no order has so many records that this goes on for long.
const REQUEUES_MAX: usize = 10;

/// A lane, as an operator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct LaneStatus {
    pub lane: LaneId,
    /// Whether this process writes for it.
    pub leased: bool,
    /// Whether it is being rebuilt; nothing is sold meanwhile.
    pub recovering: bool,
    /// Records waiting in its log.
    pub backlog: u64,
    pub oldest_age_ms: i64,
    pub dead_letters: u64,
    /// The lane's calls to providers that had no answer when the ledger was last asked. 0 where another process writes
    /// for the lane.
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
    /// No attempt or refund has this id.
    NotFound,
    /// It has its answer already.
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

    /// Does a dead record again, with all dead records of its order, oldest first, in one transaction: if one still
    /// cannot be done, all of them stay dead letters. Then they are appended to the lane's log again: its writer finds
    /// them done, and tells the lane what became of the order. After an error, or a crash at any point, the dead
    /// letters are still there, and the call may be repeated.
    pub async fn requeue(&self, id: &str) -> Result<Requeued, Error> {
        let shared = &self.0;
        for _ in 0..REQUEUES_MAX {
            let now_ms = shared.clock.now_ms();
            let revived = book::requeue(&shared.ledger, id, now_ms, shared.settings.unknown_ms).await?;
            let Some(revived) = revived else { return Ok(Requeued::NotFound) };
            writer::count(&revived.written, now_ms);
            self.lane(revived.lane)?.append(now_ms, revived.records.clone()).await?;
            let is_over = book::let_go(&shared.ledger, &revived, now_ms).await?;
            shared.nudge.lane(revived.lane);
            if is_over {
                return Ok(Requeued::Done);
            }
        }
        Err(Error::StillFollowed)
    }

    /// Asks a provider soon about an order that it says something happened to. When this returns, the ledger has noted it.
    pub async fn hint(&self, provider: &str, order: &OrderId) -> Result<(), Error> {
        let Some(lane) = fact_lane(FactKind::Order, order.as_str()) else { return Ok(()) };
        book::hint(&self.0.ledger, provider, order, self.0.clock.now_ms()).await?;
        self.0.nudge.lane(lane);
        Ok(())
    }

    /// Makes a notice that tells nothing, for one subscription. Returns its id.
    pub async fn test_delivery(&self, subscription: &str) -> Result<String, Error> {
        deliver::test(&self.0, subscription).await
    }

    /// Closes an open attempt with the result that a person found out. The provider may say later that it captured the
    /// money after all. Then the money pays the order if the order still waits for its payment and no other attempt is
    /// open. Otherwise the money is sent back.
    pub async fn resolve(&self, attempt: &AttemptId, result: PaymentResult) -> Result<Resolved, Error> {
        let Some(lane) = fact_lane(FactKind::Attempt, attempt.as_str()) else { return Ok(Resolved::NotFound) };
        let Some(known) = book::attempt(&self.0.ledger, attempt).await? else { return Ok(Resolved::NotFound) };
        if !known.open {
            return Ok(Resolved::Closed);
        }
        let record = payment_record(known.order, attempt.clone(), result, known.times);
        self.lane(lane)?.append(self.0.clock.now_ms(), vec![record]).await?;
        self.0.nudge.lane(lane);
        Ok(Resolved::Done)
    }

    /// Closes an open refund with the result that a person found out. It stays so: the provider is not asked again.
    pub async fn resolve_refund(&self, refund: &RefundId, result: RefundResult) -> Result<Resolved, Error> {
        let Some(known) = book::refund(&self.0.ledger, refund).await? else { return Ok(Resolved::NotFound) };
        if !known.open {
            return Ok(Resolved::Closed);
        }
        let Some(lane) = fact_lane(FactKind::Order, known.order.as_str()) else { return Ok(Resolved::NotFound) };
        let record = refund_record(known.order, refund.clone(), result, known.times);
        self.lane(lane)?.append(self.0.clock.now_ms(), vec![record]).await?;
        self.0.nudge.lane(lane);
        Ok(Resolved::Done)
    }
}
