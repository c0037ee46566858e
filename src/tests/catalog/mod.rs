//! Events and campaigns.

pub mod changes;
pub mod currency;
pub mod events;
