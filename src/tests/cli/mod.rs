//! The command line.

pub mod demo;
pub mod start;
pub mod verify_draw;
