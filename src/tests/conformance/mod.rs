//! One contract, two stores: the same calls must have the same answers on every implementation of `Lane`.
//!
//! `hand` asks for every outcome by name; `sequences` runs random operation sequences on two stores side
//! by side; `journal` is about the embedded store's file alone. A disagreement found by a sequence
//! becomes a case by hand, so that it stays found.

pub mod ask;
mod books;
mod choice;
pub mod hand;
mod invariants;
mod journal;
mod known;
mod operation;
mod sequences;
mod side;
mod stores;
mod world;
