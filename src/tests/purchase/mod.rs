//! Buying, through the API.

pub mod amounts;
pub mod cancelled;
pub mod crowd;
pub mod journey;
pub mod later;
pub mod payouts;
pub mod ranges;
pub mod refusals;
pub mod repeats;
pub mod settlements;
pub mod support;
pub mod types;
