//! The facts all stages share: what is true of a room, a hold, an order or a coupon, and how it is written down.
//!
//! Every stage may use them, and they use no stage. They are data and pure functions of that data: nothing here waits,
//! does IO or changes shared state.

#![deny(missing_docs)]

pub mod bank_account;
pub mod checkpoint;
pub mod conclusion;
pub mod coupon;
pub mod draw;
pub mod fault;
pub mod hold;
pub mod ids;
pub mod money;
pub mod notice;
pub mod order;
pub mod period;
pub mod place;
pub mod points;
pub mod record;
pub mod refund;
pub mod room;
pub mod seat;
pub mod settlement;
pub mod tariff;
pub mod terms;
pub mod time;
