//! Holds at the door. The caller turns seat names into indexes and prices.

use metrics::counter;

use super::Inventory;
use crate::facts::hold::HoldFact;
use crate::facts::ids::{EventId, FactKind, HoldId, LaneId, UserId};
use crate::facts::room::RoomCounts;
use crate::lane::Result;
use crate::lane::seats::{HoldAsk, HoldOutcome, Release, ReleaseOutcome};
use crate::metrics::INVENTORY_HOLDS;

impl Inventory {
    /// Sets seats aside. `lane` is the event's.
    pub async fn hold(&self, lane: LaneId, ask: HoldAsk) -> Result<HoldOutcome> {
        let Some(lane) = self.lanes.get(lane) else { return Ok(HoldOutcome::NoEvent) };
        let outcome = lane.hold(self.clock.now_ms(), ask).await?;
        counter!(INVENTORY_HOLDS, "outcome" => label(&outcome)).increment(1);
        Ok(outcome)
    }

    /// The counts of an event's room and seats as its lane has them now; `None`: the lane does not have it.
    pub async fn counts(&self, lane: LaneId, event: &EventId) -> Result<Option<RoomCounts>> {
        match self.lanes.get(lane) {
            Some(lane) => lane.room(self.clock.now_ms(), event).await,
            None => Ok(None),
        }
    }

    /// A hold as it stands; `None`: its lane does not know it (any more).
    pub async fn get_hold(&self, event: &EventId, hold: &HoldId) -> Result<Option<HoldFact>> {
        match self.lane_of(FactKind::Hold, hold.as_str()) {
            Some(lane) => lane.get_hold(self.clock.now_ms(), event, hold).await,
            None => Ok(None),
        }
    }

    pub async fn release(&self, event: EventId, hold: HoldId, user: UserId) -> Result<ReleaseOutcome> {
        match self.lane_of(FactKind::Hold, hold.as_str()) {
            Some(lane) => lane.release(self.clock.now_ms(), Release { event, hold, user }).await,
            None => Ok(ReleaseOutcome::NotFound),
        }
    }
}

fn label(outcome: &HoldOutcome) -> &'static str {
    match outcome {
        HoldOutcome::Held(_) => "held",
        HoldOutcome::Repeated(_) => "repeated",
        HoldOutcome::KeyReused => "key_reused",
        HoldOutcome::NoEvent => "no_event",
        HoldOutcome::NotOpen => "not_open",
        HoldOutcome::NotInside => "not_inside",
        HoldOutcome::Ended => "ended",
        HoldOutcome::PlaceOver => "place_over",
        HoldOutcome::NotOwner => "not_owner",
        HoldOutcome::LimitExceeded { .. } => "limit_exceeded",
        HoldOutcome::Taken(_) => "taken",
        HoldOutcome::SoldOut => "sold_out",
        HoldOutcome::NoBlock => "no_block",
    }
}
