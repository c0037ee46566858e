//! HTTP at the gateway's doors.

mod absent;
pub mod bodies;
pub mod connections;
pub mod draw;
pub mod error_pages;
pub mod limits;
pub mod proof;
pub mod queue;
pub mod requests;
pub mod server;
pub mod streams;
pub mod support;
