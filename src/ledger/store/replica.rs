//! The copy of the database that some reads come from.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::AnyPool;

use crate::clock::{self, Instant};

/// Which copy a read may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadSource {
    /// For reads that decide about money, or of a user who has just written.
    Primary,
    /// May be a little late.
    Replica,
}

/// How long nothing is read from a replica that did not answer: each try costs its reader the time limit of reads.
const REST: Duration = Duration::from_secs(5);

/// A replica. Clones share its connections.
#[derive(Clone)]
pub struct Replica {
    pub pool: AnyPool,
    /// Until when it is left alone.
    resting: Arc<Mutex<Option<Instant>>>,
}

impl Replica {
    pub fn new(pool: AnyPool) -> Self {
        Self { pool, resting: Arc::default() }
    }

    pub fn is_well(&self) -> bool {
        self.resting.lock().is_none_or(|until| until <= clock::instant())
    }

    /// A read failed.
    pub fn failed(&self) {
        *self.resting.lock() = Some(clock::instant() + REST);
    }
}
