//! The stores that must agree: each is new and built.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stanchion::config;
use stanchion::facts::ids::{LaneId, LogId};
use stanchion::lane::{Lane, Lanes, memory};
use tempfile::TempDir;

use super::ask::START;

/// No generation is used twice, on any lane.
static GENERATION: AtomicU64 = AtomicU64::new(1);

pub fn next_generation() -> u64 {
    GENERATION.fetch_add(1, Ordering::Relaxed)
}

/// Lane 0, rebuilt as empty under a new generation.
pub async fn fresh(lanes: &Lanes) -> Arc<dyn Lane> {
    fresh_at(lanes, next_generation()).await
}

/// Lane 0, rebuilt as empty under this generation.
pub async fn fresh_at(lanes: &Lanes, generation: u64) -> Arc<dyn Lane> {
    let lane = lanes.get(LaneId(0)).expect("every store has a lane 0").clone();
    lane.begin_restore(START, generation, LogId(0)).await.expect("a new generation");
    lane.end_restore(START, generation).await.expect("the same generation");
    lane
}

/// Two lanes in a Redis or a cluster.
pub async fn redis(url: &str) -> Lanes {
    let config =
        config::RedisConfig { url: url.to_owned(), pool: 2, timeout_ms: 20_000, wait_replicas: 0, skew_max_ms: 0 };
    Lanes::new(stanchion::lane::redis::connect(&config, 2).await.expect("the server is ready"))
}

/// The embedded store in a folder of its own. It can be closed and opened again.
pub struct Embedded {
    dir: TempDir,
    lanes: Option<Lanes>,
}

impl Embedded {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder for the WAL");
        let mut store = Self { dir, lanes: None };
        store.reopen();
        store
    }

    /// Closes the store and opens it from its WAL. Nobody else may have one of its lanes.
    pub fn reopen(&mut self) {
        self.lanes = None;
        self.lanes = Some(memory::open(self.dir.path(), 2).expect("a folder nobody else uses"));
    }

    /// The folder of its WAL.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn lanes(&self) -> &Lanes {
        self.lanes.as_ref().expect("open but inside `reopen`")
    }
}
