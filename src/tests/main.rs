//! The integration tests: one binary, real servers.

mod edge_queue;
mod edge_requests;
mod edge_server;
mod edge_support;
mod house;
mod support;
mod top_level;
