//! Tells the pipeline what is on sale in a lane that it rebuilds, as the catalogue says at that moment.

use std::sync::Arc;

use async_trait::async_trait;

use crate::catalog::{Catalog, Event};
use crate::facts::ids::{EventId, LaneId};
use crate::facts::time::Millis;
use crate::lane::coupons::CampaignPut;
use crate::pipeline::{EventSource, RoomSource, Sources};

pub struct OnSale(pub Arc<Catalog>);

type SourceFault = Box<dyn std::error::Error + Send + Sync>;

#[async_trait]
impl Sources for OnSale {
    async fn events(&self, lane: LaneId) -> Result<Vec<EventSource>, SourceFault> {
        self.0.refresh().await?;
        let source =
            |event: &Arc<Event>| EventSource { put: event.lane_put(), recover_ms: event.spec.room.recover_s * 1_000 };
        Ok(self.0.events_of(lane).iter().map(source).collect())
    }

    fn rooms(&self, lane: LaneId) -> Vec<RoomSource> {
        let source = |event: &Arc<Event>| RoomSource { event: event.id.clone(), order: event.spec.room.order };
        self.0.events_of(lane).iter().map(source).collect()
    }

    fn over(&self, lane: LaneId, before_ms: Millis) -> Vec<(EventId, i64)> {
        let events = self.0.events_of(lane).into_iter().filter(|event| event.was_over(before_ms));
        events.map(|event| (event.id.clone(), event.version)).collect()
    }

    fn cancelled(&self, lane: LaneId) -> Vec<(EventId, String)> {
        let reason = |event: &Arc<Event>| Some((event.id.clone(), event.spec.cancelled.clone()?.reason));
        self.0.events_of(lane).iter().filter_map(reason).collect()
    }

    fn past(&self, lane: LaneId) -> Vec<(EventId, i64)> {
        self.0.past_events_of(lane).iter().map(|event| (event.id.clone(), event.version)).collect()
    }

    async fn campaigns(&self, lane: LaneId) -> Result<Vec<CampaignPut>, SourceFault> {
        self.0.refresh().await?;
        Ok(self.0.campaign_puts(lane))
    }
}
