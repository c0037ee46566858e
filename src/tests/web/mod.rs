//! The room's page in a real browser.

pub mod browser;
pub mod page;
pub mod sold_out;
