//! The integration tests: one binary, real servers.

mod conformance;
mod faults;
mod house;
mod purchase_journey;
mod purchase_support;
mod support;
mod top_level;
