//! Entering, polling and leaving a room. The rules stand at `lane::room`'s types.

use super::effect::EventEffect;
use super::room::{At, Standing};
use super::state::Event;
use super::step::Step;
use crate::clock::Millis;
use crate::ids::{EventId, VisitorId};
use crate::lane::Result;
use crate::lane::room::{EPOCH, Enter, EnterOutcome, Mode, Place, PlaceState, RoomCounts, Token, score};

/// Scores stay below 10^14, where Lua's text forms of numbers are exact.
const EPOCHS: i64 = 1_455;
/// The spent marks are a bitmap in Redis, whose offsets are 32 bits.
const SERIALS: i64 = 1 << 32;

pub fn enter(step: &mut Step<'_>, now_ms: Millis, enter: &Enter) -> Result<EnterOutcome> {
    let id = &enter.event;
    let Some(event) = step.event(id) else { return Ok(EnterOutcome::NoEvent) };
    match event.counts(now_ms).mode {
        Mode::Closed | Mode::Drain => return Ok(EnterOutcome::Closed),
        Mode::Scheduled | Mode::Open | Mode::Paused => {}
    }
    let (round, epoch) = (event.room.round, event.room.epoch);
    if let Some(standing) = event.room.standing(&enter.visitor) {
        let state = stand(step, now_ms, id, &enter.visitor, standing);
        if state != PlaceState::Done {
            let (epoch, serial) = (standing.score.div_euclid(EPOCH), standing.score.rem_euclid(EPOCH));
            return Ok(EnterOutcome::Known { serial, epoch, round, place: place(step, now_ms, id, state) });
        }
        // That place has just ended: a new one follows.
    }
    let event = step.expect_event(id);
    let rate = event.settings.rate_per_min;
    let bucket = event.room.bucket.filled(rate, now_ms);
    let at_once = event.counts(now_ms).mode == Mode::Open
        && event.room.waiting() == 0
        && event.room.inside() < event.settings.capacity
        && bucket.admissions(rate) > 0
        && (event.seats.len() == 0 || event.seats.counts().free > 0);
    if !at_once && event.room.waiting() >= enter.waiting_max {
        return Ok(EnterOutcome::Full);
    }
    let serial = event.room.serial + 1;
    let admitted_total = event.room.admitted_total + 1;
    let expires_ms = now_ms + event.settings.pass_ttl_s * 1_000;
    let at = if at_once { At::Inside { expires_ms, claimed: true } } else { At::Waiting { seen_ms: now_ms } };
    step.emit_on(id, EventEffect::Serial(serial));
    step.emit_on(id, EventEffect::Placed(enter.visitor.clone(), Standing { score: score(epoch, serial), at }));
    if at_once {
        step.emit_on(id, EventEffect::Bucket(bucket.less(1)));
        step.emit_on(id, EventEffect::AdmittedTotal(admitted_total));
    }
    let standing = Standing { score: score(epoch, serial), at };
    let state = if at_once {
        PlaceState::Admitted { expires_ms }
    } else {
        in_line(step.expect_event(id), now_ms, &enter.visitor, standing.score)
    };
    Ok(EnterOutcome::Entered { serial, epoch, round, place: place(step, now_ms, id, state) })
}

pub fn poll(step: &mut Step<'_>, now_ms: Millis, token: &Token) -> Result<Option<Place>> {
    check(step, token)?;
    let id = &token.event;
    let Some(event) = step.event(id) else { return Ok(None) };
    let own_score = score(token.epoch, token.serial);
    let state = if token.round != event.room.round {
        PlaceState::Done
    } else if event.counts(now_ms).mode == Mode::Closed {
        PlaceState::Closed
    } else if event.room.is_spent(own_score) {
        PlaceState::Done
    } else if let Some(standing) = event.room.standing(&token.visitor) {
        stand(step, now_ms, id, &token.visitor, standing)
    } else {
        // Lost by a rollback: the place is in the token.
        let standing = Standing { score: own_score, at: At::Waiting { seen_ms: now_ms } };
        step.emit_on(id, EventEffect::Placed(token.visitor.clone(), standing));
        in_line(step.expect_event(id), now_ms, &token.visitor, own_score)
    };
    Ok(Some(place(step, now_ms, id, state)))
}

pub fn leave(step: &mut Step<'_>, token: &Token) -> Result<bool> {
    check(step, token)?;
    let id = &token.event;
    let Some(event) = step.event(id) else { return Ok(false) };
    let own_score = score(token.epoch, token.serial);
    if token.round != event.room.round || event.room.is_spent(own_score) {
        return Ok(false);
    }
    let standing = event.room.standing(&token.visitor);
    if let Some(standing) = standing {
        spend(step, id, &token.visitor, standing.score);
    }
    if standing.is_none_or(|standing| standing.score != own_score) {
        step.emit_on(id, EventEffect::Spent(own_score));
    }
    Ok(standing.is_some())
}

pub fn room(step: &Step<'_>, now_ms: Millis, id: &EventId) -> Option<RoomCounts> {
    step.event(id).map(|event| event.counts(now_ms))
}

/// Until when; `None` also for a place past its time.
pub fn inside(step: &Step<'_>, now_ms: Millis, id: &EventId, visitor: &VisitorId) -> Option<Millis> {
    match step.event(id)?.room.standing(visitor)?.at {
        At::Inside { expires_ms, .. } => (expires_ms > now_ms).then_some(expires_ms),
        At::Waiting { .. } | At::Late { .. } | At::Back => None,
    }
}

/// The visitor is through: no place, and never again with this score.
pub fn spend(step: &mut Step<'_>, id: &EventId, visitor: &VisitorId, score: i64) {
    step.emit_on(id, EventEffect::Gone(visitor.clone()));
    step.emit_on(id, EventEffect::Spent(score));
}

/// A place inside, if there, lasts until `until_ms` at least.
pub fn keep_inside(step: &mut Step<'_>, id: &EventId, visitor: &VisitorId, until_ms: Millis) {
    if let Some(Standing { score, at: At::Inside { expires_ms, claimed } }) =
        step.expect_event(id).room.standing(visitor)
        && expires_ms < until_ms
    {
        let standing = Standing { score, at: At::Inside { expires_ms: until_ms, claimed } };
        step.emit_on(id, EventEffect::Placed(visitor.clone(), standing));
    }
}

/// Whether a visitor called at `called_ms` is beyond the grace.
pub fn has_lapsed(event: &Event, called_ms: Millis, now_ms: Millis) -> bool {
    called_ms + event.settings.late_grace_s * 1_000 <= now_ms
}

/// What showing up does to a place: claims it, ends it, brings it back, or marks it seen.
fn stand(step: &mut Step<'_>, now_ms: Millis, id: &EventId, visitor: &VisitorId, standing: Standing) -> PlaceState {
    let event = step.expect_event(id);
    let score = standing.score;
    match standing.at {
        At::Inside { expires_ms, claimed: true } if expires_ms > now_ms => PlaceState::Admitted { expires_ms },
        At::Inside { expires_ms, claimed: false } if expires_ms > now_ms => {
            let expires_ms = expires_ms.max(now_ms + event.settings.pass_ttl_s * 1_000);
            let claimed = Standing { score, at: At::Inside { expires_ms, claimed: true } };
            step.emit_on(id, EventEffect::Placed(visitor.clone(), claimed));
            PlaceState::Admitted { expires_ms }
        }
        At::Inside { claimed: true, .. } => {
            spend(step, id, visitor, score);
            PlaceState::Done
        }
        At::Inside { claimed: false, .. } => come_back(step, now_ms, id, visitor, score, now_ms),
        At::Late { called_ms } => come_back(step, now_ms, id, visitor, score, called_ms),
        At::Back => PlaceState::Waiting { ahead: 0 },
        At::Waiting { .. } => {
            step.unjournaled(|state| {
                if let Some(event) = state.events.get_mut(id) {
                    event.room.see(visitor, now_ms);
                }
            });
            in_line(step.expect_event(id), now_ms, visitor, score)
        }
    }
}

fn come_back(
    step: &mut Step<'_>,
    now_ms: Millis,
    id: &EventId,
    visitor: &VisitorId,
    score: i64,
    called_ms: Millis,
) -> PlaceState {
    if has_lapsed(step.expect_event(id), called_ms, now_ms) {
        spend(step, id, visitor, score);
        return PlaceState::Done;
    }
    step.emit_on(id, EventEffect::Placed(visitor.clone(), Standing { score, at: At::Back }));
    PlaceState::Waiting { ahead: 0 }
}

fn in_line(event: &Event, now_ms: Millis, visitor: &VisitorId, score: i64) -> PlaceState {
    match event.counts(now_ms).mode {
        Mode::Scheduled => PlaceState::Scheduled,
        Mode::Open | Mode::Paused | Mode::Drain | Mode::Closed => {
            PlaceState::Waiting { ahead: event.room.ahead(score, visitor) }
        }
    }
}

fn place(step: &Step<'_>, now_ms: Millis, id: &EventId, state: PlaceState) -> Place {
    Place { state, counts: step.expect_event(id).counts(now_ms) }
}

pub fn check(step: &Step<'_>, token: &Token) -> Result<()> {
    if !(1..SERIALS).contains(&token.serial) || !(0..EPOCHS).contains(&token.epoch) {
        return step.contract("a token's serial or epoch is out of range");
    }
    Ok(())
}
