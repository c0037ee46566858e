//! Calls to the provider that the ledger has committed to. Knows no provider and no time limit.

use super::sheet::Sheet;
use crate::clock::Millis;
use crate::ids::{AttemptId, OrderId, RefundId};
use crate::lane::order::OrderStatus;

/// A call without a definite answer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Charge(Charging),
    Refund(Returning),
}

/// An open attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charging {
    pub attempt: AttemptId,
    pub order: OrderId,
    pub provider: String,
    pub key: String,
    pub amount: i64,
    pub currency: String,
    /// May be charged before this time; from then on only asked after. `None`: the order is over, or the attempt was
    /// put off.
    pub charge_until_ms: Option<Millis>,
    /// When it was opened.
    pub since_ms: Millis,
    /// When it is to be made, or asked after.
    pub due_ms: Millis,
}

/// An open refund; of those of one order the oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returning {
    pub refund: RefundId,
    pub order: OrderId,
    pub attempt: AttemptId,
    pub provider: String,
    pub amount: i64,
    pub currency: String,
    pub reason: String,
    /// When it was asked for.
    pub since_ms: Millis,
    /// When it is to be made, or asked after.
    pub due_ms: Millis,
    /// To be sent. One that was put off is asked after first.
    pub is_new: bool,
}

/// Which call: the provider's idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CallId {
    Charge(AttemptId),
    Refund(RefundId),
}

impl CallId {
    pub fn as_str(&self) -> &str {
        match self {
            CallId::Charge(attempt) => attempt.as_str(),
            CallId::Refund(refund) => refund.as_str(),
        }
    }
}

impl Call {
    pub fn id(&self) -> CallId {
        match self {
            Call::Charge(charging) => CallId::Charge(charging.attempt.clone()),
            Call::Refund(returning) => CallId::Refund(returning.refund.clone()),
        }
    }

    pub fn order(&self) -> &OrderId {
        match self {
            Call::Charge(charging) => &charging.order,
            Call::Refund(returning) => &returning.order,
        }
    }

    pub fn due_ms(&self) -> Millis {
        match self {
            Call::Charge(charging) => charging.due_ms,
            Call::Refund(returning) => returning.due_ms,
        }
    }

    /// When it was first to be made.
    pub fn since_ms(&self) -> Millis {
        match self {
            Call::Charge(charging) => charging.since_ms,
            Call::Refund(returning) => returning.since_ms,
        }
    }
}

impl Sheet {
    /// The order's open attempt, and the refund that is next.
    pub(super) fn calls(&self) -> Vec<Call> {
        let order = self.order();
        let charge = self.open_attempt().map(|row| {
            Call::Charge(Charging {
                attempt: row.id.clone(),
                order: order.id.clone(),
                provider: row.provider.clone(),
                key: row.pay_key.clone(),
                amount: row.amount,
                currency: order.currency.clone(),
                charge_until_ms: (order.status == OrderStatus::Paying && row.due_ms <= row.created_ms)
                    .then_some(order.deadline_ms),
                since_ms: row.created_ms,
                due_ms: row.due_ms,
            })
        });
        let back = self.next_refund().and_then(|row| {
            let attempt = self.attempt(row.attempt.as_ref()?)?;
            Some(Call::Refund(Returning {
                refund: row.id.clone(),
                order: order.id.clone(),
                attempt: attempt.id.clone(),
                provider: attempt.provider.clone(),
                amount: row.cash,
                currency: order.currency.clone(),
                reason: row.reason.clone(),
                since_ms: row.requested_ms,
                due_ms: row.due_ms,
                is_new: row.due_ms <= row.requested_ms,
            }))
        });
        charge.into_iter().chain(back).collect()
    }
}
