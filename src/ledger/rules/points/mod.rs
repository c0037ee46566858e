//! Which points pay for an order, and which come back: arithmetic only, without SQL or a clock.
//!
//! A [`Lot`] is a row of `point_lot`, a [`Spend`] one of `point_spend`. A [`Wallet`] is a balance and a debt with their lots; every step that changes it records moves.

mod lot;
mod wallet;

pub use lot::{Insufficient, Lot, LotId, LotOrigin, Spend, spend_plan};
pub use wallet::{Move, MoveKind, NewLot, Wallet, WalletStep};

#[cfg(test)]
mod tests;
