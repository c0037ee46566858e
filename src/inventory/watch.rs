//! Waiting for orders: one read of each lane every 75 ms serves all long polls of a gateway, however many.
//!
//! An order is at rest when its status is final or when it waits for the buyer. While the buyer is cancelling it, it
//! does not wait for the buyer. A lane with waiters has one task, which ends when nobody waits any more. A waiter that
//! went away is noticed by its closed channel, so nobody has to report it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

use crate::facts::ids::{LaneId, OrderId};
use crate::facts::order::{OrderFact, OrderStatus};
use crate::lane::Lane;

/// Pause between two reads of one lane.
const EVERY: Duration = Duration::from_millis(75);

/// Most orders in one read.
const READ_MAX: usize = 500;

/// Most cancelled orders remembered. Beyond it all are forgotten: their waiters are answered at once and ask again.
const ENDING_MAX: usize = 10_000;

/// What came of waiting.
#[derive(Debug)]
pub enum Waited {
    /// The order is at rest.
    Rests(Box<OrderFact>),
    /// The lane does not know the order (any more): the ledger may.
    Gone,
    /// The time is over; nothing was decided.
    TimeOver,
}

/// As many wait as are allowed.
#[derive(Debug, thiserror::Error)]
#[error("too many requests wait for orders")]
pub struct Busy;

pub struct Watch {
    waits: Semaphore,
    lanes: DashMap<LaneId, Arc<Waiters>>,
    ending: Arc<Ending>,
}

/// Orders whose cancellation was accepted here and is not decided yet: the lane shows them as they were.
#[derive(Default)]
struct Ending(DashMap<OrderId, ()>);

impl Ending {
    fn rests(&self, fact: &OrderFact) -> bool {
        match fact.status {
            OrderStatus::Accepted | OrderStatus::Paying => false,
            OrderStatus::PendingPayment | OrderStatus::AwaitingDeposit => !self.0.contains_key(&fact.id),
            OrderStatus::Confirmed | OrderStatus::PartiallyRefunded | OrderStatus::Refunded | OrderStatus::Rejected => {
                self.0.remove(&fact.id);
                true
            }
        }
    }
}

/// Those who wait for orders of one lane.
struct Waiters {
    waiting: Mutex<Waiting>,
    ending: Arc<Ending>,
}

#[derive(Default)]
struct Waiting {
    orders: HashMap<OrderId, Vec<oneshot::Sender<Waited>>>,
    /// Whether a task reads for them.
    reading: bool,
}

impl Watch {
    pub fn new(waits_max: usize) -> Self {
        Self { waits: Semaphore::new(waits_max), lanes: DashMap::new(), ending: Arc::default() }
    }

    /// Whether the order stays as it is until its buyer acts.
    pub fn rests(&self, fact: &OrderFact) -> bool {
        self.ending.rests(fact)
    }

    /// Notes that the order's buyer is cancelling it.
    pub fn is_ending(&self, order: &OrderId) {
        if self.ending.0.len() >= ENDING_MAX {
            self.ending.0.clear();
        }
        self.ending.0.insert(order.clone(), ());
    }

    pub async fn wait(&self, lane: &Arc<dyn Lane>, order: &OrderId, wait: Duration) -> Result<Waited, Busy> {
        let _permit = self.waits.try_acquire().map_err(|_| Busy)?;
        let waiters = self.waiters(lane.id());
        let answer = waiters.join(lane, order);
        Ok(match tokio::time::timeout(wait, answer).await {
            Ok(Ok(waited)) => waited,
            // The reading task was cut off with its runtime. That counts as no time left.
            Ok(Err(_)) | Err(_) => Waited::TimeOver,
        })
    }
}

impl Watch {
    fn waiters(&self, lane: LaneId) -> Arc<Waiters> {
        let new = || Arc::new(Waiters { waiting: Mutex::default(), ending: Arc::clone(&self.ending) });
        Arc::clone(self.lanes.entry(lane).or_insert_with(new).value())
    }
}

impl Waiters {
    fn join(self: &Arc<Self>, lane: &Arc<dyn Lane>, order: &OrderId) -> oneshot::Receiver<Waited> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        waiting.orders.entry(order.clone()).or_default().push(sender);
        if !waiting.reading {
            waiting.reading = true;
            tokio::spawn(Arc::clone(self).read(Arc::clone(lane)));
        }
        receiver
    }

    /// Reads for those who wait until nobody does.
    async fn read(self: Arc<Self>, lane: Arc<dyn Lane>) {
        loop {
            tokio::time::sleep(EVERY).await;
            let Some(orders) = self.wanted() else { return };
            for orders in orders.chunks(READ_MAX) {
                match lane.orders(orders).await {
                    Ok(facts) => self.answer(orders, facts),
                    // The next round asks again. A waiter whose time is over meanwhile asks the lane itself.
                    Err(fault) => tracing::debug!(lane = %lane.id(), error = %fault, "orders not read"),
                }
            }
        }
    }

    /// The orders somebody still waits for; `None`: there are none, and the task ends.
    fn wanted(&self) -> Option<Vec<OrderId>> {
        let mut waiting = self.waiting.lock();
        waiting.orders.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
        waiting.reading = !waiting.orders.is_empty();
        waiting.reading.then(|| waiting.orders.keys().cloned().collect())
    }

    fn answer(&self, orders: &[OrderId], facts: Vec<Option<OrderFact>>) {
        let mut waiting = self.waiting.lock();
        for (order, fact) in orders.iter().zip(facts) {
            if fact.as_ref().is_some_and(|fact| !self.ending.rests(fact)) {
                continue;
            }
            for sender in waiting.orders.remove(order).unwrap_or_default() {
                // A waiter gone meanwhile needs no answer.
                let _ = sender.send(match &fact {
                    Some(fact) => Waited::Rests(Box::new(fact.clone())),
                    None => Waited::Gone,
                });
            }
        }
    }
}
