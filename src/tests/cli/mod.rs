//! The command line.

pub mod demo;
pub mod verify_draw;
