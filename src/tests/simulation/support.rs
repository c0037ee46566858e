//! The parts of the tests' support that a history needs.
#![allow(dead_code, reason = "the integration tests use the rest")]

#[path = "../support/client.rs"]
pub mod client;
#[path = "../support/contract.rs"]
pub mod contract;
#[path = "../support/doors.rs"]
pub mod doors;
#[path = "../support/servers.rs"]
pub mod servers;
