//! Tells the pipeline what is on sale in a lane it rebuilds: the catalogue's word, as of now.

use std::sync::Arc;

use async_trait::async_trait;

use crate::catalog::Catalog;
use crate::ids::LaneId;
use crate::lane::{CampaignPut, EventPut};
use crate::pipeline::Sources;

pub struct OnSale(pub Arc<Catalog>);

type Fault = Box<dyn std::error::Error + Send + Sync>;

#[async_trait]
impl Sources for OnSale {
    async fn events(&self, lane: LaneId) -> Result<Vec<EventPut>, Fault> {
        self.0.refresh().await?;
        Ok(self.0.event_puts(lane))
    }

    async fn campaigns(&self, lane: LaneId) -> Result<Vec<CampaignPut>, Fault> {
        self.0.refresh().await?;
        Ok(self.0.campaign_puts(lane))
    }
}
