//! What the house tells others, from a transaction to an endpoint.

pub mod endpoint;
mod order;
mod shop;
mod webhooks;
