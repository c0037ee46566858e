//! Creating, changing and retiring an event. The rules stand at `lane::events`.

use async_trait::async_trait;

use super::effect::{Effect, EventEffect};
use super::embedded::{Embedded, When};
use super::room::Bucket;
use super::step::LaneStep;
use crate::facts::ids::{EventId, SeatIndex};
use crate::facts::room::{AdmissionOrder, Mode};
use crate::facts::seat::{SeatMap, SeatState};
use crate::facts::time::Millis;
use crate::lane::events::{EventPut, PutEvent, Retired};
use crate::lane::{Events, Result};

#[async_trait]
impl Events for Embedded {
    async fn put_event(&self, now_ms: Millis, put: EventPut) -> Result<PutEvent> {
        self.run("put_event", When::Built, |step| put_event(step, now_ms, &put)).await
    }

    async fn retire_event(&self, _: Millis, event: &EventId, version: i64) -> Result<Retired> {
        self.run("retire_event", When::Built, |step| Ok(retire_event(step, event, version))).await
    }
}

/// Most taken seats a refusal names.
const NAMED_MAX: usize = 20;

pub fn put_event(step: &mut LaneStep<'_>, now_ms: Millis, put: &EventPut) -> Result<PutEvent> {
    check_ranges(step, put)?;
    let id = &put.event;
    if let Some(event) = step.event(id) {
        if put.version < event.version {
            return Ok(PutEvent::Stale(event.version));
        }
        if put.seats < event.seats.len() {
            return step.contract("a seat string never gets shorter");
        }
        let taken: Vec<SeatIndex> = blocked(put)
            .filter(|&seat| match event.seats.state(seat) {
                Some(SeatState::Held | SeatState::Paying | SeatState::Sold) => true,
                Some(SeatState::Free | SeatState::Blocked) | None => false,
            })
            .take(NAMED_MAX)
            .collect();
        if !taken.is_empty() {
            return Ok(PutEvent::SeatsTaken(taken));
        }
        let opens_again = event.settings.mode == Mode::Closed && put.room.mode != Mode::Closed;
        let closes = event.settings.mode != Mode::Closed && put.room.mode == Mode::Closed;
        let (round, epoch) = (event.room.round + 1, event.room.epoch + 1);
        let bucket = event.room.bucket.filled(event.rate(), now_ms);
        // Drawing goes on while a rebuilt room waits for its visitors; it ends when that time is over.
        let goes_on = matches!(event.counts(now_ms).mode, Mode::Scheduled | Mode::Recovering);
        let ends_drawing = event.room.drawing && !goes_on;
        if opens_again {
            step.emit_on(id, EventEffect::Round { round, epoch });
            step.emit_on(id, EventEffect::Drawing(put.room.order == AdmissionOrder::Lottery));
            step.mark();
        } else {
            if ends_drawing {
                step.emit_on(id, EventEffect::Drawing(false));
            }
            if ends_drawing || closes {
                step.mark();
            }
        }
        step.emit_on(id, EventEffect::Bucket(bucket));
    } else {
        match step.state().left.get(id) {
            Some(left) if put.version <= *left => return Ok(PutEvent::Stale(*left)),
            Some(_) => return Ok(PutEvent::Missing),
            None if put.returned => return Ok(PutEvent::Missing),
            None => create(step, now_ms, put, 1),
        }
    }
    lay_out(step, put);
    Ok(PutEvent::Done)
}

pub fn retire_event(step: &mut LaneStep<'_>, id: &EventId, version: i64) -> Retired {
    let is_there = if let Some(event) = step.event(id) {
        if version < event.version {
            return Retired::Stale(event.version);
        }
        let (seats, room) = (event.seats.counts(), &event.room);
        if room.waiting() + room.inside() + room.late() + seats.held + seats.paying > 0 {
            return Retired::Busy;
        }
        true
    } else {
        false
    };
    let version = step.state().left.get(id).map_or(version, |left| version.max(*left));
    step.emit(Effect::EventLeft(id.clone(), version));
    if is_there {
        step.mark();
    }
    Retired::Done
}

/// An empty event with a full bucket.
pub fn create(step: &mut LaneStep<'_>, now_ms: Millis, put: &EventPut, epoch: i64) {
    let bucket = Bucket::full(put.room.rate_per_min, now_ms);
    step.emit_on(&put.event, EventEffect::Created { epoch, bucket, settings: Box::new(put.room.clone()) });
    if put.room.order == AdmissionOrder::Lottery {
        step.emit_on(&put.event, EventEffect::Drawing(true));
    }
}

/// Sets length, blocked seats, version and settings as wanted. The caller has made sure that no seat to be blocked is
/// taken.
pub fn lay_out(step: &mut LaneStep<'_>, put: &EventPut) {
    let id = &put.event;
    if step.expect_event(id).seats.len() < put.seats {
        step.emit_on(id, EventEffect::Extended(put.seats));
    }
    let seats = &step.expect_event(id).seats;
    let block: Vec<SeatIndex> = blocked(put).filter(|&seat| seats.is_free(seat)).collect();
    let mut ranges = put.blocked.iter().peekable();
    let free: Vec<SeatIndex> = (0..put.seats)
        .filter(|&seat| {
            while ranges.next_if(|(_, end)| *end <= seat).is_some() {}
            let wanted = ranges.peek().is_some_and(|(first, _)| *first <= seat);
            !wanted && seats.state(seat) == Some(SeatState::Blocked)
        })
        .collect();
    for (seats, state) in [(block, SeatState::Blocked), (free, SeatState::Free)] {
        if !seats.is_empty() {
            step.emit_on(id, EventEffect::Seats { seats, state, owner: None });
        }
    }
    step.emit_on(id, EventEffect::Put { version: put.version, settings: Box::new(put.room.clone()) });
}

pub fn seats(step: &LaneStep<'_>, id: &EventId) -> Option<SeatMap> {
    let seats = &step.event(id)?.seats;
    Some(SeatMap { version: seats.version, seats: seats.bytes().to_vec() })
}

pub fn check_ranges(step: &LaneStep<'_>, put: &EventPut) -> Result<()> {
    let mut end = 0;
    for &(first, next) in &put.blocked {
        if first >= next || first < end || next > put.seats {
            return step.contract("blocked ranges are ascending, disjoint and within the seats");
        }
        end = next;
    }
    Ok(())
}

fn blocked(put: &EventPut) -> impl Iterator<Item = SeatIndex> {
    put.blocked.iter().flat_map(|&(first, end)| first..end)
}
