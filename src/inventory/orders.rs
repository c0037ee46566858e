//! Orders at the door: placing, paying, cancelling, and their status as the lane shows it. What an order costs belongs
//! in the writer, which decides it from the ledger.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;

use super::Inventory;
use super::watch::{Busy, Waited};
use crate::facts::checkpoint::RestoredOrder;
use crate::facts::conclusion::Conclusion;
use crate::facts::coupon::CouponChoice;
use crate::facts::ids::{AttemptId, EventId, FactKind, HoldId, OrderId, UserId};
use crate::facts::order::{OrderFact, OrderStatus};
use crate::facts::points::PointsAsk;
use crate::facts::record::{PaymentAsk, Record, RecordBody, VERSION};
use crate::facts::refund::RefundFact;
use crate::facts::terms::Terms;
use crate::facts::time::Millis;
use crate::lane::orders::{Cancel, CancelOutcome, Checkout, CheckoutOutcome, Pay, PayOutcome};
use crate::lane::{Lane, Result};
use crate::metrics::INVENTORY_ORDERS;

/// An order as the buyer wants it. Its id names the hold's lane.
pub struct OrderRequest {
    pub order: OrderId,
    pub event: EventId,
    pub hold: HoldId,
    pub user: UserId,
    pub digest: String,
    /// Id of the ticket type of each of the hold's seats; empty: their default types.
    pub types: Vec<String>,
    pub coupon: CouponChoice,
    pub points: PointsAsk,
    /// The least cash, above none, that can be paid, minor units.
    pub least_cash: i64,
    pub expected_cash: Option<i64>,
    pub payment: Option<PaymentAsk>,
    /// Time to pay, from now.
    pub payment_ttl_ms: i64,
    pub terms: Terms,
}

/// An attempt to pay an order. Its id names the order's lane.
pub struct Paying {
    pub order: OrderId,
    pub user: UserId,
    pub attempt: AttemptId,
    pub digest: String,
    pub payment: PaymentAsk,
    pub amount: i64,
}

/// What came of placing an order, and its id.
#[derive(Debug)]
pub struct Placed {
    pub order: OrderId,
    pub outcome: CheckoutOutcome,
}

impl Inventory {
    /// Turns a hold into paying seats and an order into a record, in one step.
    pub async fn place(&self, ask: OrderRequest) -> Result<Placed> {
        let now_ms = self.clock.now_ms();
        let order = ask.order.clone();
        let lane = self.lane_of(FactKind::Hold, ask.hold.as_str());
        let checkout = checkout(ask, now_ms, self.log_max);
        let outcome = match lane {
            Some(lane) => {
                let outcome = lane.checkout(now_ms, checkout).await?;
                if let CheckoutOutcome::Placed(_) = outcome {
                    self.nudge(lane.id());
                }
                outcome
            }
            None => CheckoutOutcome::NotFound,
        };
        counter!(INVENTORY_ORDERS, "outcome" => label(&outcome)).increment(1);
        Ok(Placed { order, outcome })
    }

    pub async fn pay(&self, ask: Paying) -> Result<PayOutcome> {
        let Some(lane) = self.order_lane(&ask.order) else { return Ok(PayOutcome::NotFound) };
        let Paying { order, user, attempt, digest, payment, amount } = ask;
        let body = RecordBody::PaymentRequested {
            v: VERSION,
            order: order.clone(),
            attempt: attempt.clone(),
            payment,
            amount,
        };
        let record = Record { id: attempt.to_string(), body };
        let pay = Pay {
            order,
            user,
            attempt,
            digest,
            amount,
            attempts_max: self.attempts_max,
            record,
            log_max: self.log_max,
        };
        let outcome = lane.pay(self.clock.now_ms(), pay).await?;
        if let PayOutcome::Accepted(_) = outcome {
            self.nudge(lane.id());
        }
        Ok(outcome)
    }

    /// What became of an attempt that was asked for before. Nothing new begins, because no order ever has this amount
    /// due.
    pub async fn repeated_pay(
        &self,
        order: &OrderId,
        user: UserId,
        attempt: AttemptId,
        digest: String,
    ) -> Result<PayOutcome> {
        const NEVER_DUE: i64 = -1;
        let payment = PaymentAsk { provider: String::new(), key: String::new(), deposit_until_ms: None };
        let paying = Paying { order: order.clone(), user, attempt, digest, payment, amount: NEVER_DUE };
        self.pay(paying).await
    }

    /// Gives an order that left its lane back to the lane, with its refunds, as the ledger has them. A refund of the
    /// order is to follow.
    pub async fn bring_back(&self, order: RestoredOrder, refunds: Vec<RefundFact>) -> Result<()> {
        let Some(lane) = self.order_lane(&order.fact.id) else { return Ok(()) };
        let RestoredOrder { fact, hold: _, seats: _, refundable_until_ms } = order;
        let event = fact.event.clone();
        // The order's seats are still in the lane, unchanged.
        let seats = Vec::new();
        let conclusion = Conclusion { fact, seats, held_until_ms: None, refundable_until_ms, refunds };
        lane.conclude(self.clock.now_ms(), &event, vec![conclusion], None).await
    }

    pub async fn cancel(&self, order: OrderId, user: UserId) -> Result<CancelOutcome> {
        let Some(lane) = self.order_lane(&order) else { return Ok(CancelOutcome::NotFound) };
        let body = RecordBody::OrderCancelled { v: VERSION, order: order.clone() };
        let record = Record { id: format!("{order}.cancelled"), body };
        let outcome = lane.cancel(self.clock.now_ms(), Cancel { order, user, record }).await?;
        if let CancelOutcome::Accepted(fact) = &outcome {
            if matches!(fact.status, OrderStatus::PendingPayment | OrderStatus::AwaitingDeposit) {
                self.watch.is_ending(&fact.id);
            }
            self.nudge(lane.id());
        }
        Ok(outcome)
    }

    /// An order's public status as its lane shows it; `None`: the lane does not know it (any more).
    pub async fn order(&self, order: &OrderId) -> Result<Option<OrderFact>> {
        match self.order_lane(order) {
            Some(lane) => Ok(lane.orders(std::slice::from_ref(order)).await?.pop().flatten()),
            None => Ok(None),
        }
    }

    /// Whether the order stays as it is until its buyer acts (or its time is over).
    pub fn rests(&self, fact: &OrderFact) -> bool {
        self.watch.rests(fact)
    }

    /// Waits until an order is at rest, at most `wait`.
    pub async fn wait(&self, order: &OrderId, wait: Duration) -> std::result::Result<Waited, Busy> {
        match self.order_lane(order) {
            Some(lane) => self.watch.wait(lane, order, wait).await,
            None => Ok(Waited::Gone),
        }
    }

    pub(super) fn order_lane(&self, order: &OrderId) -> Option<&Arc<dyn Lane>> {
        self.lane_of(FactKind::Order, order.as_str())
    }
}

fn checkout(ask: OrderRequest, now_ms: Millis, log_max: i64) -> Checkout {
    let deadline_ms = now_ms + ask.payment_ttl_ms;
    let body = RecordBody::OrderPlaced {
        v: VERSION,
        order: ask.order.clone(),
        event: ask.event.clone(),
        hold: ask.hold.clone(),
        user: ask.user.clone(),
        digest: ask.digest,
        types: ask.types,
        coupon: ask.coupon,
        points: ask.points,
        least_cash: ask.least_cash,
        expected_cash: ask.expected_cash,
        payment: ask.payment,
        placed_ms: now_ms,
        deadline_ms,
        terms: ask.terms,
    };
    let fact = body.accepted().expect("it places an order");
    let record = Record { id: ask.order.into_string(), body };
    Checkout { event: ask.event, hold: ask.hold, user: ask.user, fact, record, log_max }
}

fn label(outcome: &CheckoutOutcome) -> &'static str {
    match outcome {
        CheckoutOutcome::Placed(_) => "placed",
        CheckoutOutcome::Repeated(_) => "repeated",
        CheckoutOutcome::Past => "past",
        CheckoutOutcome::KeyReused => "key_reused",
        CheckoutOutcome::NotFound => "not_found",
        CheckoutOutcome::NotOwner => "not_owner",
        CheckoutOutcome::AlreadyOrdered => "already_ordered",
        CheckoutOutcome::Expired => "expired",
        CheckoutOutcome::Released => "released",
        CheckoutOutcome::Full => "full",
    }
}
