//! The pulse: it ends what is over by time, then lets visitors in. The rules stand at `lane::rooms::Rooms::pulse`.

use super::effect::{Effect, EventEffect};
use super::room::{At, ScoredPlace};
use super::rooms::{has_lapsed, spend};
use super::seats;
use super::step::LaneStep;
use crate::facts::ids::{EventId, HoldId, OrderId, VisitorId};
use crate::facts::room::{Control, Mode};
use crate::facts::time::Millis;
use crate::lane::Result;
use crate::lane::rooms::{PACE_EVERY_MS, Pulse, Pulsed};

pub fn pulse(step: &mut LaneStep<'_>, now_ms: Millis, ask: &Pulse) -> Result<Option<Pulsed>> {
    if ask.work_max < 1 {
        return step.contract("a pulse without work");
    }
    let Some(event) = step.event(&ask.event) else { return Ok(None) };
    let mode = event.counts(now_ms).mode;
    step.in_memory(|state| {
        if let Some(event) = state.events.get_mut(&ask.event) {
            event.room.beat(now_ms);
        }
    });
    let mut beat = PulseRun { step, now_ms, id: &ask.event, work_max: ask.work_max, done: Pulsed::default() };
    beat.end_drawing(mode);
    beat.keep_pace();
    beat.expire_inside();
    beat.lapse_late();
    beat.expire_holds();
    beat.drop_holds();
    beat.drop_orders();
    match mode {
        Mode::Open | Mode::Drain => beat.admit(),
        Mode::Scheduled | Mode::Paused | Mode::Closed | Mode::Recovering => {}
    }
    let done = beat.done;
    if done.admitted + done.expired + done.absent + done.unclaimed + done.lapsed > 0 {
        step.mark();
    }
    Ok(Some(done))
}

/// One pulse of one room. Each loop takes what is first in its order, so work is left exactly when the first one is
/// due.
struct PulseRun<'s, 'a> {
    step: &'s mut LaneStep<'a>,
    now_ms: Millis,
    id: &'s EventId,
    work_max: i64,
    done: Pulsed,
}

impl PulseRun<'_, '_> {
    fn end_drawing(&mut self, mode: Mode) {
        let is_over = !matches!(mode, Mode::Scheduled | Mode::Recovering);
        if is_over && self.step.expect_event(self.id).room.drawing {
            self.step.emit_on(self.id, EventEffect::Drawing(false));
            self.step.mark();
        }
    }

    fn keep_pace(&mut self) {
        let event = self.step.expect_event(self.id);
        let pace = event.room.pace;
        if event.settings.control != Control::Adaptive || self.now_ms - pace.at_ms < PACE_EVERY_MS {
            return;
        }
        let bucket = event.room.bucket.filled(event.rate(), self.now_ms);
        let oldest_ms = self.step.state().log.first().map(|entry| entry.at_ms);
        self.step.emit_on(self.id, EventEffect::Bucket(bucket));
        self.step.emit_on(self.id, EventEffect::Pace(pace.next(oldest_ms, self.now_ms)));
    }

    fn expire_inside(&mut self) {
        for _ in 0..self.work_max {
            let Some((visitor, standing)) = self.overstayed() else { return };
            match standing.at {
                At::Inside { claimed: false, again: true, .. } => {
                    self.done.unclaimed += 1;
                    spend(self.step, self.id, &visitor, standing.score);
                }
                At::Inside { claimed: false, again: false, .. } => {
                    self.done.unclaimed += 1;
                    self.place(visitor, standing.score, At::Late { called_ms: self.now_ms });
                }
                At::Inside { claimed: true, .. } | At::Waiting { .. } | At::Late { .. } | At::Back => {
                    self.done.expired += 1;
                    spend(self.step, self.id, &visitor, standing.score);
                }
            }
        }
        self.done.more |= self.overstayed().is_some();
    }

    fn overstayed(&self) -> Option<(VisitorId, ScoredPlace)> {
        let room = &self.step.expect_event(self.id).room;
        let (expires_ms, visitor) = room.first_inside()?;
        (*expires_ms <= self.now_ms).then(|| Some((visitor.clone(), room.standing(visitor)?)))?
    }

    fn lapse_late(&mut self) {
        for _ in 0..self.work_max {
            let Some((visitor, standing)) = self.lapsed() else { return };
            self.done.lapsed += 1;
            spend(self.step, self.id, &visitor, standing.score);
        }
        self.done.more |= self.lapsed().is_some();
    }

    fn lapsed(&self) -> Option<(VisitorId, ScoredPlace)> {
        let event = self.step.expect_event(self.id);
        let (called_ms, visitor) = event.room.first_late()?;
        has_lapsed(event, *called_ms, self.now_ms).then(|| Some((visitor.clone(), event.room.standing(visitor)?)))?
    }

    fn expire_holds(&mut self) {
        for _ in 0..self.work_max {
            if !seats::sweep_next(self.step, self.now_ms, self.id) {
                return;
            }
            self.done.holds_expired += 1;
        }
        self.done.more |= seats::next_to_sweep(self.step, self.now_ms, self.id).is_some();
    }

    fn drop_holds(&mut self) {
        for _ in 0..self.work_max {
            let Some(hold) = self.hold_to_drop() else { return };
            self.step.emit_on(self.id, EventEffect::HoldDropped(hold));
        }
        self.done.more |= self.hold_to_drop().is_some();
    }

    fn hold_to_drop(&self) -> Option<HoldId> {
        let (ended_ms, hold) = self.step.expect_event(self.id).holds.first_to_drop()?;
        (ended_ms + self.step.state().keep.0 <= self.now_ms).then(|| hold.clone())
    }

    fn drop_orders(&mut self) {
        for _ in 0..self.work_max {
            let Some(order) = self.order_to_drop() else { return };
            self.step.emit(Effect::OrderDropped(order));
        }
        self.done.more |= self.order_to_drop().is_some();
    }

    fn order_to_drop(&self) -> Option<OrderId> {
        let (drop_ms, order) = self.step.state().orders.first_to_drop(self.id)?;
        (drop_ms <= self.now_ms).then(|| order.clone())
    }

    fn admit(&mut self) {
        let event = self.step.expect_event(self.id);
        let rate = event.rate();
        let head = event.room.head;
        let mut met = head;
        let bucket = event.room.bucket.filled(rate, self.now_ms);
        let absent_ms = self.now_ms - event.settings.absent_after_s * 1_000;
        let expires_ms = self.now_ms + event.settings.claim_ttl_s * 1_000;
        let admitted_total = event.room.admitted_total;
        let mut slots = (event.settings.capacity - event.room.inside()).min(bucket.admissions(rate));
        if event.seats.len() > 0 {
            slots = slots.min(event.seats.counts().free);
        }
        for _ in 0..self.work_max {
            if slots < 1 {
                break;
            }
            let Some((visitor, standing)) = self.first_in_line() else { break };
            let room = &self.step.expect_event(self.id).room;
            met = met.max(standing.score);
            match standing.at {
                At::Waiting { seen_ms } if room.last_seen(seen_ms) <= absent_ms => {
                    self.done.absent += 1;
                    self.place(visitor, standing.score, At::Late { called_ms: self.now_ms });
                }
                At::Waiting { .. } | At::Back | At::Inside { .. } | At::Late { .. } => {
                    slots -= 1;
                    self.done.admitted += 1;
                    self.place(
                        visitor,
                        standing.score,
                        At::Inside { expires_ms, claimed: false, again: standing.at == At::Back, ends_ms: None },
                    );
                }
            }
        }
        self.done.more |= slots > 0 && self.first_in_line().is_some();
        if met > head {
            self.step.emit_on(self.id, EventEffect::Head(met));
        }
        if self.done.admitted > 0 {
            self.step.emit_on(self.id, EventEffect::Bucket(bucket.less(self.done.admitted)));
            self.step.emit_on(self.id, EventEffect::AdmittedTotal(admitted_total + self.done.admitted));
        }
    }

    /// The visitor who is called next: the returned late ones first, then by score.
    fn first_in_line(&self) -> Option<(VisitorId, ScoredPlace)> {
        let room = &self.step.expect_event(self.id).room;
        let (_, visitor) = room.first_back().or_else(|| room.first_waiting())?;
        Some((visitor.clone(), room.standing(visitor)?))
    }

    fn place(&mut self, visitor: VisitorId, score: i64, at: At) {
        self.step.emit_on(self.id, EventEffect::Placed(visitor, ScoredPlace { score, at }));
    }
}
