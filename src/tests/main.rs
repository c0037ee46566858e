//! The integration tests: one binary, real servers.

mod faults;
mod house;
mod purchase_catalog;
mod purchase_crowd;
mod purchase_journey;
mod purchase_refusals;
mod purchase_repeats;
mod purchase_support;
mod support;
mod top_level;
