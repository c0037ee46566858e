//! Seats, holds, coupons and orders at the door: builds what a lane is asked and hands back its outcome. Nothing here
//! ever waits for the ledger.

pub mod claims;
pub mod coupon_id;
mod health;
pub mod holds;
pub mod orders;
pub mod refunds;
pub mod seats;
pub mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::clock::Clock;
use crate::facts::ids::{FactKind, LaneId, fact_lane};
use crate::lane::{Lane, Lanes};

pub use coupon_id::CouponIds;
pub use health::LaneHealth;
pub use seats::SeatMaps;
pub use watch::{Busy, Waited};

/// What the doors are asked and answer.
pub use crate::lane::{
    coupons::ClaimOutcome,
    orders::{CancelOutcome, CheckoutOutcome, PayOutcome, RefundOutcome},
    seats::{HoldAsk, HoldOutcome, ReleaseOutcome, Want},
};

/// Tells this process's writer that a lane's log has grown. Must not block.
pub type WriterNudge = Arc<dyn Fn(LaneId) + Send + Sync>;

/// Bounds and secrets of the doors.
pub struct InventorySettings {
    /// Most records in one lane's log before new orders, payments, refunds and claims are refused.
    pub log_max: i64,
    /// Most attempts to pay one order.
    pub attempts_max: i64,
    /// Most requests of this gateway waiting for an order's status at once.
    pub waits_max: usize,
    /// Secrets of coupon ids: the first signs, all verify. Never empty.
    pub coupon_secrets: Vec<Vec<u8>>,
}

/// The doors to all lanes. One per gateway.
pub struct Inventory {
    lanes: Lanes,
    clock: Clock,
    nudge: WriterNudge,
    log_max: i64,
    attempts_max: i64,
    seats: SeatMaps,
    coupons: CouponIds,
    watch: watch::Watch,
}

impl Inventory {
    pub fn new(lanes: Lanes, clock: Clock, nudge: WriterNudge, settings: InventorySettings) -> Self {
        Self {
            seats: SeatMaps::new(lanes.clone()),
            coupons: CouponIds::new(&settings.coupon_secrets),
            watch: watch::Watch::new(settings.waits_max),
            log_max: settings.log_max,
            attempts_max: settings.attempts_max,
            lanes,
            clock,
            nudge,
        }
    }

    pub fn seats(&self) -> &SeatMaps {
        &self.seats
    }

    pub fn coupons(&self) -> &CouponIds {
        &self.coupons
    }

    /// The lane a fact's id names; `None` when the text is no id of ours.
    fn lane_of(&self, kind: FactKind, id: &str) -> Option<&Arc<dyn Lane>> {
        self.lanes.get(fact_lane(kind, id)?)
    }

    /// Tells the lane's writer in this process, if there is one, that there is work.
    pub fn nudge(&self, lane: LaneId) {
        (self.nudge)(lane);
    }
}
