//! In front of a shop.

pub mod exchange;
pub mod faults;
pub mod nginx;
pub mod origin;
pub mod waiting;
