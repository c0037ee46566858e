//! The line, through whole gateways.

pub mod draw;
pub mod gateways;
pub mod recovery;
pub mod support;
pub mod ways;
