//! Lanes in Redis: one Lua script per operation. The scripts in `lua/` make all decisions.

mod args;
mod call;
mod checkpoint;
mod connect;
mod coupons;
mod dump;
mod events;
mod gather;
pub mod header;
pub mod keys;
mod log;
mod orders;
mod recovery;
mod reply;
mod rooms;
pub mod scripts;
mod seats;

use std::sync::Arc;
use std::time::Duration;

pub use connect::{ConnectError, RedisHealth, RedisServer};

use crate::config;
use crate::facts::time::Millis;
use crate::lane::{Keep, Lane};

/// Connects and returns the first `lanes` lanes, which keep what ended for a day. Where the server's time is needed
/// too, keep a [`RedisServer`] instead.
pub async fn connect(config: &config::RedisConfig, lanes: u16) -> Result<Vec<Arc<dyn Lane>>, ConnectError> {
    Ok(RedisServer::connect(config, Keep::default()).await?.lanes(lanes))
}

/// The server's time and the round trip it took, for `Clock::follow`.
pub async fn server_time(server: &RedisServer) -> Result<(Millis, Duration), ConnectError> {
    server.time().await.map_err(ConnectError::Unreachable)
}
