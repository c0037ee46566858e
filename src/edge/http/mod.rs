//! HTTP itself: sockets, connections, bodies, limits, compression.

pub mod body;
pub mod client;
pub mod connections;
pub mod gzip;
pub mod limits;
pub mod listed;
pub mod query;
pub mod sending;
pub mod server;
pub mod waiting;
pub mod workers;
