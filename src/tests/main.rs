//! The integration tests: one binary, real servers.

mod conformance;
mod demo;
mod edge_queue;
mod edge_requests;
mod edge_server;
mod edge_support;
mod faults;
mod house;
mod ledger_base;
mod ledger_catalog;
mod ledger_grants;
mod ledger_reads;
mod ledger_rows;
mod ledger_worked_example;
mod pipeline_faults;
mod pipeline_journey;
mod pipeline_provider;
mod pipeline_support;
mod purchase_catalog;
mod purchase_crowd;
mod purchase_journey;
mod purchase_refusals;
mod purchase_repeats;
mod purchase_support;
mod support;
mod top_level;
