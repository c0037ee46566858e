//! Bringing seats, holds and public statuses to what the ledger says. The rules stand at `lane::orders`.

use super::effect::{Effect, EventEffect};
use super::hold_book::HoldEntry;
use super::order_book::OrderEntry;
use super::room::At;
use super::rooms::{keep_inside, spend};
use super::seats::{close_one, count, end, put_ended};
use super::step::LaneStep;
use crate::facts::conclusion::{Conclusion, SeatTarget};
use crate::facts::hold::{HoldFact, HoldState};
use crate::facts::ids::{EventId, OrderId, SeatIndex, VisitorId};
use crate::facts::order::OrderStatus;
use crate::facts::refund::{RefundFact, RefundStatus};
use crate::facts::room::ReleaseOn;
use crate::facts::seat::SeatState;
use crate::facts::time::Millis;

pub fn conclude(step: &mut LaneStep<'_>, now_ms: Millis, id: &EventId, conclusions: &[Conclusion]) {
    if step.event(id).is_none() {
        return;
    }
    for conclusion in conclusions {
        let (order, orders) = (&conclusion.fact.id, &step.state().orders);
        let past = orders.digest(order).map(|past| past.version);
        let known = orders.get(order).map(|order| order.fact.version).or(past);
        if known.is_none_or(|version| version < conclusion.fact.version) {
            apply(step, now_ms, id, conclusion);
        } else if past.is_some() {
            continue;
        }
        for refund in &conclusion.refunds {
            show_refund(step, &conclusion.fact.id, refund);
        }
    }
}

fn apply(step: &mut LaneStep<'_>, now_ms: Millis, id: &EventId, conclusion: &Conclusion) {
    let order = &conclusion.fact.id;
    end_other(step, now_ms, id, conclusion);
    let hold = step.expect_event(id).holds.get(&conclusion.fact.hold).cloned();
    let hold = hold.filter(|hold| hold.fact.state == HoldState::Ordered && hold.fact.order.as_ref() == Some(order));
    let back = hold.as_ref().filter(|_| conclusion.seats.iter().any(|(_, target)| *target == SeatTarget::Held));

    move_seats(step, id, conclusion, back.is_some());
    if let Some(hold) = back {
        let expires_ms = conclusion.held_until_ms.unwrap_or(hold.fact.expires_ms);
        let fact = HoldFact { state: HoldState::Held, order: None, expires_ms, ..hold.fact.clone() };
        keep_inside(step, id, &fact.visitor, expires_ms);
        step.emit_on(id, EventEffect::HoldPut(Box::new(HoldEntry { fact, ended_ms: None })));
    } else if let Some(hold) = hold
        && conclusion.fact.status.is_final()
        && hold.ended_ms.is_none()
    {
        let visitor = hold.fact.visitor.clone();
        put_ended(step, id, HoldEntry { ended_ms: Some(now_ms), ..hold });
        close_one(step, id, &visitor);
        if conclusion.fact.status != OrderStatus::Rejected {
            leave_if_done(step, id, &visitor);
        }
    }
    put_order(step, now_ms, conclusion);
}

/// Ends the hold that the lane's order stands on, when the ledger's order stands on another.
fn end_other(step: &mut LaneStep<'_>, now_ms: Millis, id: &EventId, conclusion: &Conclusion) {
    let order = &conclusion.fact.id;
    let Some(placed) = step.state().orders.get(order).map(|order| order.fact.hold.clone()) else { return };
    if placed == conclusion.fact.hold {
        return;
    }
    let event = step.expect_event(id);
    let Some(hold) = event.holds.get(&placed).map(|hold| hold.fact.clone()) else { return };
    if hold.state != HoldState::Ordered || hold.order.as_ref() != Some(order) {
        return;
    }
    let seats = event.seats.owned(&hold.seats, order.as_str());
    step.emit_on(id, EventEffect::Seats { seats, state: SeatState::Held, owner: Some(placed.as_str().to_owned()) });
    end(step, now_ms, HoldFact { order: None, ..hold }, HoldState::Expired);
}

fn move_seats(step: &mut LaneStep<'_>, id: &EventId, conclusion: &Conclusion, back: bool) {
    let (order, user) = (conclusion.fact.id.as_str(), &conclusion.fact.user);
    let seats = &step.expect_event(id).seats;
    let owned = |wanted: SeatTarget| {
        let targets = conclusion.seats.iter().filter(|(_, target)| *target == wanted);
        seats.owned(&targets.map(|(seat, _)| *seat).collect::<Vec<SeatIndex>>(), order)
    };
    let (paying, sold) = (owned(SeatTarget::Paying), owned(SeatTarget::Sold));
    let (mut free, mut held) = (owned(SeatTarget::Free), owned(SeatTarget::Held));
    if !back {
        free.append(&mut held);
    }
    let taken = seats.taken(user) - count(&free);
    let is_freeing = !free.is_empty();
    let moves = [
        (paying, SeatState::Paying, Some(order)),
        (sold, SeatState::Sold, Some(order)),
        (held, SeatState::Held, Some(conclusion.fact.hold.as_str())),
        (free, SeatState::Free, None),
    ];
    for (seats, state, owner) in moves {
        if !seats.is_empty() {
            step.emit_on(id, EventEffect::Seats { seats, state, owner: owner.map(str::to_owned) });
        }
    }
    if is_freeing {
        step.emit_on(id, EventEffect::Taken(user.clone(), taken));
    }
}

/// A visitor who has bought and holds nothing more gives the place inside back.
fn leave_if_done(step: &mut LaneStep<'_>, id: &EventId, visitor: &VisitorId) {
    let event = step.expect_event(id);
    if event.settings.release_on != ReleaseOn::Order || event.room.open_holds(visitor) > 0 {
        return;
    }
    let Some(standing) = event.room.standing(visitor) else { return };
    match standing.at {
        At::Inside { .. } => {
            spend(step, id, visitor, standing.score);
            step.mark();
        }
        At::Waiting { .. } | At::Late { .. } | At::Back => {}
    }
}

fn put_order(step: &mut LaneStep<'_>, now_ms: Millis, conclusion: &Conclusion) {
    let known = step.state().orders.get(&conclusion.fact.id);
    let mut order = known.cloned().unwrap_or_else(|| OrderEntry::new(conclusion.fact.clone()));
    order.fact = conclusion.fact.clone();
    order.pending = None;
    order.drop_ms = order.drop_ms.or_else(|| step.state().orders.digest(&order.fact.id).map(|past| past.drop_ms));
    keep_order(step, now_ms, order, conclusion.refundable_until_ms);
}

/// Stores an order and how long it is kept: an order under way for good, a paid one until [`Keep`](crate::lane::Keep)
/// after the last refund may be asked for, a rejected or refunded one for [`Keep`](crate::lane::Keep) from now. When
/// the user now has more rejected or refunded orders than stay whole, the oldest is reduced to its digest.
pub fn keep_order(step: &mut LaneStep<'_>, now_ms: Millis, mut order: OrderEntry, refundable_until_ms: Millis) {
    let keep_ms = step.state().keep.0;
    let until_ms = now_ms + keep_ms;
    order.drop_ms = match order.fact.status {
        // The earliest time that was set stays.
        OrderStatus::Rejected | OrderStatus::Refunded => {
            Some(order.drop_ms.map_or(until_ms, |at_ms| at_ms.min(until_ms)))
        }
        OrderStatus::Confirmed | OrderStatus::PartiallyRefunded => Some(now_ms.max(refundable_until_ms) + keep_ms),
        OrderStatus::Accepted | OrderStatus::PendingPayment | OrderStatus::Paying | OrderStatus::AwaitingDeposit => {
            None
        }
    };
    let (event, user, past) = (order.fact.event.clone(), order.fact.user.clone(), order.is_past());
    step.emit(Effect::OrderPut(Box::new(order)));
    if past && let Some(oldest) = step.state().orders.one_too_many(&event, &user) {
        step.emit(Effect::OrderReduced(oldest));
    }
}

fn show_refund(step: &mut LaneStep<'_>, order: &OrderId, refund: &RefundFact) {
    let known = step.state().refunds.get(&refund.id);
    if known.is_some_and(|known| rank(known.status) > rank(refund.status) || known == refund) {
        return;
    }
    step.emit(Effect::RefundPut(refund.clone()));
    let order = step.state().orders.get(order).expect("a conclusion leaves the order behind");
    if !order.refunds.contains(&refund.id) {
        let mut order = order.clone();
        order.refunds.insert(refund.id.clone());
        step.emit(Effect::OrderPut(Box::new(order)));
    }
}

/// A refund's status never goes down.
fn rank(status: RefundStatus) -> u8 {
    match status {
        RefundStatus::Requested => 0,
        // An account that was wrong makes it wait for another.
        RefundStatus::AwaitingAccount | RefundStatus::Sent => 1,
        RefundStatus::Done | RefundStatus::Failed => 2,
    }
}
