//! Cases written by hand: every outcome, wrong ids, repeats, and the edges of time. The same cases run on every store.

mod boards;
mod campaigns;
mod conclude;
mod doors;
mod events;
mod holds;
mod lines;
mod log;
mod pulse;
mod restore;
mod rooms;
pub mod stage;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use stanchion::lane::{Lane, Lanes, memory};

use super::stores::{Embedded, fresh};

/// A case with its name. It gets a lane that is empty and built.
type Case = (&'static str, fn(Arc<dyn Lane>) -> BoxFuture<'static, ()>);

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub const CASES: &[super::Case] = &[$((stringify!($name), |lane| Box::pin($name(lane)))),*];
    };
}
use cases;

pub async fn all_cases_on(lanes: &Lanes) {
    let files = [
        events::CASES,
        rooms::CASES,
        boards::CASES,
        lines::CASES,
        pulse::CASES,
        holds::CASES,
        doors::CASES,
        conclude::CASES,
        campaigns::CASES,
        log::CASES,
        restore::CASES,
    ];
    for (name, case) in files.concat() {
        // Shown when the test fails: the last case named is the one that failed.
        println!("case: {name}");
        case(fresh(lanes).await).await;
    }
    // A lease outlives the lane that it was taken for.
    log::unleased(&fresh(lanes).await).await;
}

#[tokio::test]
async fn every_outcome_on_the_model() {
    all_cases_on(&memory::volatile(2)).await;
}

#[tokio::test]
async fn every_outcome_on_the_embedded_store() {
    all_cases_on(Embedded::new().lanes()).await;
}
