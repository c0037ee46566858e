//! The integration tests: one binary, real servers.

mod faults;
mod house;
mod ledger_base;
mod ledger_catalog;
mod ledger_grants;
mod ledger_reads;
mod ledger_rows;
mod ledger_worked_example;
mod purchase_journey;
mod purchase_support;
mod support;
mod top_level;
