//! What serves many visitors at once: the board and the batch of presence. The rules stand at `lane::board`.

use super::effect::EventEffect;
use super::room::{At, Standing};
use super::rooms::{check, has_lapsed};
use super::step::Step;
use crate::clock::Millis;
use crate::ids::EventId;
use crate::lane::Result;
use crate::lane::board::{Board, EXACT_MAX, PRESENT_MAX, Presence, Showing};
use crate::lane::room::{Mode, Token, score};

pub fn board(step: &Step<'_>, now_ms: Millis, showing: &Showing) -> Result<Option<Board>> {
    if !(1..=EXACT_MAX).contains(&showing.exact) {
        return step.contract("so many exact scores are out of range");
    }
    let Some(event) = step.event(&showing.event) else { return Ok(None) };
    let (mut first, mut knots) = (Vec::new(), Vec::new());
    let (back, counts) = (event.room.back(), event.counts(now_ms));
    let last = counts.waiting - back - 1;
    let mut next = showing.exact.min(last);
    for (rank, score) in (0..).zip(event.room.waiting_scores()) {
        if rank < showing.exact {
            first.push(score);
        } else if rank == next {
            knots.push((rank, score));
            next = Board::next_rank(rank).min(last);
        }
    }
    Ok(Some(Board { counts, back, first, knots }))
}

pub fn presence(step: &mut Step<'_>, now_ms: Millis, id: &EventId, tokens: &[Token]) -> Result<Option<Vec<Presence>>> {
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

fn see(step: &mut Step<'_>, now_ms: Millis, id: &EventId, token: &Token) -> Presence {
    let event = step.expect_event(id);
    let own_score = score(token.epoch, token.serial);
    let closed = event.counts(now_ms).mode == Mode::Closed;
    if token.round != event.room.round || closed || event.room.is_spent(own_score) {
        return Presence::Gone;
    }
    let visitor = &token.visitor;
    match event.room.standing(visitor) {
        Some(Standing { at: At::Waiting { .. }, .. }) => {
            step.unjournaled(|state| {
                if let Some(event) = state.events.get_mut(id) {
                    event.room.see(visitor, now_ms);
                }
            });
            Presence::Waiting
        }
        Some(Standing { at: At::Back, .. }) => Presence::Back,
        Some(Standing { at: At::Inside { .. }, .. }) => Presence::Inside,
        Some(Standing { at: At::Late { called_ms }, .. }) if has_lapsed(event, called_ms, now_ms) => Presence::Gone,
        Some(Standing { score, at: At::Late { .. } }) => {
            step.emit_on(id, EventEffect::Placed(visitor.clone(), Standing { score, at: At::Back }));
            Presence::Back
        }
        None => {
            let standing = Standing { score: own_score, at: At::Waiting { seen_ms: now_ms } };
            step.emit_on(id, EventEffect::Placed(visitor.clone(), standing));
            Presence::Waiting
        }
    }
}
