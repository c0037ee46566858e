//! The store that the configuration names: its lanes, its ledger, and the clock that the process follows.

use std::path::PathBuf;
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::time::MissedTickBehavior;

use crate::clock::{Clock, Followed};
use crate::config::{Config, StoreKind};
use crate::lane::redis::{ConnectError, RedisHealth, RedisServer, server_time};
use crate::lane::{Keep, Lanes, memory};
use crate::ledger::{self, Ledger};
use crate::metrics::{CLOCK_JUMPS, LANE_STORE_UNFIT};
use crate::shutdown::Stopping;

/// File of the embedded ledger in the data folder.
const LEDGER_FILE: &str = "ledger.sqlite";

/// How often the clock is set by the Redis server's.
const FOLLOW_EVERY: Duration = Duration::from_secs(10);

/// How often the process checks whether Redis is fit to be sold on.
const WATCH_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the embedded store cannot be opened")]
    Embedded(#[from] memory::OpenError),
    #[error("Redis cannot be used")]
    Redis(#[from] ConnectError),
    #[error("the ledger cannot be used")]
    Ledger(#[from] ledger::Error),
    #[error("{path} cannot be created")]
    Folder {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// Whether a running server holds the embedded store, which only one process may open.
pub fn is_served(config: &Config) -> bool {
    config.store.kind == StoreKind::Embedded && memory::locked(&config.store.data_dir)
}

/// Open lanes.
#[derive(Clone)]
pub struct Store {
    lanes: Lanes,
    /// `None`: embedded, and the machine's own clock.
    redis: Option<RedisServer>,
}

impl Store {
    /// A store on lanes that are already open. It follows no server's clock and watches no server's health.
    pub fn of(lanes: Lanes) -> Self {
        Self { lanes, redis: None }
    }

    /// Opens the lanes for use. On Redis, the clock follows the server's from here on.
    pub async fn open(config: &Config, clock: &Clock) -> Result<Self, StoreError> {
        let keep = Keep(config.store.ended_keep_s * 1_000);
        match config.store.kind {
            StoreKind::Embedded => {
                let lanes = memory::open_keeping(&config.store.data_dir, config.store.lanes, keep)?;
                Ok(Self { lanes, redis: None })
            }
            StoreKind::Redis => {
                let server = RedisServer::connect(&config.redis, keep).await?;
                let (server_ms, round_trip) = server_time(&server).await?;
                clock.follow(server_ms, round_trip);
                Ok(Self { lanes: Lanes::new(server.lanes(config.store.lanes)), redis: Some(server) })
            }
        }
    }

    /// Opens the lanes for an audit. Embedded ones are read from their WAL; nothing is locked or written. Redis is
    /// opened as for use.
    pub async fn read_only(config: &Config, clock: &Clock) -> Result<Self, StoreError> {
        match config.store.kind {
            StoreKind::Embedded => Ok(Self { lanes: memory::read_only(&config.store.data_dir)?, redis: None }),
            StoreKind::Redis => Self::open(config, clock).await,
        }
    }

    pub fn lanes(&self) -> Lanes {
        self.lanes.clone()
    }

    /// Checks whether Redis is still fit to be sold on, every minute and whenever a connection came back, until told to
    /// stop. `tell` gets each answer, because nobody should be sent to a sale whose store forgets.
    pub async fn watch(self, tell: impl Fn(bool), mut stop: Stopping) {
        let Some(server) = self.redis else { return };
        // It listens from before the first check, so that no reconnection is missed.
        let (mut evicted, mut reconnects) = (None, server.reconnects());
        loop {
            if let Ok(health) = server.health().await {
                let grown = health.evicted > *evicted.get_or_insert(health.evicted);
                evicted = Some(health.evicted);
                tell(say(&health, grown));
            }
            tokio::select! {
                biased;
                () = stop.wait() => return,
                () = tokio::time::sleep(WATCH_EVERY) => {}
                // An error means that more reconnections came than the channel remembers.
                _ = reconnects.recv() => {}
            }
        }
    }

    /// Keeps the clock at the Redis server's time until told to stop. While the server is away the clock runs on.
    pub async fn follow_clock(self, clock: Clock, mut stop: Stopping) {
        let Some(server) = self.redis else { return };
        let mut beats = tokio::time::interval(FOLLOW_EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.wait() => return,
                _ = beats.tick() => {}
            }
            if let Ok((server_ms, round_trip)) = server_time(&server).await {
                note(clock.follow(server_ms, round_trip));
            }
        }
    }
}

/// Reports in the log and the metrics what makes Redis unfit. Returns whether it is fit.
fn say(health: &RedisHealth, evicted: bool) -> bool {
    let policy = health.eviction.as_deref().unwrap_or_default();
    let faults =
        [("eviction", health.eviction.is_some()), ("evicted", evicted), ("persistence", health.persistence.is_some())];
    for (what, is) in faults {
        gauge!(LANE_STORE_UNFIT, "what" => what).set(u8::from(is));
    }
    if health.eviction.is_some() {
        tracing::error!(policy, "Redis may forget seats under memory pressure: set maxmemory-policy noeviction");
    }
    if evicted {
        tracing::error!(keys = health.evicted, "Redis has evicted keys: a lane that misses one of them is rebuilt");
    }
    if let Some(write) = health.persistence {
        tracing::error!(write, "Redis cannot write to its disk: what it has is lost when it stops");
    }
    faults.iter().all(|(_, is)| !is)
}

/// Reports a reading of Redis' time that was not as expected.
fn note(followed: Followed) {
    let outcome = match followed {
        Followed::Taken => return,
        Followed::Doubted { off_ms } => {
            tracing::error!(off_ms, "Redis' time is far from what was expected; not believed unless it stays so");
            "doubted"
        }
        Followed::Believed { off_ms } => {
            tracing::error!(
                off_ms,
                "Redis' time stayed far from what was expected for a minute; followed from here on"
            );
            "believed"
        }
    };
    counter!(CLOCK_JUMPS, "outcome" => outcome).increment(1);
}

/// The ledger for writing and reading, its schema brought up to date.
pub async fn ledger(config: &Config) -> Result<Ledger, StoreError> {
    let wait = Duration::from_millis(config.ledger.read_timeout_ms);
    let (write, read) = (config.ledger.write_pool, config.ledger.read_pool);
    match config.store.kind {
        StoreKind::Embedded => {
            let dir = &config.store.data_dir;
            std::fs::create_dir_all(dir).map_err(|source| StoreError::Folder { path: dir.clone(), source })?;
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
            let file = config.store.data_dir.join(LEDGER_FILE);
            Ok(Ledger::sqlite_read_only(&file, config.ledger.read_pool, wait).await?)
        }
        StoreKind::Redis => ledger(config).await,
    }
}
