//! Carries what the lanes accepted to the ledger, and talks to the payment provider on the way.
//! Knows no HTTP; nobody waits for it but by the order's status.
//!
//! One [`Pipeline`] a process. [`Pipeline::run`] tends every lane whose lease it gets: a *session* first
//! makes sure the lane is whole (`recovery`), then takes batch after batch from the head of its log
//! (`writer`): one transaction, then `settle`, which also drops what is done. Calls to the provider
//! (`payments`) happen after the commit, and their answers come back through the log. A session may end
//! at any await: whatever was committed is found again by its ids.

pub mod audit;
mod nudge;
mod operate;
mod parts;
mod payments;
mod recovery;
mod retention;
mod retirement;
mod retry;
mod rooms;
mod session;
mod settle;
mod writer;

pub use nudge::Nudge;
pub use operate::{LaneStatus, Requeued, Resolved};
pub use parts::{Parts, Settings};
pub use recovery::{EventSource, Rebuild, Sources};
pub use rooms::RoomSource;

use std::sync::Arc;

use crate::ids::LaneId;
use crate::lane::Lane;
use crate::shutdown::Stopping;

/// The pipeline of one process; clones are the same one.
#[derive(Clone)]
pub struct Pipeline(Arc<parts::Shared>);

/// Why a part of the pipeline's work failed; all but [`Error::Book`] may be tried again as they are.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the lane gave no answer")]
    Lane(#[from] crate::lane::Fault),
    #[error("the ledger gave no answer")]
    Ledger(#[from] crate::ledger::Error),
    #[error("a record could not be done")]
    Book(#[from] crate::ledger::book::Failure),
    /// The catalogue could not say what is on sale.
    #[error("the catalogue gave no answer")]
    Catalog(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another process holds the lane's lease.
    #[error("lane {0} is another writer's")]
    Leased(LaneId),
    #[error("there is no lane {0}")]
    NoLane(LaneId),
    /// Records of the order kept following it into the dead letters; it may be requeued again.
    #[error("other records of the order became dead letters meanwhile; requeue again")]
    StillFollowed,
}

impl Pipeline {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts::Shared::new(parts)))
    }

    /// Wakes this process's writer of a lane; cheap, never waits.
    pub fn nudge(&self) -> Nudge {
        self.0.nudge.clone()
    }

    /// Writes for every lane this process gets the lease of, until told to stop; then finishes the
    /// batches in hand and gives the leases back.
    pub async fn run(&self, stop: Stopping) {
        let mut sessions = tokio::task::JoinSet::new();
        for lane in self.0.lanes.iter() {
            sessions.spawn(session::tend(self.0.clone(), lane.clone(), stop.clone()));
        }
        while let Some(ended) = sessions.join_next().await {
            if let Err(panic) = ended {
                // A lane without its writer must not look healthy: the process ends, another takes over.
                std::panic::resume_unwind(panic.into_panic());
            }
        }
    }

    fn lane(&self, id: LaneId) -> Result<&Arc<dyn Lane>, Error> {
        self.0.lanes.get(id).ok_or(Error::NoLane(id))
    }
}
