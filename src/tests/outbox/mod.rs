//! What the house tells others, from a transaction to an endpoint.

pub mod endpoint;
#[cfg(feature = "kafka")]
mod kafka;
mod order;
mod shop;
mod webhooks;
