//! The integration tests: one binary, real servers.

mod conformance;
mod house;
mod support;
mod top_level;
