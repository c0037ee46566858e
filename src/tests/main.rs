//! The integration tests: one binary, real servers.

mod support;
