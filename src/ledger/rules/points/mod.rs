//! What an order costs, which points pay for it, and what a refund gives back: arithmetic only, without SQL or a clock.
//!
//! A [`FrozenLine`] is a row of `order_line`, a [`Lot`] one of `point_lot`, a [`Spend`] one
//! of `point_spend`. A [`Wallet`] is a balance and a debt with their lots; every step that changes it records moves.

mod line;
mod lot;
mod wallet;

pub use line::{Cart, FrozenLine, LineRefund, Priced, price_order};
pub use lot::{Insufficient, Lot, LotId, LotOrigin, Spend, spend_plan};
pub use wallet::{Move, MoveKind, NewLot, Wallet, WalletStep};

#[cfg(test)]
mod tests;
