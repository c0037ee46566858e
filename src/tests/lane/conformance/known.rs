//! What a lane has of an event, so that random steps can be about it.

use stanchion::facts::hold::HoldFact;
use stanchion::facts::order::{OrderFact, OrderStatus};
use stanchion::facts::time::Millis;
use stanchion::lane::Lane;

use super::ask;
use super::world::{EVENTS, KEYS, VISITORS, churned};

pub struct Known {
    pub holds: Vec<HoldFact>,
    pub orders: Vec<OrderFact>,
    /// The ids of holds and orders that own a seat. Some of these orders have left the lane.
    pub owners: Vec<String>,
    /// Which of `VISITORS` are inside.
    pub insiders: Vec<usize>,
}

impl Known {
    pub async fn of(lane: &dyn Lane, name: &str, now_ms: Millis) -> Self {
        let event = ask::event(name);
        let dump = lane.dump_event(&event).await.ok().flatten();
        let (holds, orders, owners) =
            dump.map_or((vec![], vec![], vec![]), |dump| (dump.holds, dump.orders, dump.owners));
        let owners = owners.into_iter().map(|(_, owner)| owner).collect();
        let mut insiders = vec![];
        for (at, visitor) in VISITORS.iter().enumerate() {
            if matches!(lane.inside(now_ms, &event, &ask::visitor(visitor)).await, Ok(Some(_))) {
                insiders.push(at);
            }
        }
        Self { holds, orders, owners, insiders }
    }

    /// A hold that `wanted` accepts, or another one if it accepts none. `None` when there are no holds, and rarely even
    /// when there are.
    pub fn hold(&self, by: u8, wanted: impl Fn(&HoldFact) -> bool) -> Option<&HoldFact> {
        let fitting: Vec<&HoldFact> = self.holds.iter().filter(|hold| wanted(hold)).collect();
        if fitting.is_empty() {
            return some(&self.holds, by);
        }
        some(&fitting, by).copied()
    }

    /// An order, mostly in one of these statuses if there is one. `None` when there are none, and rarely even when
    /// there are.
    pub fn order(&self, by: u8, wanted: &[OrderStatus]) -> Option<&OrderFact> {
        let fitting: Vec<&OrderFact> = self.orders.iter().filter(|order| wanted.contains(&order.status)).collect();
        if fitting.is_empty() || by % 8 == 6 {
            return some(&self.orders, by);
        }
        some(&fitting, by).copied()
    }
}

/// One of these; `None` when there are none, and rarely even when there are.
pub fn some<T>(from: &[T], by: u8) -> Option<&T> {
    if by % 16 == 15 {
        return None;
    }
    from.get(usize::from(by) % from.len().max(1))
}

/// Mostly the digest that everything was made with.
pub fn digest(by: u8) -> String {
    if by % 8 == 5 { "other" } else { "d" }.to_owned()
}

/// The key from which an order's ids are made.
pub fn order_key(order: &OrderFact) -> String {
    let keys = KEYS.iter().map(|key| (*key).to_owned()).chain(churned());
    let mut keys = keys.flat_map(|key| EVENTS.map(|name| format!("{name}/{key}")));
    keys.find(|key| ask::order_id(key) == order.id).expect("orders are made of these keys")
}
