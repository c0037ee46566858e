//! What an order costs, whose points pay for it, and what a refund gives back: arithmetic only.
//! Knows no SQL, no lane, and asks nobody for the time.
//!
//! DESIGN §8 is the rule. A [`Line`] is a row of `order_line`, a [`Lot`] one of `point_lot`, a [`Spend`]
//! one of `point_spend`; a [`Wallet`] is an account with its lots, changed by steps that leave moves.

mod line;
mod lot;
mod wallet;

pub use line::{Cart, Line, LineRefund, Priced, price_order};
pub use lot::{Insufficient, Lot, LotId, Origin, Spend, spend_plan};
pub use wallet::{Move, MoveKind, NewLot, Step, Wallet};

#[cfg(test)]
mod tests;
