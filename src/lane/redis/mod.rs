//! Lanes in Redis: one Lua script per operation. Decides nothing; the scripts in `lua/` do.

mod args;
mod call;
mod connect;
mod coupons;
mod dumps;
mod holds;
pub mod keys;
mod lane;
mod lines;
mod logs;
mod orders;
mod recovery;
mod reply;
mod rooms;
pub mod scripts;

use std::sync::Arc;
use std::time::Duration;

pub use connect::{ConnectError, Health, Server};

use crate::clock::Millis;
use crate::config;
use crate::lane::{Keep, Lane};

/// Connects and gives the first `lanes` lanes, that keep what ended for a day. Keep a [`Server`] instead where its time
/// is wanted too.
pub async fn connect(config: &config::Redis, lanes: u16) -> Result<Vec<Arc<dyn Lane>>, ConnectError> {
    Ok(Server::connect(config, Keep::default()).await?.lanes(lanes))
}

/// The server's time and the round trip it took, for `Clock::follow`.
pub async fn server_time(server: &Server) -> Result<(Millis, Duration), ConnectError> {
    server.time().await.map_err(ConnectError::Unreachable)
}
