//! What the integration tests stand on. Knows nothing of what is tested.

pub mod browser;
pub mod client;
pub mod contract;
pub mod doors;
pub mod gateway;
pub mod process;
pub mod proxy;
pub mod servers;
mod servers_tests;
