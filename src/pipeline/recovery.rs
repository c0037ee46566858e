//! Rebuilds a lane that was lost, or that is behind what the ledger saw of it. The catalogue says what is on sale.
//!
//! A rebuilt lane has: events and campaigns, sold and paying seats, orders that may still change, claims, and of each
//! room the visitors inside and the spent places. It does not have: holds without an order, places in line (their
//! holders' own polls bring them back while the room is recovering), and records that the store lost before they
//! reached the ledger. Whether a store may lose records depends on how it is synced (Redis' `appendfsync`, the sync of
//! the WAL), not on this module.

use std::sync::Arc;

use async_trait::async_trait;
use metrics::counter;

use super::checkpoints::{RoomSource, SavedRooms};
use super::parts::PipelineShared;
use super::writer::{Ended, Writer};
use super::{Error, Pipeline, room_now};
use crate::facts::checkpoint::{Look, RestoredOrder};
use crate::facts::conclusion::Conclusion;
use crate::facts::fault::Fault;
use crate::facts::ids::{EventId, LaneId, LogId};
use crate::facts::room::AdmissionOrder;
use crate::facts::time::Millis;
use crate::lane::Lane;
use crate::lane::coupons::{CampaignPut, PutCampaign};
use crate::lane::events::{EventPut, PutEvent};
use crate::lane::log::Meta;
use crate::lane::recovery::EventRestore;
use crate::ledger::catalog::{LaneMark, Put};
use crate::ledger::checkpoints::{Save, Saved};
use crate::metrics::LANE_LOST;
use crate::shutdown;
use crate::shutdown::Stopping;

/// What is on sale in a lane, by the ledger's catalogue. `app` implements this with the catalogue.
#[async_trait]
pub trait Sources: Send + Sync + 'static {
    async fn events(&self, lane: LaneId) -> Result<Vec<EventSource>, Box<dyn std::error::Error + Send + Sync>>;
    async fn campaigns(&self, lane: LaneId) -> Result<Vec<CampaignPut>, Box<dyn std::error::Error + Send + Sync>>;
    /// The rooms known so far, from memory.
    fn rooms(&self, lane: LaneId) -> Vec<RoomSource>;
    /// Events in the lane that were over at `before_ms`, with their versions.
    fn over(&self, lane: LaneId, before_ms: Millis) -> Vec<(EventId, i64)>;
    /// Events in the lane that were cancelled, with the reason.
    fn cancelled(&self, lane: LaneId) -> Vec<(EventId, String)>;
    /// Events that have left the lane, with their versions.
    fn past(&self, lane: LaneId) -> Vec<(EventId, i64)>;
}

/// An event, and how long its room waits for its visitors after a rebuild.
#[derive(Debug, Clone)]
pub struct EventSource {
    pub put: EventPut,
    pub recover_ms: Millis,
}

/// What a rebuild brought back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuild {
    pub generation: u64,
    pub events: usize,
    pub orders: usize,
    pub campaigns: usize,
    pub claims: usize,
}

impl Pipeline {
    /// Rebuilds a lane from the ledger, even a lane that is sound. Takes the lane's lease for that time;
    /// [`Error::Leased`]: another process has it.
    ///
    /// The lane's doors are closed until it is rebuilt. What is in its log goes to the ledger first.
    pub async fn rebuild(&self, id: LaneId) -> Result<Rebuild, Error> {
        let lane = self.lane(id)?;
        let shared = &self.0;
        let owner = format!("{} rebuild", shared.owner);
        lane.lease(shared.clock.now_ms(), &owner, shared.settings.lease_ms).await?.ok_or(Error::Leased(id))?;
        let (_running, stop) = shutdown::channel();
        let done = build(shared, lane, &stop).await;
        // The lane is rebuilt or not, whether it hears of this or not; its lease ends by itself.
        if let Err(fault) = lane.unlease(&owner).await {
            tracing::warn!(lane = %id, %fault, "the lease for a rebuilding was not given back");
        }
        done
    }
}

impl Pipeline {
    /// Closes the doors of lanes that are behind what the ledger saw of them. A process calls this before it serves: it
    /// has seen nothing of the lanes itself, and an older copy may have been put in place. The writer rebuilds them.
    pub async fn close_behind(&self) -> Result<(), Error> {
        for lane in self.0.lanes.iter() {
            match is_behind(&self.0, lane.as_ref()).await {
                Ok(false) => {}
                Ok(true) => {
                    tracing::error!(lane = %lane.id(), "the lane is behind what the ledger saw of it; it is closed until it is rebuilt");
                    lane.seal().await?;
                }
                // A lane that does not answer serves nobody either.
                Err(Error::Lane(fault)) => tracing::warn!(lane = %lane.id(), %fault, "the lane was not looked at"),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether the lane is open and knows less than the ledger does.
async fn is_behind(shared: &PipelineShared, lane: &dyn Lane) -> Result<bool, Error> {
    let mark = shared.ledger.lane_mark(lane.id()).await?;
    let meta = lane.meta().await?;
    if meta.recovering || agrees(&meta, &mark) {
        return Ok(false);
    }
    // If the mark has another generation now, the lane was rebuilt between the two looks.
    Ok(shared.ledger.lane_mark(lane.id()).await?.generation == mark.generation)
}

/// Whether the lane is built, and has seen at least what the ledger remembers of it.
pub(super) async fn is_sound(shared: &PipelineShared, lane: &dyn Lane) -> Result<bool, Error> {
    let mark = shared.ledger.lane_mark(lane.id()).await?;
    Ok(agrees(&lane.meta().await?, &mark))
}

fn agrees(meta: &Meta, mark: &LaneMark) -> bool {
    !meta.recovering && meta.generation > 0 && meta.generation == mark.generation && meta.log_last >= mark.log_last
}

/// As [`Pipeline::rebuild`], by the session that has the lease.
pub(super) async fn rebuild(shared: &Arc<PipelineShared>, lane: &Arc<dyn Lane>, stop: &Stopping) -> Result<(), Error> {
    let lost = lane.meta().await?.lost;
    let done = build(shared, lane, stop).await?;
    if done.generation > 1 {
        counter!(LANE_LOST).increment(1);
        let lost = lost.as_deref().unwrap_or("it was empty, or behind what was seen of it");
        tracing::error!(lane = %lane.id(), lost, ?done, "the lane had lost some of what it had and was rebuilt");
    } else if done.events > 0 {
        tracing::info!(lane = %lane.id(), ?done, "the lane was built");
    } else {
        tracing::debug!(lane = %lane.id(), "the lane was built, empty");
    }
    Ok(())
}

async fn build(shared: &Arc<PipelineShared>, lane: &Arc<dyn Lane>, stop: &Stopping) -> Result<Rebuild, Error> {
    let id = lane.id();
    let before = shared.ledger.lane_mark(id).await?;
    if is_sound(shared, lane.as_ref()).await? {
        // A sound lane is rebuilt only by command: save its rooms now, so that not even the last second of them is
        // lost.
        SavedRooms::default().save(shared, lane.as_ref()).await?;
    }
    // Close the doors first: what they accept between the last look at the log and the wipe would be lost.
    lane.seal().await?;
    if before.generation > 0 {
        rescue(shared, lane.as_ref(), stop).await?;
    }
    let meta = lane.meta().await?;
    let rescued = shared.ledger.lane_mark(id).await?;
    // Another process has rebuilt the lane: it may be open again, with records that only its log has.
    if rescued.generation != before.generation {
        return Err(Error::Leased(id));
    }
    let mark = LaneMark {
        generation: before.generation.max(meta.generation) + 1,
        log_last: rescued.log_last.max(meta.log_last),
        epoch: rescued.epoch + 1,
    };
    // Set the mark first: after a crash from here on the lane is behind its mark, and is rebuilt again. Only one
    // process can set it, and so begin this generation.
    if shared.ledger.set_lane_mark(id, before.generation, mark).await? == Put::Conflict {
        return Err(Error::Leased(id));
    }
    lane.begin_restore(shared.clock.now_ms(), mark.generation, mark.log_last).await?;
    let mut done = Rebuild { generation: mark.generation, ..Rebuild::default() };
    let mut refunded = Vec::new();
    for put in shared.sources.campaigns(id).await.map_err(Error::Catalog)? {
        let claims = shared.ledger.claims(&put.campaign).await?;
        done.campaigns += 1;
        done.claims += claims.len();
        lane.restore_campaign(shared.clock.now_ms(), mark.generation, put, claims).await?;
    }
    for EventSource { put, recover_ms } in shared.sources.events(id).await.map_err(Error::Catalog)? {
        let orders = shared.ledger.live_orders(&put.event).await?;
        let (checkpoint, spent_draws) = match shared.ledger.room_checkpoint(&put.event).await? {
            Some(saved) => {
                let look = bring_up_to_date(shared, id, mark, &put, &saved, &orders).await?;
                (Some(look.room), shared.ledger.spent_draws(&put.event).await?)
            }
            None => (None, Vec::new()),
        };
        done.events += 1;
        done.orders += orders.len();
        refunded.extend(orders.iter().filter(|order| has_refunds(order)).cloned());
        let restore = EventRestore {
            generation: mark.generation,
            put,
            // A room also counts its epoch up by itself, with every round.
            epoch: mark.epoch.max(checkpoint.as_ref().map_or(0, |room| room.epoch + 1)),
            checkpoint,
            spent_draws,
            // A lane that is built for the first time has no visitors to wait for.
            recover_ms: if before.generation > 0 { recover_ms } else { 0 },
            orders,
        };
        lane.restore_event(shared.clock.now_ms(), restore).await?;
    }
    lane.end_restore(shared.clock.now_ms(), mark.generation).await?;
    for order in refunded {
        show_refunds(shared, lane.as_ref(), order).await?;
    }
    Ok(done)
}

/// Saves the room in the ledger as the rebuilt lane will have it. This comes before the lane is restored, because a
/// restored lane counts the changes of its draws from the first one.
async fn bring_up_to_date(
    shared: &PipelineShared,
    lane: LaneId,
    mark: LaneMark,
    put: &EventPut,
    saved: &Saved,
    orders: &[RestoredOrder],
) -> Result<Look, Error> {
    let mut look = room_now::brought_up_to_date(saved, orders, &put.room);
    if put.room.order == AdmissionOrder::Lottery {
        // Until a draw is stored, only the lane has the list of its visitors. Those who come back make up the list
        // again.
        look.room.drawing |= shared.ledger.draw(&put.event, look.room.round).await?.is_none();
    }
    let save = Save {
        lane,
        generation: mark.generation,
        log_last: mark.log_last,
        event: &put.event,
        before: Some(saved),
        after: &look,
        now_ms: shared.clock.now_ms(),
    };
    match shared.ledger.save_room(save).await? {
        Put::Done => Ok(look),
        // Another process saved it in between.
        Put::Conflict => Err(Error::Leased(lane)),
    }
}

fn has_refunds(order: &RestoredOrder) -> bool {
    order.fact.lines.iter().any(|line| line.closed || line.refunded > 0)
}

/// Tells an open lane the refunds of an order, so that it recognizes repeats of them. The lane has the order itself at
/// this version already.
async fn show_refunds(shared: &PipelineShared, lane: &dyn Lane, order: RestoredOrder) -> Result<(), Error> {
    let RestoredOrder { fact, hold: _, seats: _, refundable_until_ms } = order;
    let refunds = shared.ledger.refunds_of(&fact.id).await?;
    let event = fact.event.clone();
    let conclusion = Conclusion { fact, seats: Vec::new(), held_until_ms: None, refundable_until_ms, refunds };
    Ok(lane.conclude(shared.clock.now_ms(), &event, vec![conclusion], None).await?)
}

/// Tells a whole lane again what is on sale: a change that reached the ledger may not have reached the lane. An equal
/// version changes nothing; if the lane has a newer one, that stays.
pub(super) async fn reapply(shared: &PipelineShared, lane: &dyn Lane) -> Result<(), Error> {
    for EventSource { put, .. } in shared.sources.events(lane.id()).await.map_err(Error::Catalog)? {
        let event = put.event.clone();
        match lane.put_event(shared.clock.now_ms(), put).await? {
            PutEvent::Done | PutEvent::Stale(_) => {}
            // The ledger has what was sold of the event: the lane is rebuilt with it.
            PutEvent::Missing => lane.seal().await?,
            PutEvent::SeatsTaken(seats) => {
                tracing::error!(lane = %lane.id(), %event, ?seats, "the ledger blocks seats that are taken");
            }
        }
    }
    for put in shared.sources.campaigns(lane.id()).await.map_err(Error::Catalog)? {
        let campaign = put.campaign.clone();
        match lane.put_campaign(shared.clock.now_ms(), put).await? {
            PutCampaign::Done | PutCampaign::Stale(_) => {}
            PutCampaign::StockClaimed(claimed) => {
                tracing::error!(lane = %lane.id(), %campaign, claimed, "the ledger has less stock than is claimed");
            }
        }
    }
    Ok(())
}

/// Takes what is left in a sealed lane's log to the ledger, without telling the lane, which is about to be rebuilt from
/// there. This includes a lane that was rolled back: what it still has was accepted. Records from before the rollback
/// are recognized by their ids and change nothing.
async fn rescue(shared: &PipelineShared, lane: &dyn Lane, stop: &Stopping) -> Result<(), Error> {
    let writer = Writer { shared, lane };
    let mut stop = stop.clone();
    let mut after = LogId(0);
    loop {
        let entries = match lane.read_log(after, shared.settings.batch_max).await {
            // The lane was never built, or a rebuild that was cut short dropped its log.
            Err(Fault::Recovering(_)) => return Ok(()),
            entries => entries?,
        };
        let Some(last) = entries.last() else { return Ok(()) };
        after = last.log;
        match writer.write(entries.into(), &mut stop).await {
            Ok(_) => {}
            Err(Ended::Stopped | Ended::NotWhole) => return Err(Error::Leased(lane.id())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_sound_when_it_is_not_behind_the_ledger() {
        let meta =
            Meta { generation: 2, recovering: false, log_last: LogId(10), backlog: 0, oldest_ms: None, lost: None };
        let mark = LaneMark { generation: 2, log_last: LogId(8), epoch: 1 };
        assert!(agrees(&meta, &mark));
        assert!(!agrees(&Meta::default(), &LaneMark::default()), "never built");
        assert!(!agrees(&Meta { generation: 0, ..meta.clone() }, &mark), "wiped");
        assert!(!agrees(&Meta { recovering: true, ..meta.clone() }, &mark), "half built");
        assert!(!agrees(&Meta { log_last: LogId(7), ..meta.clone() }, &mark), "rolled back");
        assert!(!agrees(&meta, &LaneMark { generation: 3, ..mark }), "of before a rebuild");
        assert!(!agrees(&meta, &LaneMark { generation: 1, ..mark }), "the ledger is of before a rebuild");
    }
}
