//! The orders of a lane, by id and by when they are dropped: the fact of each, what is pending, its attempts and its
//! refunds. Of older rejected or refunded orders only the digest of their request is left.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::recent::Recent;
use crate::facts::ids::{AttemptId, EventId, OrderId, RefundId, UserId};
use crate::facts::order::{OrderFact, OrderStatus};
use crate::facts::time::Millis;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct OrderBook {
    #[serde(rename = "orders")]
    by_id: BTreeMap<OrderId, OrderEntry>,
    #[serde(default, rename = "order_digests")]
    digests: BTreeMap<OrderId, OrderDigest>,
    #[serde(default, rename = "recent_orders")]
    recent: BTreeMap<EventId, Recent<OrderId>>,
    #[serde(skip)]
    drops: BTreeSet<(EventId, Millis, OrderId)>,
}

/// A rejected or refunded order that only a repeat of its request still asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderDigest {
    pub event: EventId,
    pub version: i64,
    pub digest: String,
    pub drop_ms: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEntry {
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

impl OrderBook {
    /// Rebuilds what is not stored.
    pub fn index(&mut self) {
        let digests = self.digests.iter().map(|(id, past)| (past.event.clone(), past.drop_ms, id.clone()));
        self.drops = digests.chain(self.by_id.values().filter_map(OrderEntry::drop_key)).collect();
        for order in self.by_id.values().filter(|order| order.is_past()) {
            self.recent.entry(order.fact.event.clone()).or_default().note(&order.fact.user, &order.fact.id);
        }
    }

    pub fn get(&self, id: &OrderId) -> Option<&OrderEntry> {
        self.by_id.get(id)
    }

    pub fn all(&self) -> impl Iterator<Item = &OrderEntry> {
        self.by_id.values()
    }

    pub fn digest(&self, id: &OrderId) -> Option<&OrderDigest> {
        self.digests.get(id)
    }

    /// The user's oldest whole order of the event that is rejected or refunded, when there are more of them than stay
    /// whole.
    pub fn one_too_many(&self, event: &EventId, user: &UserId) -> Option<OrderId> {
        self.recent.get(event)?.one_too_many(user)
    }

    /// The event's next order to be dropped, and when.
    pub fn first_to_drop(&self, event: &EventId) -> Option<(Millis, &OrderId)> {
        let first = (event.clone(), Millis::MIN, OrderId::from(String::new()));
        let (of, drop_ms, order) = self.drops.range(first..).next()?;
        (of == event).then_some((*drop_ms, order))
    }

    pub fn put(&mut self, order: OrderEntry) {
        let id = order.fact.id.clone();
        self.unindex(&id);
        self.forget_digest(&id);
        let recent = self.recent.entry(order.fact.event.clone()).or_default();
        match order.is_past() {
            true => recent.note(&order.fact.user, &id),
            false => recent.forget(&order.fact.user, &id),
        }
        self.drops.extend(order.drop_key());
        self.by_id.insert(id, order);
    }

    /// Leaves only the digest of an order; returns it as it was.
    pub fn reduce(&mut self, id: &OrderId) -> Option<OrderEntry> {
        let order = self.take(id)?;
        let (event, drop_ms) = (order.fact.event.clone(), order.drop_ms?);
        self.drops.insert((event.clone(), drop_ms, id.clone()));
        let past = OrderDigest { event, version: order.fact.version, digest: order.fact.digest.clone(), drop_ms };
        self.digests.insert(id.clone(), past);
        Some(order)
    }

    /// Drops an order, or what is left of it; returns it if it was whole.
    pub fn remove(&mut self, id: &OrderId) -> Option<OrderEntry> {
        self.forget_digest(id);
        self.take(id)
    }

    /// Drops an event's orders, and what is left of older ones; returns those that were whole.
    pub fn remove_all_of(&mut self, event: &EventId) -> Vec<OrderEntry> {
        let whole = self.by_id.values().filter(|order| order.fact.event == *event).map(|order| order.fact.id.clone());
        let past = self.digests.iter().filter(|(_, past)| past.event == *event).map(|(id, _)| id.clone());
        let ids: Vec<OrderId> = whole.chain(past).collect();
        let removed = ids.iter().filter_map(|id| self.remove(id)).collect();
        self.recent.remove(event);
        removed
    }

    fn take(&mut self, id: &OrderId) -> Option<OrderEntry> {
        let order = self.unindex(id)?;
        if let Some(recent) = self.recent.get_mut(&order.fact.event) {
            recent.forget(&order.fact.user, id);
        }
        Some(order)
    }

    fn unindex(&mut self, id: &OrderId) -> Option<OrderEntry> {
        let before = self.by_id.remove(id)?;
        before.drop_key().map(|key| self.drops.remove(&key));
        Some(before)
    }

    fn forget_digest(&mut self, id: &OrderId) {
        if let Some(past) = self.digests.remove(id) {
            self.drops.remove(&(past.event, past.drop_ms, id.clone()));
        }
    }
}

impl OrderEntry {
    pub fn new(fact: OrderFact) -> Self {
        Self { fact, pending: None, attempts: BTreeMap::new(), refunds: BTreeSet::new(), drop_ms: None }
    }

    /// The order as everyone is shown it.
    pub fn shown(&self) -> OrderFact {
        let mut fact = self.fact.clone();
        if self.pending == Some(Pending::Pay) {
            fact.status = OrderStatus::Paying;
        }
        fact
    }

    /// Rejected, or refunded completely.
    pub fn is_past(&self) -> bool {
        matches!(self.fact.status, OrderStatus::Rejected | OrderStatus::Refunded)
    }

    fn drop_key(&self) -> Option<(EventId, Millis, OrderId)> {
        self.drop_ms.map(|at_ms| (self.fact.event.clone(), at_ms, self.fact.id.clone()))
    }
}
