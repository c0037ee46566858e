//! Whether the lanes answer.

use std::time::Duration;

use futures_util::future::join_all;

use super::Inventory;
use crate::facts::ids::LaneId;
use crate::lane::Lane;

/// A lane that has not answered after this long is away.
const PATIENCE: Duration = Duration::from_millis(500);

/// How a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneHealth {
    Well,
    /// It is being rebuilt.
    Recovering,
    /// It does not answer.
    Away,
}

impl Inventory {
    /// How each lane is, by number.
    pub async fn health(&self) -> Vec<(LaneId, LaneHealth)> {
        join_all(self.lanes.iter().map(|lane| health_of(lane.as_ref()))).await
    }
}

async fn health_of(lane: &dyn Lane) -> (LaneId, LaneHealth) {
    let health = match tokio::time::timeout(PATIENCE, lane.meta()).await {
        Ok(Ok(meta)) if meta.recovering => LaneHealth::Recovering,
        Ok(Ok(_)) => LaneHealth::Well,
        Ok(Err(_)) | Err(_) => LaneHealth::Away,
    };
    (lane.id(), health)
}
