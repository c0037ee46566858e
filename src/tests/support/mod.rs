//! What the integration tests are built on: clients, servers, gateways and checks.

pub mod browser;
pub mod client;
pub mod contract;
pub mod dialect;
pub mod doors;
pub mod foreign;
pub mod gateway;
pub mod process;
pub mod proxy;
pub mod servers;
mod servers_tests;
