//! The doors of the log: checkout, pay, cancel, refund; and what is shown of orders. The rules stand at `lane::orders`.
//! The rules of settling are carried out in `conclude`.

use async_trait::async_trait;

use super::effect::{Effect, EventEffect};
use super::embedded::{Embedded, When};
use super::hold_book::HoldEntry;
use super::log::{backlog, log};
use super::order_book::{OrderEntry, Pending};
use super::rooms::keep_inside;
use super::step::LaneStep;
use super::{conclude, log};
use crate::facts::conclusion::Conclusion;
use crate::facts::hold::{HoldFact, HoldState};
use crate::facts::ids::{EventId, LogId, OrderId, RefundId};
use crate::facts::order::{LineFact, OrderFact, OrderStatus, Reason};
use crate::facts::refund::{RefundBy, RefundFact};
use crate::facts::seat::SeatState;
use crate::facts::time::Millis;
use crate::lane::orders::{Cancel, CancelOutcome, Checkout, CheckoutOutcome, Pay, PayOutcome, Refund, RefundOutcome};
use crate::lane::{Orders, Result};

#[async_trait]
impl Orders for Embedded {
    async fn checkout(&self, now_ms: Millis, ask: Checkout) -> Result<CheckoutOutcome> {
        self.run("checkout", When::Built, |step| Ok(checkout(step, now_ms, &ask))).await
    }

    async fn pay(&self, now_ms: Millis, ask: Pay) -> Result<PayOutcome> {
        self.run("pay", When::Built, |step| Ok(pay(step, now_ms, &ask))).await
    }

    async fn cancel(&self, now_ms: Millis, ask: Cancel) -> Result<CancelOutcome> {
        self.run("cancel", When::Built, |step| Ok(cancel(step, now_ms, &ask))).await
    }

    async fn refund(&self, now_ms: Millis, ask: Refund) -> Result<RefundOutcome> {
        self.run("refund", When::Built, |step| refund(step, now_ms, &ask)).await
    }

    async fn orders(&self, ids: &[OrderId]) -> Result<Vec<Option<OrderFact>>> {
        self.run("orders", When::Built, |step| Ok(orders(step, ids))).await
    }

    async fn get_refund(&self, id: &RefundId) -> Result<Option<RefundFact>> {
        self.run("get_refund", When::Built, |step| Ok(get_refund(step, id))).await
    }

    async fn conclude(
        &self,
        now_ms: Millis,
        event: &EventId,
        conclusions: Vec<Conclusion>,
        trim: Option<LogId>,
    ) -> Result<()> {
        self.run("conclude", When::Built, |step| {
            conclude::conclude(step, now_ms, event, &conclusions);
            if let Some(upto) = trim {
                log::trim(step, upto);
            }
            Ok(())
        })
        .await
    }
}

pub fn checkout(step: &mut LaneStep<'_>, now_ms: Millis, ask: &Checkout) -> CheckoutOutcome {
    if let Some(order) = step.state().orders.get(&ask.fact.id) {
        if order.fact.digest != ask.fact.digest {
            return CheckoutOutcome::KeyReused;
        }
        return CheckoutOutcome::Repeated(order.shown());
    }
    if let Some(past) = step.state().orders.digest(&ask.fact.id) {
        return if past.digest == ask.fact.digest { CheckoutOutcome::Past } else { CheckoutOutcome::KeyReused };
    }
    let id = &ask.event;
    let Some(event) = step.event(id) else { return CheckoutOutcome::NotFound };
    let Some(hold) = event.holds.get(&ask.hold) else { return CheckoutOutcome::NotFound };
    if hold.fact.user != ask.user {
        return CheckoutOutcome::NotOwner;
    }
    match hold.at(now_ms).state {
        HoldState::Held => {}
        HoldState::Ordered => return CheckoutOutcome::AlreadyOrdered,
        HoldState::Expired => return CheckoutOutcome::Expired,
        HoldState::Released => return CheckoutOutcome::Released,
    }
    if backlog(step) >= ask.log_max {
        return CheckoutOutcome::Full;
    }
    let order = ask.fact.id.clone();
    let hold = HoldFact { state: HoldState::Ordered, order: Some(order.clone()), ..hold.fact.clone() };
    let seats = event.seats.owned(&hold.seats, hold.id.as_str());
    let owner = Some(order.as_str().to_owned());
    step.emit_on(id, EventEffect::Seats { seats, state: SeatState::Paying, owner });
    step.emit_on(id, EventEffect::HoldPut(Box::new(HoldEntry { fact: hold.clone(), ended_ms: None })));
    step.emit(Effect::OrderPut(Box::new(OrderEntry::new(ask.fact.clone()))));
    keep_inside(step, id, &hold.visitor, ask.fact.deadline_ms);
    CheckoutOutcome::Placed(log(step, now_ms, &ask.record, Some(hold), None))
}

pub fn pay(step: &mut LaneStep<'_>, now_ms: Millis, ask: &Pay) -> PayOutcome {
    let Some(order) = step.state().orders.get(&ask.order) else { return PayOutcome::NotFound };
    if let Some(digest) = order.attempts.get(&ask.attempt) {
        return if *digest == ask.digest { PayOutcome::Repeated(order.shown()) } else { PayOutcome::KeyReused };
    }
    if order.fact.user != ask.user {
        return PayOutcome::NotOwner;
    }
    if is_paying(order) {
        return PayOutcome::InProgress;
    }
    if order.fact.status != OrderStatus::PendingPayment
        || order.pending == Some(Pending::Cancel)
        || order.fact.deadline_ms <= now_ms
    {
        return PayOutcome::NotPayable;
    }
    if order.fact.payment.as_ref().is_some_and(|payment| i64::from(payment.attempts) >= ask.attempts_max) {
        return PayOutcome::TooMany;
    }
    let due = order.fact.total.as_ref().map_or(0, |total| total.cash);
    if ask.amount != due {
        return PayOutcome::AmountMismatch { due };
    }
    if backlog(step) >= ask.log_max {
        return PayOutcome::Full;
    }
    let mut order = order.clone();
    order.pending = Some(Pending::Pay);
    order.attempts.insert(ask.attempt.clone(), ask.digest.clone());
    let shown = order.shown();
    step.emit(Effect::OrderPut(Box::new(order)));
    log(step, now_ms, &ask.record, None, None);
    PayOutcome::Accepted(shown)
}

pub fn cancel(step: &mut LaneStep<'_>, now_ms: Millis, ask: &Cancel) -> CancelOutcome {
    let Some(order) = step.state().orders.get(&ask.order) else { return CancelOutcome::NotFound };
    if order.fact.user != ask.user {
        return CancelOutcome::NotOwner;
    }
    let is_cancelled = order.fact.status == OrderStatus::Rejected && order.fact.reason == Some(Reason::Cancelled);
    if order.pending == Some(Pending::Cancel) || is_cancelled {
        return CancelOutcome::Accepted(order.shown());
    }
    if is_paying(order) {
        return CancelOutcome::InProgress;
    }
    if !matches!(order.fact.status, OrderStatus::PendingPayment | OrderStatus::AwaitingDeposit) {
        return CancelOutcome::NotCancellable;
    }
    let mut order = order.clone();
    order.pending = Some(Pending::Cancel);
    let shown = order.shown();
    step.emit(Effect::OrderPut(Box::new(order)));
    log(step, now_ms, &ask.record, None, None);
    CancelOutcome::Accepted(shown)
}

pub fn refund(step: &mut LaneStep<'_>, now_ms: Millis, ask: &Refund) -> Result<RefundOutcome> {
    if ask.lines.iter().any(|(_, amount)| amount.is_some_and(|amount| amount < 1)) {
        return step.contract("a refund of nothing");
    }
    if let Some(refund) = step.state().refunds.get(&ask.refund) {
        if refund.digest != ask.digest {
            return Ok(RefundOutcome::KeyReused);
        }
        return Ok(RefundOutcome::Repeated(refund.clone()));
    }
    let Some(order) = step.state().orders.get(&ask.order) else { return Ok(RefundOutcome::NotFound) };
    if ask.user.as_ref().is_some_and(|user| *user != order.fact.user) {
        return Ok(RefundOutcome::NotOwner);
    }
    match order.fact.status {
        OrderStatus::Confirmed | OrderStatus::PartiallyRefunded => {}
        OrderStatus::Accepted
        | OrderStatus::PendingPayment
        | OrderStatus::Paying
        | OrderStatus::AwaitingDeposit
        | OrderStatus::Refunded
        | OrderStatus::Rejected => return Ok(RefundOutcome::NotRefundable),
    }
    if ask.by == RefundBy::Buyer && order.fact.refunds_closed(now_ms) {
        return Ok(RefundOutcome::Closed);
    }
    for &(number, amount) in &ask.lines {
        match order.fact.lines.iter().find(|line| line.line == number) {
            None => return Ok(RefundOutcome::LineNotFound { line: number }),
            Some(line) if line.closed || amount.is_some_and(|amount| amount > left(line)) => {
                return Ok(RefundOutcome::OverRefund { line: number });
            }
            Some(_) => {}
        }
    }
    if backlog(step) >= ask.log_max {
        return Ok(RefundOutcome::Full);
    }
    let mut order = order.clone();
    order.refunds.insert(ask.refund.clone());
    step.emit(Effect::OrderPut(Box::new(order)));
    step.emit(Effect::RefundPut(ask.fact.clone()));
    log(step, now_ms, &ask.record, None, None);
    Ok(RefundOutcome::Accepted)
}

pub fn orders(step: &LaneStep<'_>, ids: &[OrderId]) -> Vec<Option<OrderFact>> {
    ids.iter().map(|id| step.state().orders.get(id).map(OrderEntry::shown)).collect()
}

pub fn get_refund(step: &LaneStep<'_>, id: &RefundId) -> Option<RefundFact> {
    step.state().refunds.get(id).cloned()
}

fn is_paying(order: &OrderEntry) -> bool {
    order.fact.status == OrderStatus::Paying || order.pending == Some(Pending::Pay)
}

/// Gross amount that is left to refund.
fn left(line: &LineFact) -> i64 {
    line.price - line.discount - line.refunded
}
