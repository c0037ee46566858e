//! One contract for all stores: the same calls must have the same answers on every implementation of `Lane`.
//!
//! `hand` asks for every outcome by name; `sequences` runs random sequences of operations on two stores side by side;
//! `wal` is about the embedded store's file alone. When a sequence finds a disagreement, a case by hand is added,
//! so that it stays found.

pub mod ask;
mod books;
mod choice;
pub mod hand;
mod invariants;
mod known;
mod operation;
mod sequences;
mod side;
mod stores;
mod wal;
mod world;
