//! From the log into the ledger.

pub mod audit;
pub mod faults;
pub mod jobs;
pub mod journey;
pub mod provider;
pub mod rebuild;
pub mod support;
