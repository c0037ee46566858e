//! The store the configuration names: lanes, ledger, and whose clock is followed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{Config, StoreKind};
use crate::lane::{Lanes, memory};
use crate::ledger::{self, Ledger};
use crate::shutdown::Stopping;

/// File of the embedded ledger in the data folder.
const LEDGER_FILE: &str = "ledger.sqlite";

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the embedded store cannot be opened")]
    Embedded(#[from] memory::OpenError),
    #[error("the ledger cannot be used")]
    Ledger(#[from] ledger::Error),
    #[error("{path} cannot be created")]
    Folder {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// Open lanes.
#[derive(Clone)]
pub struct Store {
    lanes: Lanes,
}

impl Store {
    pub async fn open(config: &Config, _clock: &Clock) -> Result<Self, StoreError> {
        match config.store.kind {
            StoreKind::Embedded => Ok(Self { lanes: memory::open(&config.store.data_dir, config.store.lanes)? }),
            StoreKind::Redis => unimplemented!(),
        }
    }

    pub async fn read_only(config: &Config, _clock: &Clock) -> Result<Self, StoreError> {
        Ok(Self { lanes: memory::read_only(&config.store.data_dir)? })
    }

    pub fn lanes(&self) -> Lanes {
        self.lanes.clone()
    }

    pub async fn follow_clock(self, _clock: Clock, mut stop: Stopping) {
        stop.wait().await
    }

    pub async fn close(&self) {}
}

/// The ledger for writing and reading.
pub async fn ledger(config: &Config) -> Result<Ledger, StoreError> {
    let wait = Duration::from_millis(config.ledger.read_timeout_ms);
    let (write, read) = (config.ledger.write_pool, config.ledger.read_pool);
    match config.store.kind {
        StoreKind::Embedded => {
            let dir = &config.store.data_dir;
            let failed = |source| StoreError::Folder { path: dir.clone(), source };
            std::fs::create_dir_all(dir).map_err(failed)?;
            Ok(Ledger::sqlite(&dir.join(LEDGER_FILE), read, wait).await?)
        }
        StoreKind::Redis => {
            let replica = Some(config.ledger.replica_url.as_str()).filter(|url| !url.is_empty());
            Ok(Ledger::mysql(&config.ledger.url, replica, write, read, wait).await?)
        }
    }
}

/// The ledger for an audit beside a stopped server.
pub async fn ledger_read_only(config: &Config) -> Result<Ledger, StoreError> {
    match config.store.kind {
        StoreKind::Embedded => {
            let wait = Duration::from_millis(config.ledger.read_timeout_ms);
            Ok(Ledger::sqlite_read_only(&config.store.data_dir.join(LEDGER_FILE), config.ledger.read_pool, wait)
                .await?)
        }
        StoreKind::Redis => ledger(config).await,
    }
}
