//! Places at one server behind us: they limit the exchanges under way, in all and for one visitor.

use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::edge::problem::{Code, Problem};
use crate::facts::ids::VisitorId;

pub struct Places {
    all: Arc<Semaphore>,
    of_one: usize,
    /// Exchanges under way by visitor. A visitor without one has no entry.
    taken: Arc<DashMap<VisitorId, usize>>,
}

/// The place of one exchange. The exchange holds it until it is over.
pub struct ProxySlot {
    _own: Own,
    _all: OwnedSemaphorePermit,
}

/// One of a visitor's exchanges.
struct Own {
    visitor: VisitorId,
    taken: Arc<DashMap<VisitorId, usize>>,
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Entry::Occupied(mut taken) = self.taken.entry(self.visitor.clone()) {
            *taken.get_mut() -= 1;
            if *taken.get() == 0 {
                taken.remove();
            }
        }
    }
}

impl Places {
    pub fn new(all: usize, of_one: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), of_one, taken: Arc::default() }
    }

    /// 429: the visitor has as many exchanges under way as allowed; 503: all places are taken.
    pub fn take(&self, visitor: &VisitorId) -> Result<ProxySlot, Problem> {
        let mut taken = self.taken.entry(visitor.clone()).or_insert(0);
        if *taken >= self.of_one {
            let detail = format!("{} requests of this visitor are under way to this server", *taken);
            return Err(Problem::new(Code::TooManyRequests).detail(detail));
        }
        *taken += 1;
        drop(taken);
        let own = Own { visitor: visitor.clone(), taken: self.taken.clone() };
        let all = self.all.clone().try_acquire_owned().map_err(|_| Problem::new(Code::Overloaded))?;
        Ok(ProxySlot { _own: own, _all: all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_has_a_share_and_gives_it_back() {
        let places = Places::new(3, 2);
        let (kim, lee) = (VisitorId::from("kim"), VisitorId::from("lee"));
        let code = |taken: Result<ProxySlot, Problem>| taken.err().map(|problem| problem.code);
        let first = places.take(&kim).expect("a place");
        let second = places.take(&kim).expect("a place");
        assert_eq!(code(places.take(&kim)), Some(Code::TooManyRequests));
        let third = places.take(&lee).expect("the others' places are theirs");
        assert_eq!(code(places.take(&lee)), Some(Code::Overloaded));
        drop(second);
        let second = places.take(&lee).expect("what was refused took no share");
        drop((first, second, third));
        assert!(places.taken.is_empty(), "nobody who is gone is remembered");
    }
}
