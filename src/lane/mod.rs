//! The only place where shared state changes, one atomic step at a time.
//!
//! A lane is the unit of atomicity: one Redis hash slot, or one mutex of the embedded store. Its operations are cut by
//! noun: [`Events`], [`Rooms`], [`Seats`], [`Orders`], [`Coupons`], [`Log`], [`Recovery`]. A [`Lane`] has all of them.
//!
//! All ids given to a lane must belong to it; the caller routes. Time comes in as `now_ms`, never from the store's own
//! clock. Every operation is idempotent by the ids in its arguments, and all work of a call is bounded by its
//! arguments. Refusals are values of the outcome enums. After a [`Fault`] every operation may safely be repeated; after
//! [`Fault::Unavailable`] it is unknown whether the step happened.

pub mod board;
pub mod coupons;
pub mod events;
pub mod log;
pub mod memory;
pub mod orders;
pub mod recovery;
pub mod redis;
pub mod rooms;
pub mod seats;

use std::sync::Arc;

use crate::facts::fault::Fault;
use crate::facts::ids::LaneId;

pub use coupons::Coupons;
pub use events::Events;
pub use log::Log;
pub use orders::Orders;
pub use recovery::Recovery;
pub use rooms::Rooms;
pub use seats::Seats;

/// The answer of an operation, or why it gave none.
pub type Result<T> = std::result::Result<T, Fault>;

/// How many ended holds, and how many rejected or refunded orders, of one user and event stay whole for as long as
/// [`Keep`] says. Of older ones only the digest stays, by which a repeat is recognized, so that nobody can fill a lane
/// with what they gave back.
pub const RECENT_MAX: usize = 20;

/// How long holds and orders that have ended stay in their lane, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep(pub i64);

impl Default for Keep {
    /// A day.
    fn default() -> Self {
        Self(86_400_000)
    }
}

/// One lane of a store.
pub trait Lane: Events + Rooms + Seats + Orders + Coupons + Log + Recovery + Send + Sync + 'static {
    /// The number of the lane.
    fn id(&self) -> LaneId;
}

/// All operations of a lane, as metrics name them.
pub fn operations() -> impl Iterator<Item = &'static str> {
    let faces = [
        events::OPERATIONS,
        rooms::OPERATIONS,
        seats::OPERATIONS,
        orders::OPERATIONS,
        coupons::OPERATIONS,
        log::OPERATIONS,
        recovery::OPERATIONS,
    ];
    faces.into_iter().flatten().copied()
}

/// All lanes of a store, by number.
#[derive(Clone)]
pub struct Lanes(Arc<Vec<Arc<dyn Lane>>>);

impl Lanes {
    /// Panics unless there are 1 to 256 lanes and `lanes[i].id()` is `i`.
    pub fn new(lanes: Vec<Arc<dyn Lane>>) -> Self {
        assert!(!lanes.is_empty() && lanes.len() <= 256, "between 1 and 256 lanes");
        for (i, lane) in lanes.iter().enumerate() {
            assert_eq!(usize::from(lane.id().0), i, "lanes are stored by number");
        }
        Self(Arc::new(lanes))
    }

    /// `None` when there is no such lane (an id from elsewhere).
    pub fn get(&self, id: LaneId) -> Option<&Arc<dyn Lane>> {
        self.0.get(usize::from(id.0))
    }

    /// All lanes, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Lane>> {
        self.0.iter()
    }

    /// How many lanes there are, 1 to 256.
    pub fn count(&self) -> u16 {
        u16::try_from(self.0.len()).expect("at most 256")
    }
}
