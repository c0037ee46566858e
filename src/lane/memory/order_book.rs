//! An order as its lane keeps it: the fact, what is pending, what hangs on it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::ids::{AttemptId, EventId, OrderId, RefundId};
use crate::lane::order::{OrderFact, OrderStatus};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub fact: OrderFact,
    pub pending: Option<Pending>,
    /// Attempts to pay it, with the digests of their requests.
    pub attempts: BTreeMap<AttemptId, String>,
    /// Refunds of it, dropped with it.
    pub refunds: BTreeSet<RefundId>,
    pub drop_ms: Option<Millis>,
}

/// What the buyer asked for and the writer has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pending {
    Pay,
    Cancel,
}

impl Order {
    pub fn new(fact: OrderFact) -> Self {
        Self { fact, pending: None, attempts: BTreeMap::new(), refunds: BTreeSet::new(), drop_ms: None }
    }

    /// As everyone is shown it.
    pub fn shown(&self) -> OrderFact {
        let mut fact = self.fact.clone();
        if self.pending == Some(Pending::Pay) {
            fact.status = OrderStatus::Paying;
        }
        fact
    }

    pub fn drop_key(&self) -> Option<(EventId, Millis, OrderId)> {
        self.drop_ms.map(|at_ms| (self.fact.event.clone(), at_ms, self.fact.id.clone()))
    }
}
