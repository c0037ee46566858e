//! The integration tests: one binary, real servers.

mod faults;
mod edge_queue;
mod edge_requests;
mod edge_support;
mod conformance;
mod faults;
mod house;
mod purchase_catalog;
mod purchase_crowd;
mod purchase_journey;
mod purchase_refusals;
mod purchase_repeats;
mod purchase_support;
mod ledger_base;
mod ledger_catalog;
mod ledger_grants;
mod ledger_reads;
mod ledger_rows;
mod support;
mod top_level;
