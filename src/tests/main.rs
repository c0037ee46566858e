//! The integration tests: one binary, real servers.

mod house;
mod support;
mod top_level;
