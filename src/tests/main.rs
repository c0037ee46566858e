//! The integration tests: one binary, real servers; a folder for each stage.

mod admission;
mod catalog;
mod cli;
mod edge;
mod faults;
mod lane;
mod ledger;
mod outbox;
mod payment;
mod pipeline;
mod proxy;
mod purchase;
mod support;
mod tree;
mod web;
