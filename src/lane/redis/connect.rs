//! Connecting, the checks before anything is sold, and what the server says of its health and its time.

use std::sync::Arc;
use std::time::Duration;

use fred::clients::{Client, Pool};
use fred::interfaces::{ClientLike, ClusterInterface as _, EventInterface as _};
use fred::types::config::{Config, ReconnectPolicy};
use fred::types::{Builder, ClusterHash, CustomCommand};

use super::call::{Link, Loaded, RedisLane};
use super::scripts::ScriptLimits;
use crate::facts::ids::LaneId;
use crate::facts::time::Millis;
use crate::lane::{Keep, Lane};
use crate::{clock, config};

/// Commands that may wait for a connection, per connection; more are refused at once.
const BUFFER_MAX: usize = 10_000;

/// The only eviction policy under which Redis forgets nothing.
const NO_EVICTION: &str = "noeviction";

/// Oldest major version: script flags and `#!lua` in EVAL came with 7.0.
const MAJOR_MIN: u32 = 7;

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("redis.url is no address of a Redis")]
    Url(#[source] fred::error::Error),
    #[error("Redis cannot be reached")]
    Unreachable(#[source] fred::error::Error),
    #[error("Redis {0} is too old: 7.0 or newer is needed")]
    Version(String),
    #[error(
        "Redis may forget seats under memory pressure: its maxmemory-policy is {0}; set `maxmemory-policy noeviction` \
         (see config/redis.conf)"
    )]
    Eviction(String),
    #[error("Redis refuses the script {script}")]
    Script {
        script: &'static str,
        #[source]
        source: fred::error::Error,
    },
}

/// A connected Redis: one server, a cluster, or the primary that the sentinels name.
#[derive(Clone)]
pub struct RedisServer(Arc<Link>);

impl RedisServer {
    /// Connects, checks every primary and gives it the scripts. Fails when one of them fails.
    pub async fn connect(config: &config::RedisConfig, keep: Keep) -> Result<Self, ConnectError> {
        let pool = pool(config).map_err(ConnectError::Url)?;
        pool.init().await.map_err(ConnectError::Unreachable)?;
        let timeout = timeout(config);
        let link = Link {
            pool,
            scripts: Loaded::all(ScriptLimits { skew_max_ms: config.skew_max_ms, keep }),
            wait_replicas: config.wait_replicas,
            wait_ms: u64::try_from(timeout.as_millis() / 2).unwrap_or(u64::MAX),
        };
        check(link.pool.next(), &link.scripts).await?;
        Ok(Self(Arc::new(link)))
    }

    /// Lanes 0 to `count - 1`.
    pub fn lanes(&self, count: u16) -> Vec<Arc<dyn Lane>> {
        (0..count).map(|lane| Arc::new(RedisLane::new(LaneId(lane), self.0.clone())) as Arc<dyn Lane>).collect()
    }

    /// What the primaries say now of their fitness, put together.
    pub async fn health(&self) -> Result<RedisHealth, fred::error::Error> {
        let client = self.0.pool.next();
        if !client.is_clustered() {
            return health(client).await;
        }
        let mut all = RedisHealth::default();
        for node in client.cached_cluster_state().iter().flat_map(|routing| routing.unique_primary_nodes()) {
            let RedisHealth { eviction, evicted, persistence } = health(&client.with_cluster_node(node)).await?;
            all.eviction = all.eviction.or(eviction);
            all.evicted += evicted;
            all.persistence = all.persistence.or(persistence);
        }
        Ok(all)
    }

    /// Reports when a connection of one client of the pool was lost and is there again: it may lead to another server,
    /// or to one with other settings.
    pub fn reconnects(&self) -> tokio::sync::broadcast::Receiver<fred::types::config::Server> {
        self.0.pool.next().reconnect_rx()
    }

    /// The server's time, and how long it took to answer, as `Clock::follow` wants them. On a cluster the primary of
    /// lane 0 answers for all.
    pub async fn time(&self) -> Result<(Millis, Duration), fred::error::Error> {
        let began = clock::instant();
        let slot = super::keys::slot(&super::keys::tag(LaneId(0)));
        let time = CustomCommand::new("TIME", ClusterHash::Custom(slot), false);
        let (seconds, micros): (i64, i64) = self.0.pool.next().custom(time, Vec::<String>::new()).await?;
        Ok((seconds * 1_000 + micros / 1_000, began.elapsed()))
    }
}

fn timeout(config: &config::RedisConfig) -> Duration {
    Duration::from_millis(config.timeout_ms)
}

fn pool(config: &config::RedisConfig) -> Result<Pool, fred::error::Error> {
    let timeout = timeout(config);
    let mut builder = Builder::from_config(Config::from_url(&config.url)?);
    builder
        .with_performance_config(|performance| performance.default_command_timeout = timeout)
        .with_connection_config(|connection| {
            // A command is sent once: after a lost connection nobody knows whether it ran.
            connection.max_command_attempts = 1;
            connection.connection_timeout = timeout;
            connection.internal_command_timeout = timeout;
            connection.max_command_buffer_len = BUFFER_MAX;
            connection.unresponsive.max_timeout = Some(timeout * 2);
            connection.unresponsive.interval = timeout / 2;
        })
        // Reconnects for ever, with jitter: after 50 ms, doubling to 2 s.
        .set_policy(ReconnectPolicy::new_exponential(0, 50, 2_000, 2));
    builder.build_pool(config.pool)
}

/// What a Redis says of itself that makes it unfit to sell on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisHealth {
    /// The policy by which it evicts keys; `None`: it does not.
    pub eviction: Option<String>,
    /// Keys it evicted since it was started.
    pub evicted: u64,
    /// Which kind of write to its disk failed when it was last tried; `None`: no kind did.
    pub persistence: Option<&'static str>,
}

async fn health(node: &impl ClientLike) -> Result<RedisHealth, fred::error::Error> {
    let info: String =
        node.custom(CustomCommand::new("INFO", ClusterHash::Random, false), Vec::<String>::new()).await?;
    let policy = field(&info, "maxmemory_policy:");
    let writes = ["aof_last_write_status:", "aof_last_bgrewrite_status:", "rdb_last_bgsave_status:"];
    let failed = writes.into_iter().find(|write| !matches!(field(&info, write), "ok" | ""));
    Ok(RedisHealth {
        eviction: (policy != NO_EVICTION).then(|| policy.to_owned()),
        evicted: field(&info, "evicted_keys:").parse().unwrap_or(0),
        persistence: failed.map(|write| write.trim_end_matches(':')),
    })
}

async fn check(client: &Client, scripts: &[Loaded]) -> Result<(), ConnectError> {
    if client.is_clustered() {
        let routing = client.cached_cluster_state();
        for node in routing.iter().flat_map(|routing| routing.unique_primary_nodes()) {
            check_one(&client.with_cluster_node(node), scripts).await?;
        }
        Ok(())
    } else {
        check_one(client, scripts).await
    }
}

async fn check_one(node: &impl ClientLike, scripts: &[Loaded]) -> Result<(), ConnectError> {
    let info = CustomCommand::new("INFO", ClusterHash::Random, false);
    let info: String = node.custom(info, Vec::<String>::new()).await.map_err(ConnectError::Unreachable)?;
    let version = field(&info, "redis_version:");
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < MAJOR_MIN) {
        return Err(ConnectError::Version(version.to_owned()));
    }
    let policy = field(&info, "maxmemory_policy:");
    if policy != NO_EVICTION {
        return Err(ConnectError::Eviction(policy.to_owned()));
    }
    for script in scripts {
        let load = CustomCommand::new("SCRIPT", ClusterHash::Random, false);
        let loaded = node.custom::<String, _>(load, vec!["LOAD", &script.source]).await;
        loaded.map_err(|source| ConnectError::Script { script: script.path, source })?;
    }
    Ok(())
}

/// A line's value in the answer of INFO; empty when it is not there.
fn field<'a>(info: &'a str, name: &str) -> &'a str {
    info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").trim()
}
