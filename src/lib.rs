//! Stanchion: a high-concurrency ticketing and waiting-room gateway.
//!
//! Calls go one way through the house: edge → admission → inventory → lane → pipeline → ledger. A stage uses only stages
//! to its right; every stage may use [`facts`]. The modules stand here in reading order.

pub mod app;
pub mod cli;

pub mod edge;

pub mod admission;
pub mod catalog;
pub mod inventory;
pub mod lane;
pub mod ledger;
pub mod payment;
pub mod pipeline;
pub mod web;

pub mod demo;

pub mod facts;

pub mod clock;
pub mod config;
pub mod metrics;
pub mod random;
pub mod shutdown;
