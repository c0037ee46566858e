//! Making, releasing and sweeping holds. The rules stand at `lane::seats`.

use async_trait::async_trait;

use super::effect::EventEffect;
use super::embedded::{Embedded, When};
use super::hold_book::HoldEntry;
use super::pick::Picked;
use super::room::At;
use super::rooms::keep_inside;
use super::step::LaneStep;
use super::{events, pick};
use crate::facts::fault::Fault;
use crate::facts::hold::{HoldFact, HoldState};
use crate::facts::ids::{EventId, HoldId, SeatIndex, VisitorId};
use crate::facts::room::Mode;
use crate::facts::seat::{SeatMap, SeatState};
use crate::facts::time::Millis;
use crate::lane::seats::{HoldAsk, HoldOutcome, Release, ReleaseOutcome, Want};
use crate::lane::{Result, Seats};

#[async_trait]
impl Seats for Embedded {
    async fn seats(&self, event: &EventId) -> Result<Option<SeatMap>> {
        self.run("seats", When::Built, |step| Ok(events::seats(step, event))).await
    }

    async fn hold(&self, now_ms: Millis, ask: HoldAsk) -> Result<HoldOutcome> {
        self.run("hold", When::Built, |step| hold(step, now_ms, &ask)).await
    }

    async fn get_hold(&self, now_ms: Millis, event: &EventId, hold: &HoldId) -> Result<Option<HoldFact>> {
        self.run("get_hold", When::Built, |step| Ok(get_hold(step, now_ms, event, hold))).await
    }

    async fn release(&self, now_ms: Millis, ask: Release) -> Result<ReleaseOutcome> {
        self.run("release", When::Built, |step| Ok(release(step, now_ms, &ask))).await
    }
}

pub fn hold(step: &mut LaneStep<'_>, now_ms: Millis, ask: &HoldAsk) -> Result<HoldOutcome> {
    let quantity = quantity(step, &ask.want)?;
    let id = &ask.event;
    let Some(event) = step.event(id) else { return Ok(HoldOutcome::NoEvent) };
    if let Some(hold) = event.holds.get(&ask.hold) {
        if hold.fact.digest != ask.digest {
            return Ok(HoldOutcome::KeyReused);
        }
        return Ok(HoldOutcome::Repeated(hold.at(now_ms)));
    }
    if let Some(digest) = event.holds.digest(&ask.hold) {
        return Ok(if digest == ask.digest { HoldOutcome::Ended } else { HoldOutcome::KeyReused });
    }
    match event.counts(now_ms).mode {
        Mode::Open | Mode::Paused | Mode::Drain => {}
        Mode::Scheduled | Mode::Closed => return Ok(HoldOutcome::NotOpen),
        Mode::Recovering => return Err(Fault::Recovering(step.lane)),
    }
    match event.room.standing(&ask.visitor).map(|standing| standing.at) {
        Some(At::Inside { expires_ms, ends_ms, .. }) if expires_ms > now_ms => {
            if ends_ms.is_some_and(|ends_ms| ends_ms <= now_ms) {
                return Ok(HoldOutcome::PlaceOver);
            }
        }
        Some(At::Inside { .. } | At::Waiting { .. } | At::Late { .. } | At::Back) | None => {
            return Ok(HoldOutcome::NotInside);
        }
    }
    let bound = event.room.bound(&ask.visitor);
    if bound.is_some_and(|user| *user != ask.user) {
        return Ok(HoldOutcome::NotOwner);
    }
    let bind = bound.is_none();

    // The seats of holds that ran out are free from here on, also when this hold is refused.
    while sweep_next(step, now_ms, id) {}

    let event = step.expect_event(id);
    let taken = event.seats.taken(&ask.user);
    if taken + quantity > ask.seats_per_user {
        return Ok(HoldOutcome::LimitExceeded { taken });
    }
    let (seats, prices) = match choose(&ask.want, |seat| event.seats.is_free(seat)) {
        Ok(chosen) => chosen,
        Err(refusal) => return Ok(*refusal),
    };
    let open_holds = event.room.open_holds(&ask.visitor) + 1;
    let fact = HoldFact {
        id: ask.hold.clone(),
        event: id.clone(),
        user: ask.user.clone(),
        visitor: ask.visitor.clone(),
        digest: ask.digest.clone(),
        state: HoldState::Held,
        seats: seats.clone(),
        prices,
        tariff: ask.tariff.clone(),
        terms: Some(ask.terms.clone()),
        earn_bp: ask.earn_bp,
        fee_bp: ask.fee_bp,
        created_ms: now_ms,
        expires_ms: now_ms + ask.hold_ttl_ms,
        order: None,
    };
    step.emit_on(id, EventEffect::Seats { seats, state: SeatState::Held, owner: Some(ask.hold.as_str().to_owned()) });
    step.emit_on(id, EventEffect::Taken(ask.user.clone(), taken + quantity));
    step.emit_on(id, EventEffect::OpenHolds(ask.visitor.clone(), open_holds));
    step.emit_on(id, EventEffect::HoldPut(Box::new(HoldEntry { fact: fact.clone(), ended_ms: None })));
    if bind {
        step.emit_on(id, EventEffect::Bound(ask.visitor.clone(), ask.user.clone()));
    }
    keep_inside(step, id, &ask.visitor, fact.expires_ms);
    Ok(HoldOutcome::Held(fact))
}

pub fn get_hold(step: &LaneStep<'_>, now_ms: Millis, id: &EventId, hold: &HoldId) -> Option<HoldFact> {
    step.event(id)?.holds.get(hold).map(|hold| hold.at(now_ms))
}

pub fn release(step: &mut LaneStep<'_>, now_ms: Millis, ask: &Release) -> ReleaseOutcome {
    let Some(hold) = step.event(&ask.event).and_then(|event| event.holds.get(&ask.hold)) else {
        return ReleaseOutcome::NotFound;
    };
    if hold.fact.user != ask.user {
        return ReleaseOutcome::NotOwner;
    }
    match hold.at(now_ms).state {
        HoldState::Released | HoldState::Expired => ReleaseOutcome::Ended,
        HoldState::Ordered => ReleaseOutcome::Ordered,
        HoldState::Held => {
            let fact = hold.fact.clone();
            end(step, now_ms, fact, HoldState::Released);
            ReleaseOutcome::Released
        }
    }
}

/// The hold that ran out first, if any did.
pub fn next_to_sweep(step: &LaneStep<'_>, now_ms: Millis, id: &EventId) -> Option<HoldFact> {
    let holds = &step.expect_event(id).holds;
    let (expires_ms, hold) = holds.first_to_expire()?;
    if *expires_ms > now_ms {
        return None;
    }
    holds.get(hold).map(|hold| hold.fact.clone())
}

/// Sweeps that hold; `false` when there was none.
pub fn sweep_next(step: &mut LaneStep<'_>, now_ms: Millis, id: &EventId) -> bool {
    let Some(fact) = next_to_sweep(step, now_ms, id) else { return false };
    end(step, now_ms, fact, HoldState::Expired);
    true
}

/// Takes one off the visitor's open holds.
pub fn close_one(step: &mut LaneStep<'_>, id: &EventId, visitor: &VisitorId) {
    let open = step.expect_event(id).room.open_holds(visitor) - 1;
    step.emit_on(id, EventEffect::OpenHolds(visitor.clone(), open));
}

pub fn end(step: &mut LaneStep<'_>, now_ms: Millis, fact: HoldFact, state: HoldState) {
    let id = fact.event.clone();
    let event = step.expect_event(&id);
    let seats = event.seats.owned(&fact.seats, fact.id.as_str());
    let taken = event.seats.taken(&fact.user) - count(&seats);
    step.emit_on(&id, EventEffect::Seats { seats, state: SeatState::Free, owner: None });
    step.emit_on(&id, EventEffect::Taken(fact.user.clone(), taken));
    close_one(step, &id, &fact.visitor);
    put_ended(step, &id, HoldEntry { fact: HoldFact { state, ..fact }, ended_ms: Some(now_ms) });
}

/// Stores a hold that has ended. When its user now has more ended holds than stay whole, the oldest is reduced to its
/// digest.
pub fn put_ended(step: &mut LaneStep<'_>, id: &EventId, hold: HoldEntry) {
    let user = hold.fact.user.clone();
    step.emit_on(id, EventEffect::HoldPut(Box::new(hold)));
    if let Some(oldest) = step.expect_event(id).holds.one_too_many(&user) {
        step.emit_on(id, EventEffect::HoldReduced(oldest));
    }
}

type ChosenSeats = (Vec<SeatIndex>, Vec<i64>);

fn choose(want: &Want, is_free: impl Fn(SeatIndex) -> bool) -> std::result::Result<ChosenSeats, Box<HoldOutcome>> {
    let (picked, price) = match want {
        Want::Named(seats) => {
            let taken: Vec<SeatIndex> = seats.iter().map(|(seat, _)| *seat).filter(|seat| !is_free(*seat)).collect();
            return if taken.is_empty() {
                Ok(seats.iter().copied().unzip())
            } else {
                Err(Box::new(HoldOutcome::Taken(taken)))
            };
        }
        Want::Adjacent { rows, quantity, price } => (pick::adjacent(rows, *quantity, is_free), *price),
        Want::Separate { rows, quantity, price } => (pick::separate(rows, *quantity, is_free), *price),
    };
    match picked {
        Picked::Seats(seats) => {
            let prices = vec![price; seats.len()];
            Ok((seats, prices))
        }
        Picked::SoldOut => Err(Box::new(HoldOutcome::SoldOut)),
        Picked::NoBlock => Err(Box::new(HoldOutcome::NoBlock)),
    }
}

fn quantity(step: &LaneStep<'_>, want: &Want) -> Result<i64> {
    let quantity = match want {
        Want::Named(seats) => {
            if !seats.is_sorted_by(|(a, _), (b, _)| a < b) {
                return step.contract("named seats are ascending and without repeats");
            }
            i64::try_from(seats.len()).unwrap_or(i64::MAX)
        }
        Want::Adjacent { quantity, .. } | Want::Separate { quantity, .. } => i64::from(*quantity),
    };
    if quantity < 1 { step.contract("a hold of no seats") } else { Ok(quantity) }
}

/// How many seats, in the type of the counters.
pub fn count(seats: &[SeatIndex]) -> i64 {
    i64::try_from(seats.len()).expect("seat indexes are 32 bits")
}
