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
    /// May be charged before this time; from then on only asked after. `None`: the order is over.
    pub charge_until_ms: Option<Millis>,
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
}

impl Call {
    /// The attempt's or the refund's id: the provider's idempotency key.
    pub fn id(&self) -> &str {
        match self {
            Call::Charge(charging) => charging.attempt.as_str(),
            Call::Refund(returning) => returning.refund.as_str(),
        }
    }

    pub fn order(&self) -> &OrderId {
        match self {
            Call::Charge(charging) => &charging.order,
            Call::Refund(returning) => &returning.order,
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
                charge_until_ms: (order.status == OrderStatus::Paying).then_some(order.deadline_ms),
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
            }))
        });
        charge.into_iter().chain(back).collect()
    }
}
