//! One file per noun; a handler goes straight down: who, what, do, answer.

pub mod admin_coupons;
pub mod admin_events;
pub mod admin_operations;
pub mod admin_orders;
pub mod admin_points;
pub mod catalog;
pub mod coupons;
pub mod door;
pub mod draw;
pub mod holds;
mod lookup;
pub mod me;
pub mod onward;
pub mod ops;
pub mod orders;
pub mod pages;
pub mod passes;
pub mod queue;
pub mod quotes;
pub mod refunds;
pub mod room;
pub mod room_page;
pub mod seats;
pub mod stream;
