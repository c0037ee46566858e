//! Rebuilding a lane from the ledger. The rules stand at `lane::recovery`.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::conclude::keep_order;
use super::effect::{Effect, EventEffect};
use super::embedded::{Embedded, When};
use super::events::{check_ranges, create, lay_out};
use super::hold_book::HoldEntry;
use super::order_book::OrderEntry;
use super::room::{At, Bucket, ScoredPlace};
use super::seats::put_ended;
use super::step::LaneStep;
use super::{checkpoint, coupons, dump};
use crate::facts::checkpoint::{Checkpoint, DrawsTaken, Insider, Look, RestoredOrder, SpentChunk};
use crate::facts::coupon::Claim;
use crate::facts::hold::{HoldFact, HoldState};
use crate::facts::ids::{CampaignId, EventId, LogId, SeatIndex, VisitorId};
use crate::facts::seat::SeatState;
use crate::facts::time::Millis;
use crate::lane::coupons::CampaignPut;
use crate::lane::recovery::{CampaignDump, EventDump, EventRestore};
use crate::lane::{Recovery, Result};

#[async_trait]
impl Recovery for Embedded {
    async fn drawn(&self, event: &EventId, after: Option<&VisitorId>, max: usize) -> Result<Option<Vec<VisitorId>>> {
        self.run("drawn", When::Built, |step| checkpoint::drawn(step, event, after, max)).await
    }

    async fn checkpoint(&self, event: &EventId, told: DrawsTaken) -> Result<Option<Look>> {
        self.run("checkpoint", When::Built, |step| checkpoint::look(step, event, told)).await
    }

    async fn seal(&self) -> Result<()> {
        self.run("seal", When::Always, |step| {
            seal(step);
            Ok(())
        })
        .await
    }

    /// Does nothing: this process is the only one, so the lane is never behind what it has seen.
    async fn seal_if_behind(&self) -> Result<()> {
        Ok(())
    }

    async fn begin_restore(&self, _: Millis, generation: u64, log: LogId) -> Result<()> {
        self.run("begin_restore", When::Always, |step| begin_restore(step, generation, log)).await
    }

    async fn restore_event(&self, now_ms: Millis, restore: EventRestore) -> Result<()> {
        self.run("restore_event", When::Restoring, |step| restore_event(step, now_ms, &restore)).await
    }

    async fn restore_campaign(&self, _: Millis, generation: u64, put: CampaignPut, claims: Vec<Claim>) -> Result<()> {
        self.run("restore_campaign", When::Restoring, |step| {
            of_generation(step, generation)?;
            coupons::restore_campaign(step, &put, claims);
            Ok(())
        })
        .await
    }

    async fn end_restore(&self, now_ms: Millis, generation: u64) -> Result<()> {
        self.run("end_restore", When::Always, |step| end_restore(step, now_ms, generation)).await
    }

    async fn dump_event(&self, event: &EventId) -> Result<Option<EventDump>> {
        self.run("dump_event", When::Built, |step| Ok(dump::dump_event(step, event))).await
    }

    async fn dump_campaign(&self, campaign: &CampaignId) -> Result<Option<CampaignDump>> {
        self.run("dump_campaign", When::Built, |step| Ok(coupons::dump_campaign(step, campaign))).await
    }
}

pub fn seal(step: &mut LaneStep<'_>) {
    let state = step.state();
    if state.generation > 0 && !state.restoring && !state.sealed {
        step.emit(Effect::Sealed);
    }
}

pub fn begin_restore(step: &mut LaneStep<'_>, generation: u64, log: LogId) -> Result<()> {
    let state = step.state();
    let is_repeat = state.restoring && generation == state.generation;
    if generation <= state.generation && !is_repeat {
        return step.contract("a lane is rebuilt under a new generation");
    }
    step.emit(Effect::RestoreBegun { generation, log });
    Ok(())
}

pub fn end_restore(step: &mut LaneStep<'_>, now_ms: Millis, generation: u64) -> Result<()> {
    if generation == 0 || step.state().generation != generation {
        return step.contract("another generation is being restored");
    }
    if step.state().restoring {
        let rooms = step.state().events.iter().map(|(id, event)| (id.clone(), event.room.recover_ms));
        let recovering: Vec<(EventId, Millis)> = rooms.filter(|(_, recover_ms)| *recover_ms > 0).collect();
        for (id, recover_ms) in recovering {
            step.emit_on(&id, EventEffect::RecoverUntil(now_ms + recover_ms));
        }
        step.emit(Effect::RestoreEnded);
    }
    Ok(())
}

/// Refuses a step that belongs to another generation than the one being rebuilt.
pub fn of_generation(step: &LaneStep<'_>, generation: u64) -> Result<()> {
    if step.state().generation == generation { Ok(()) } else { step.contract("another generation is being restored") }
}

pub fn restore_event(step: &mut LaneStep<'_>, now_ms: Millis, restore: &EventRestore) -> Result<()> {
    of_generation(step, restore.generation)?;
    check_ranges(step, &restore.put)?;
    let id = &restore.put.event;
    create(step, now_ms, &restore.put, restore.epoch);
    if let Some(checkpoint) = &restore.checkpoint {
        restore_room(step, now_ms, id, restore.epoch, checkpoint);
    }
    for visitor in &restore.spent_draws {
        step.emit_on(id, EventEffect::RestoredDraw(visitor.clone()));
    }
    step.emit_on(id, EventEffect::Recovers(restore.recover_ms));
    lay_out(step, &restore.put);
    for order in &restore.orders {
        restore_order(step, now_ms, id, order);
    }
    Ok(())
}

fn restore_room(step: &mut LaneStep<'_>, now_ms: Millis, id: &EventId, epoch: i64, checkpoint: &Checkpoint) {
    let Checkpoint { round, serial, admitted_total, head, drawing, inside, spent, epoch: _, closed: _ } = checkpoint;
    let mut emit = |effect| step.emit_on(id, effect);
    emit(EventEffect::Round { round: *round, epoch });
    emit(EventEffect::Serial(*serial));
    emit(EventEffect::AdmittedTotal(*admitted_total));
    emit(EventEffect::Head(*head));
    emit(EventEffect::Drawing(*drawing));
    emit(EventEffect::Bucket(Bucket::empty(now_ms)));
    for Insider { visitor, score, expires_ms, claimed, again, ends_ms } in inside {
        let at = At::Inside { expires_ms: *expires_ms, claimed: *claimed, again: *again, ends_ms: *ends_ms };
        emit(EventEffect::Placed(visitor.clone(), ScoredPlace { score: *score, at }));
        if *drawing && *score < 0 {
            emit(EventEffect::Drawn(visitor.clone()));
        }
    }
    for score in spent.iter().flat_map(SpentChunk::scores) {
        emit(EventEffect::Spent(score));
    }
}

fn restore_order(step: &mut LaneStep<'_>, now_ms: Millis, id: &EventId, restored: &RestoredOrder) {
    let RestoredOrder { fact, hold, seats, refundable_until_ms } = restored;
    let mut by_state: BTreeMap<u8, Vec<SeatIndex>> = BTreeMap::new();
    for (seat, state) in seats {
        by_state.entry(state.byte()).or_default().push(*seat);
    }
    for (byte, seats) in by_state {
        let state = SeatState::from_byte(byte).expect("made from a state");
        let owner = Some(fact.id.as_str().to_owned());
        step.emit_on(id, EventEffect::Seats { seats, state, owner });
    }
    let taken = step.expect_event(id).seats.taken(&fact.user);
    let seats = i64::try_from(seats.len()).expect("seat indexes are 32 bits");
    step.emit_on(id, EventEffect::Taken(fact.user.clone(), taken + seats));

    let ended_ms = fact.status.is_final().then_some(now_ms);
    if ended_ms.is_none() {
        let open_holds = step.expect_event(id).room.open_holds(&hold.visitor) + 1;
        step.emit_on(id, EventEffect::OpenHolds(hold.visitor.clone(), open_holds));
    }
    let hold = HoldFact { state: HoldState::Ordered, order: Some(fact.id.clone()), ..hold.clone() };
    let hold = HoldEntry { fact: hold, ended_ms };
    match ended_ms {
        Some(_) => put_ended(step, id, hold),
        None => step.emit_on(id, EventEffect::HoldPut(Box::new(hold))),
    }
    keep_order(step, now_ms, OrderEntry::new(fact.clone()), *refundable_until_ms);
}
