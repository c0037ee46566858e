//! Wakes a lane's writer in the same process.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::facts::ids::LaneId;

/// One bell a lane; clones ring the same ones.
#[derive(Debug, Clone)]
pub struct LaneBells(Arc<Vec<Notify>>);

impl LaneBells {
    pub fn new(lanes: u16) -> Self {
        Self(Arc::new((0..lanes).map(|_| Notify::new()).collect()))
    }

    /// Says that the lane's log has grown, or that an answer for it has come. If no writer waits for the ring, it is
    /// kept for the next one that waits.
    pub fn lane(&self, id: LaneId) {
        if let Some(bell) = self.0.get(usize::from(id.0)) {
            bell.notify_one();
        }
    }

    pub(super) async fn heard(&self, id: LaneId) {
        match self.0.get(usize::from(id.0)) {
            Some(bell) => bell.notified().await,
            None => std::future::pending().await,
        }
    }
}
