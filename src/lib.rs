//! Stanchion: a high-concurrency ticketing and waiting-room gateway.
//!
//! One way through the house: edge → admission → inventory → lane → pipeline → ledger. Calls run left
//! to right; nothing points left. The modules stand here in reading order.

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

pub mod clock;
pub mod config;
pub mod draw;
pub mod ids;
pub mod metrics;
pub mod money;
pub mod random;
pub mod shutdown;
