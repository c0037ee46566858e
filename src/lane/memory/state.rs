//! All that one lane of the embedded store knows. The operations decide what changes, and `effect` writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event_seats::EventSeats;
use super::hold_book::Holds;
use super::log_queue::LogQueue;
use super::order_book::OrderBook;
use super::room::RoomState;
use super::stock::CampaignStock;
use crate::facts::ids::{CampaignId, EventId, RefundId};
use crate::facts::refund::RefundFact;
use crate::facts::room::{Control, PACE_MAX, RoomCounts, RoomSettings};
use crate::facts::time::Millis;
use crate::lane::Keep;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LaneState {
    #[serde(skip)]
    pub keep: Keep,
    /// Number of the last WAL entry that changed this lane; 0 without a WAL.
    pub last_entry: u64,
    pub generation: u64,
    /// Between `begin_restore` and `end_restore`.
    pub restoring: bool,
    /// Between `seal` and `begin_restore`.
    #[serde(default)]
    pub sealed: bool,
    pub lease: Option<LeaseState>,
    pub log: LogQueue,
    pub events: BTreeMap<EventId, EventState>,
    /// Events that left this lane, and at which version.
    #[serde(default)]
    pub left: BTreeMap<EventId, i64>,
    #[serde(flatten)]
    pub orders: OrderBook,
    pub refunds: BTreeMap<RefundId, RefundFact>,
    pub campaigns: BTreeMap<CampaignId, CampaignStock>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeaseState {
    pub owner: String,
    pub until_ms: Millis,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventState {
    pub version: i64,
    pub settings: RoomSettings,
    pub seats: EventSeats,
    pub room: RoomState,
    pub holds: Holds,
}

impl LaneState {
    /// Rebuilds what is not stored.
    pub fn index(&mut self) {
        self.log.index();
        for event in self.events.values_mut() {
            event.room.index();
            event.holds.index();
        }
        self.orders.index();
        for campaign in self.campaigns.values_mut() {
            campaign.index();
        }
    }

    /// The store was opened again: the process that had the lease is dead.
    pub fn reopened(&mut self) {
        self.lease = None;
    }
}

impl EventState {
    pub fn counts(&self, now_ms: Millis) -> RoomCounts {
        let settings = &self.settings;
        let recover_until_ms = self.room.recover_until_ms;
        let mode = settings.mode.effective(settings.opens_at_ms, settings.closes_at_ms, recover_until_ms, now_ms);
        RoomCounts { mode, ..self.stored_counts() }
    }

    /// Admissions a minute at the present pace.
    pub fn rate(&self) -> i64 {
        self.room.pace.rate(&self.settings)
    }

    fn pace(&self) -> i64 {
        match self.settings.control {
            Control::Fixed => PACE_MAX,
            Control::Adaptive => self.room.pace.share,
        }
    }

    /// The counts, with the stored mode instead of the one in force.
    pub fn stored_counts(&self) -> RoomCounts {
        let seats = self.seats.counts();
        RoomCounts {
            mode: self.settings.mode,
            opens_at_ms: self.settings.opens_at_ms,
            waiting: self.room.waiting(),
            inside: self.room.inside(),
            late: self.room.late(),
            capacity: self.settings.capacity,
            rate_per_min: self.settings.rate_per_min,
            admitted_total: self.room.admitted_total,
            round: self.room.round,
            epoch: self.room.epoch,
            drawing: self.room.drawing,
            pace: self.pace(),
            free: seats.free,
            held: seats.held,
            paying: seats.paying,
            sold: seats.sold,
            blocked: seats.blocked,
        }
    }
}
