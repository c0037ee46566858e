//! Entering, polling and leaving a room. The rules stand at `lane::rooms`.

use async_trait::async_trait;

use super::effect::EventEffect;
use super::embedded::{Embedded, When};
use super::room::{At, ScoredPlace};
use super::state::EventState;
use super::step::LaneStep;
use super::{boards, pulse};
use crate::facts::ids::{EventId, VisitorId};
use crate::facts::place::{Place, PlaceState, Token};
use crate::facts::room::{Mode, RoomCounts, SCORES, score};
use crate::facts::time::Millis;
use crate::lane::board::{Board, Presence, Showing};
use crate::lane::rooms::{ENTER_MAX, Enter, EnterOutcome, Entrant, Pulse, Pulsed};
use crate::lane::{Result, Rooms};

#[async_trait]
impl Rooms for Embedded {
    async fn enter(&self, now_ms: Millis, ask: Enter) -> Result<Vec<EnterOutcome>> {
        self.run("enter", When::Built, |step| enter(step, now_ms, &ask)).await
    }

    async fn poll(&self, now_ms: Millis, token: Token) -> Result<Option<Place>> {
        self.run("poll", When::Built, |step| poll(step, now_ms, &token)).await
    }

    async fn board(&self, now_ms: Millis, showing: Showing) -> Result<Option<Board>> {
        self.run("board", When::Built, |step| boards::board(step, now_ms, &showing)).await
    }

    async fn presence(&self, now_ms: Millis, event: &EventId, tokens: Vec<Token>) -> Result<Option<Vec<Presence>>> {
        self.run("presence", When::Built, |step| boards::presence(step, now_ms, event, &tokens)).await
    }

    async fn leave(&self, _: Millis, token: Token) -> Result<bool> {
        self.run("leave", When::Built, |step| leave(step, &token)).await
    }

    async fn pulse(&self, now_ms: Millis, ask: Pulse) -> Result<Option<Pulsed>> {
        self.run("pulse", When::Built, |step| pulse::pulse(step, now_ms, &ask)).await
    }

    async fn room(&self, now_ms: Millis, event: &EventId) -> Result<Option<RoomCounts>> {
        self.run("room", When::Built, |step| Ok(room(step, now_ms, event))).await
    }

    async fn inside(&self, now_ms: Millis, event: &EventId, visitor: &VisitorId) -> Result<Option<Millis>> {
        self.run("inside", When::Built, |step| Ok(inside(step, now_ms, event, visitor))).await
    }

    async fn readmit(&self, now_ms: Millis, token: Token, until_ms: Millis) -> Result<bool> {
        self.run("readmit", When::Built, |step| readmit(step, now_ms, &token, until_ms)).await
    }
}

pub fn enter(step: &mut LaneStep<'_>, now_ms: Millis, enter: &Enter) -> Result<Vec<EnterOutcome>> {
    let draws = enter.visitors.iter().filter_map(|entrant| entrant.draw);
    if enter.visitors.len() > ENTER_MAX || draws.into_iter().any(|draw| draw >= 0 || !SCORES.contains(&draw)) {
        return step.contract("too many visitors, or a draw that is none");
    }
    let all = |outcome: EnterOutcome| Ok(vec![outcome; enter.visitors.len()]);
    let id = &enter.event;
    let Some(event) = step.event(id) else { return all(EnterOutcome::NoEvent) };
    let mode = event.counts(now_ms).mode;
    match mode {
        Mode::Closed | Mode::Drain => return all(EnterOutcome::Closed),
        Mode::Scheduled | Mode::Open | Mode::Paused | Mode::Recovering => {}
    }
    let is_drawing = event.room.drawing && mode == Mode::Scheduled;
    if is_drawing && enter.round != event.room.round {
        return all(EnterOutcome::OtherRound);
    }
    let visitors = enter.visitors.iter();
    let found: Vec<EntrantPlace> = visitors
        .map(|entrant| {
            let draw = entrant.draw.filter(|_| is_drawing);
            enter_one(step, now_ms, enter, &Entrant { draw, ..entrant.clone() })
        })
        .collect();
    if found.iter().any(|found| matches!(found, EntrantPlace::New(..))) {
        step.mark();
    }
    let counts = step.expect_event(id).counts(now_ms);
    let place = |state| Place { state, counts: counts.clone() };
    let outcome = |found| match found {
        EntrantPlace::New(score, state) => EnterOutcome::Entered { score, place: place(state) },
        EntrantPlace::Known(score, state) => EnterOutcome::Known { score, place: place(state) },
        EntrantPlace::Full => EnterOutcome::Full,
    };
    Ok(found.into_iter().map(outcome).collect())
}

/// What became of one who enters.
enum EntrantPlace {
    New(i64, PlaceState),
    Known(i64, PlaceState),
    Full,
}

fn enter_one(step: &mut LaneStep<'_>, now_ms: Millis, enter: &Enter, entrant: &Entrant) -> EntrantPlace {
    let (id, visitor) = (&enter.event, &entrant.visitor);
    if let Some(standing) = step.expect_event(id).room.standing(visitor) {
        let state = stand(step, now_ms, id, visitor, standing);
        if state != PlaceState::Done {
            return EntrantPlace::Known(standing.score, state);
        }
        // That place has just ended: a new one follows.
    }
    let event = step.expect_event(id);
    let bucket = event.room.bucket.filled(event.rate(), now_ms);
    let at_once = event.counts(now_ms).mode == Mode::Open
        && event.room.waiting() == 0
        && event.room.inside() < event.settings.capacity
        && bucket.admissions(event.rate()) > 0
        && (event.seats.len() == 0 || event.seats.counts().free > 0);
    if !at_once && event.room.waiting() >= enter.waiting_max {
        return EntrantPlace::Full;
    }
    let serial = event.room.serial + 1;
    let score = entrant.draw.unwrap_or_else(|| score(event.room.epoch, serial));
    let admitted_total = event.room.admitted_total + 1;
    let expires_ms = now_ms + event.settings.pass_ttl_s * 1_000;
    let at = if at_once {
        At::Inside { expires_ms, claimed: true, again: false, ends_ms: None }
    } else {
        At::Waiting { seen_ms: now_ms }
    };
    step.emit_on(id, EventEffect::Serial(serial));
    step.emit_on(id, EventEffect::Placed(visitor.clone(), ScoredPlace { score, at }));
    if entrant.draw.is_some() {
        step.emit_on(id, EventEffect::Drawn(visitor.clone()));
        if step.expect_event(id).room.is_spent(visitor, score) {
            step.emit_on(id, EventEffect::UnspentDraw(visitor.clone()));
        }
    }
    if at_once {
        step.emit_on(id, EventEffect::Bucket(bucket.less(1)));
        step.emit_on(id, EventEffect::AdmittedTotal(admitted_total));
        return EntrantPlace::New(score, PlaceState::Admitted { expires_ms });
    }
    EntrantPlace::New(score, in_line(step.expect_event(id), now_ms, visitor, score))
}

pub fn poll(step: &mut LaneStep<'_>, now_ms: Millis, token: &Token) -> Result<Option<Place>> {
    check(step, token)?;
    let id = &token.event;
    let Some(event) = step.event(id) else { return Ok(None) };
    let state = if token.round != event.room.round {
        PlaceState::Done
    } else if event.counts(now_ms).mode == Mode::Closed {
        PlaceState::Closed
    } else if event.room.is_spent(&token.visitor, token.score) {
        PlaceState::Done
    } else if let Some(standing) = event.room.standing(&token.visitor) {
        let state = stand(step, now_ms, id, &token.visitor, standing);
        if state == PlaceState::Done {
            // The place was spent just now: a lane set back to before this step is behind.
            step.mark();
        }
        state
    } else {
        put_back(step, now_ms, token);
        in_line(step.expect_event(id), now_ms, &token.visitor, token.score)
    };
    Ok(Some(Place { state, counts: step.expect_event(id).counts(now_ms) }))
}

/// Puts a visitor in line again whose place a rollback lost. The place is in the token.
pub fn put_back(step: &mut LaneStep<'_>, now_ms: Millis, token: &Token) {
    let standing = ScoredPlace { score: token.score, at: At::Waiting { seen_ms: now_ms } };
    step.emit_on(&token.event, EventEffect::Placed(token.visitor.clone(), standing));
    if token.score < 0 && step.expect_event(&token.event).room.drawing {
        step.emit_on(&token.event, EventEffect::Drawn(token.visitor.clone()));
    }
}

pub fn readmit(step: &mut LaneStep<'_>, now_ms: Millis, token: &Token, until_ms: Millis) -> Result<bool> {
    check(step, token)?;
    let id = &token.event;
    let Some(event) = step.event(id) else { return Ok(false) };
    let is_inside = inside(step, now_ms, id, &token.visitor).is_some();
    let may = event.counts(now_ms).mode == Mode::Recovering
        && until_ms > now_ms
        && token.round == event.room.round
        && !event.room.is_spent(&token.visitor, token.score)
        && event.room.inside() < event.settings.capacity
        && !matches!(event.room.standing(&token.visitor), Some(ScoredPlace { at: At::Inside { .. }, .. }));
    if is_inside || !may {
        return Ok(is_inside);
    }
    let at = At::Inside { expires_ms: until_ms, claimed: true, again: false, ends_ms: None };
    step.emit_on(id, EventEffect::Placed(token.visitor.clone(), ScoredPlace { score: token.score, at }));
    Ok(true)
}

pub fn leave(step: &mut LaneStep<'_>, token: &Token) -> Result<bool> {
    check(step, token)?;
    let id = &token.event;
    let Some(event) = step.event(id) else { return Ok(false) };
    let visitor = &token.visitor;
    if token.round != event.room.round || event.room.is_spent(visitor, token.score) {
        return Ok(false);
    }
    let standing = event.room.standing(visitor);
    if token.score < 0 && event.room.drawing {
        step.emit_on(id, EventEffect::Undrawn(visitor.clone()));
    }
    if let Some(standing) = standing {
        spend(step, id, visitor, standing.score);
    }
    if standing.is_none_or(|standing| standing.score != token.score) {
        mark_spent(step, id, visitor, token.score);
    }
    step.mark();
    Ok(standing.is_some())
}

pub fn room(step: &LaneStep<'_>, now_ms: Millis, id: &EventId) -> Option<RoomCounts> {
    step.event(id).map(|event| event.counts(now_ms))
}

/// When the place inside expires; `None` also for a place past its time.
pub fn inside(step: &LaneStep<'_>, now_ms: Millis, id: &EventId, visitor: &VisitorId) -> Option<Millis> {
    match step.event(id)?.room.standing(visitor)?.at {
        At::Inside { expires_ms, .. } => (expires_ms > now_ms).then_some(expires_ms),
        At::Waiting { .. } | At::Late { .. } | At::Back => None,
    }
}

/// Ends a place for good: the visitor has no place, and never again one with this score.
pub fn spend(step: &mut LaneStep<'_>, id: &EventId, visitor: &VisitorId, score: i64) {
    step.emit_on(id, EventEffect::Gone(visitor.clone()));
    mark_spent(step, id, visitor, score);
}

fn mark_spent(step: &mut LaneStep<'_>, id: &EventId, visitor: &VisitorId, score: i64) {
    let effect = if score < 0 { EventEffect::SpentDraw(visitor.clone()) } else { EventEffect::Spent(score) };
    step.emit_on(id, effect);
}

/// Makes a place inside, if there is one, last until `until_ms` at least. Its own end stays.
pub fn keep_inside(step: &mut LaneStep<'_>, id: &EventId, visitor: &VisitorId, until_ms: Millis) {
    if let Some(ScoredPlace { score, at: At::Inside { expires_ms, claimed, again, ends_ms } }) =
        step.expect_event(id).room.standing(visitor)
        && expires_ms < until_ms
    {
        let ends_ms = ends_ms.or(Some(expires_ms));
        let standing = ScoredPlace { score, at: At::Inside { expires_ms: until_ms, claimed, again, ends_ms } };
        step.emit_on(id, EventEffect::Placed(visitor.clone(), standing));
    }
}

/// Whether a visitor called at `called_ms` is beyond the grace.
pub fn has_lapsed(event: &EventState, called_ms: Millis, now_ms: Millis) -> bool {
    called_ms + event.settings.late_grace_s * 1_000 <= now_ms
}

/// What showing up does to a place: claims it, ends it, brings it back, or marks it seen.
fn stand(
    step: &mut LaneStep<'_>,
    now_ms: Millis,
    id: &EventId,
    visitor: &VisitorId,
    standing: ScoredPlace,
) -> PlaceState {
    let event = step.expect_event(id);
    let score = standing.score;
    match standing.at {
        At::Inside { expires_ms, claimed: true, .. } if expires_ms > now_ms => PlaceState::Admitted { expires_ms },
        At::Inside { expires_ms, claimed: false, .. } if expires_ms > now_ms => {
            let expires_ms = expires_ms.max(now_ms + event.settings.pass_ttl_s * 1_000);
            let claimed =
                ScoredPlace { score, at: At::Inside { expires_ms, claimed: true, again: false, ends_ms: None } };
            step.emit_on(id, EventEffect::Placed(visitor.clone(), claimed));
            PlaceState::Admitted { expires_ms }
        }
        At::Inside { claimed: true, .. } | At::Inside { claimed: false, again: true, .. } => {
            spend(step, id, visitor, score);
            PlaceState::Done
        }
        At::Inside { claimed: false, again: false, .. } => come_back(step, now_ms, id, visitor, score, now_ms),
        At::Late { called_ms } => come_back(step, now_ms, id, visitor, score, called_ms),
        At::Back => PlaceState::Waiting { ahead: 0 },
        At::Waiting { .. } => {
            step.in_memory(|state| {
                if let Some(event) = state.events.get_mut(id) {
                    event.room.see(visitor, now_ms);
                }
            });
            in_line(step.expect_event(id), now_ms, visitor, score)
        }
    }
}

fn come_back(
    step: &mut LaneStep<'_>,
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
    step.emit_on(id, EventEffect::Placed(visitor.clone(), ScoredPlace { score, at: At::Back }));
    PlaceState::Waiting { ahead: 0 }
}

fn in_line(event: &EventState, now_ms: Millis, visitor: &VisitorId, score: i64) -> PlaceState {
    match event.counts(now_ms).mode {
        Mode::Scheduled => PlaceState::Scheduled,
        Mode::Open | Mode::Paused | Mode::Drain | Mode::Closed | Mode::Recovering => {
            PlaceState::Waiting { ahead: event.room.ahead(score, visitor) }
        }
    }
}

pub fn check(step: &LaneStep<'_>, token: &Token) -> Result<()> {
    if SCORES.contains(&token.score) { Ok(()) } else { step.contract("a token's score is out of range") }
}
