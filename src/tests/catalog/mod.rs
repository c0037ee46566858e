//! Events and campaigns.

pub mod changes;
pub mod events;
