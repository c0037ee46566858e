//! The integration tests: one binary, real servers.

mod conformance;
mod edge_queue;
mod edge_requests;
mod edge_server;
mod edge_support;
mod faults;
mod faults;
mod house;
mod ledger_base;
mod ledger_catalog;
mod ledger_grants;
mod ledger_reads;
mod ledger_rows;
mod purchase_crowd;
mod purchase_journey;
mod purchase_refusals;
mod purchase_repeats;
mod purchase_support;
mod support;
mod top_level;
