//! Owns the way of accepted records from the lanes' logs to the ledger, and the calls to payment providers that they
//! lead to. No request waits for it: a client reads the order's status.
//!
//! There is one [`Pipeline`] a process. [`Pipeline::run`] tends every lane whose lease it gets. A *session* first makes
//! sure that the lane is whole (`recovery`). Then it takes batch after batch from the head of the lane's log
//! (`writer`): one transaction, then `conclude`, which also drops the finished records from the log. Calls to providers
//! (`payments`) happen after the commit, and their answers come back through the log. A session may end at any await.
//! The next session recognizes the records that were committed by their ids.

pub mod audit;
mod cancellation;
mod checkpoints;
mod conclude;
mod deliver;
mod gauges;
mod jobs;
mod nudge;
mod operate;
mod overdue;
mod parts;
mod payments;
pub mod reconcile;
mod recovery;
mod retention;
mod retirement;
mod retry;
mod room_notices;
mod room_now;
mod session;
mod writer;

pub use checkpoints::RoomSource;
pub use deliver::{Broker, BrokerFault, HouseKey, OutboxParts, OutboxSettings, Views};
#[cfg(feature = "kafka")]
pub use deliver::{Kafka, KafkaFault};
pub use nudge::LaneBells;
pub use operate::{LaneStatus, Requeued, Resolved};
pub use parts::{PipelineParts, PipelineSettings};
pub use recovery::{EventSource, Rebuild, Sources};

use std::sync::Arc;

use crate::facts::ids::LaneId;
use crate::lane::Lane;
use crate::shutdown::Stopping;

/// The pipeline of one process; clones are the same one.
#[derive(Clone)]
pub struct Pipeline(Arc<parts::PipelineShared>);

/// Why a part of the pipeline's work failed. After any error but [`Error::Book`] and [`Error::NoLane`], the same work
/// may be tried again as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the lane gave no answer")]
    Lane(#[from] crate::facts::fault::Fault),
    #[error("the ledger gave no answer")]
    Ledger(#[from] crate::ledger::Error),
    #[error("a record could not be done")]
    Book(#[from] crate::ledger::writer::BatchFailure),
    /// The catalogue could not say what is on sale.
    #[error("the catalogue gave no answer")]
    Catalog(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another process holds the lane's lease.
    #[error("lane {0} is another writer's")]
    Leased(LaneId),
    #[error("there is no lane {0}")]
    NoLane(LaneId),
    /// While the order was requeued, other records of it became dead letters, too often in a row. It may be requeued
    /// again.
    #[error("other records of the order became dead letters meanwhile; requeue again")]
    StillFollowed,
}

impl Pipeline {
    pub fn new(parts: PipelineParts) -> Self {
        Self(Arc::new(parts::PipelineShared::new(parts)))
    }

    /// The handle that wakes this process's writer of a lane. A call of it is cheap and never waits.
    pub fn nudge(&self) -> LaneBells {
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
