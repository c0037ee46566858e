//! Lanes: one suite for both stores, and what is Redis' own.

pub mod conformance;
pub mod contract;
pub mod faults;
pub mod pick;
pub mod together;
