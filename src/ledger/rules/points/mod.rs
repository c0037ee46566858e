//! What an order costs, which points pay for it, and what a refund gives back: arithmetic only, without SQL or a clock.
//!
//! A [`Line`] is a row of `order_line`, a [`Lot`] one of `point_lot`, a [`Spend`] one
//! of `point_spend`. A [`Wallet`] is an account with its lots; every step that changes it records moves.

mod line;
mod lot;
mod wallet;

pub use line::{Cart, Line, LineRefund, Priced, price_order};
pub use lot::{Insufficient, Lot, LotId, Origin, Spend, spend_plan};
pub use wallet::{Move, MoveKind, NewLot, Step, Wallet};

#[cfg(test)]
mod tests;
