//! From the log into the ledger.

pub mod audit;
pub mod faults;
pub mod journey;
pub mod provider;
pub mod rebuild;
pub mod support;
