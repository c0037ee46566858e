//! The integration tests: one binary, real servers.

mod faults;
mod house;
mod pipeline_faults;
mod pipeline_journey;
mod pipeline_support;
mod purchase_journey;
mod purchase_support;
mod support;
mod top_level;
