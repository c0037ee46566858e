//! Wakes a lane's writer in the same process. Knows no lane but its number.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::ids::LaneId;

/// One bell a lane; clones ring the same ones.
#[derive(Debug, Clone)]
pub struct Nudge(Arc<Vec<Notify>>);

impl Nudge {
    pub fn new(lanes: u16) -> Self {
        Self(Arc::new((0..lanes).map(|_| Notify::new()).collect()))
    }

    /// The lane's log has grown, or there is an answer for it. A ring that nobody waits for is kept for who waits next.
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
