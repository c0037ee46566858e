//! What serves many visitors at once: the board and the batch of presence. The rules stand at `lane::rooms` and
//! `lane::board`.

use super::effect::EventEffect;
use super::room::{At, ScoredPlace};
use super::rooms::{check, has_lapsed, put_back};
use super::step::LaneStep;
use crate::facts::ids::EventId;
use crate::facts::place::Token;
use crate::facts::room::Mode;
use crate::facts::time::Millis;
use crate::lane::Result;
use crate::lane::board::{Board, EXACT_MAX, PRESENT_MAX, Presence, Showing};

pub fn board(step: &LaneStep<'_>, now_ms: Millis, showing: &Showing) -> Result<Option<Board>> {
    if !(1..=EXACT_MAX).contains(&showing.exact) {
        return step.contract("so many exact scores are out of range");
    }
    let Some(event) = step.event(&showing.event) else { return Ok(None) };
    let (back, counts, head) = (event.room.back(), event.counts(now_ms), event.room.head);
    let last = counts.waiting - back - 1;
    let first = event.room.waiting_scores(0..showing.exact);
    let next = |rank: &i64| (*rank < last).then(|| Board::next_rank(*rank).min(last));
    let ranks: Vec<i64> = std::iter::successors((showing.exact <= last).then_some(showing.exact), next).collect();
    let scores = event.room.waiting_scores(ranks.iter().copied());
    Ok(Some(Board { counts, head, back, first, knots: ranks.into_iter().zip(scores).collect() }))
}

pub fn presence(
    step: &mut LaneStep<'_>,
    now_ms: Millis,
    id: &EventId,
    tokens: &[Token],
) -> Result<Option<Vec<Presence>>> {
    if tokens.len() > PRESENT_MAX || tokens.iter().any(|token| token.event != *id) {
        return step.contract("too many tokens, or of another event");
    }
    for token in tokens {
        check(step, token)?;
    }
    if step.event(id).is_none() {
        return Ok(None);
    }
    Ok(Some(tokens.iter().map(|token| see(step, now_ms, id, token)).collect()))
}

fn see(step: &mut LaneStep<'_>, now_ms: Millis, id: &EventId, token: &Token) -> Presence {
    let event = step.expect_event(id);
    let visitor = &token.visitor;
    let closed = event.counts(now_ms).mode == Mode::Closed;
    if token.round != event.room.round || closed || event.room.is_spent(visitor, token.score) {
        return Presence::Gone;
    }
    match event.room.standing(visitor) {
        Some(ScoredPlace { at: At::Waiting { .. }, .. }) => {
            step.in_memory(|state| {
                if let Some(event) = state.events.get_mut(id) {
                    event.room.see(visitor, now_ms);
                }
            });
            Presence::Waiting
        }
        Some(ScoredPlace { at: At::Back, .. }) => Presence::Back,
        Some(ScoredPlace { at: At::Inside { .. }, .. }) => Presence::Inside,
        Some(ScoredPlace { at: At::Late { called_ms }, .. }) if has_lapsed(event, called_ms, now_ms) => Presence::Gone,
        Some(ScoredPlace { score, at: At::Late { .. } }) => {
            step.emit_on(id, EventEffect::Placed(visitor.clone(), ScoredPlace { score, at: At::Back }));
            Presence::Back
        }
        None => {
            put_back(step, now_ms, token);
            Presence::Waiting
        }
    }
}
