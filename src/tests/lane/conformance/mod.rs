//! One contract for all stores: the same calls must have the same answers on every implementation of `Lane`.
//!
//! A store proves itself by [`exercise`]: `hand` asks for every outcome by name, and `sequences` runs random sequences of
//! operations on the store and on the model side by side. `wal` is about the embedded store's file alone. When a
//! sequence finds a disagreement, a case by hand is added, so that it stays found.

pub mod ask;
mod books;
mod choice;
pub mod hand;
mod invariants;
mod known;
mod operation;
mod sequences;
mod side;
pub mod stores;
mod wal;
mod world;

use stanchion::lane::Lanes;
use tokio::runtime::Runtime;

use self::stores::redis;
use crate::support::servers;

/// Puts a store through everything that a store of lanes must do: the cases by hand, then this many random sequences
/// beside the model. It needs two lanes, which are wiped, and the runtime that has their connections.
pub fn exercise(runtime: &Runtime, lanes: Lanes, sequences: u32) {
    runtime.block_on(hand::all_cases_on(&lanes));
    sequences::beside_the_model(runtime, lanes, sequences);
}

#[test]
fn redis_is_a_store_of_lanes() {
    let runtime = Runtime::new().expect("a runtime");
    let lanes = runtime.block_on(async { redis(&servers::redis_url().await).await });
    exercise(&runtime, lanes, 48);
}

#[test]
fn a_cluster_is_a_store_of_lanes() {
    let runtime = Runtime::new().expect("a runtime");
    let cluster = runtime.block_on(servers::cluster());
    let lanes = runtime.block_on(redis(cluster.url()));
    exercise(&runtime, lanes, 16);
}
