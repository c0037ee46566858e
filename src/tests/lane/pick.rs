//! On rows of every shape, Lua picks the same seats as the model.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use stanchion::config;
use stanchion::facts::hold::HoldFact;
use stanchion::facts::ids::{LogId, SeatIndex};
use stanchion::lane::memory;
use stanchion::lane::seats::{HoldAsk, HoldOutcome, RowRuns, Want};

use crate::lane::conformance::ask::{self, START};
use crate::lane::conformance::hand::stage::{HALL, hall_with, inside};
use crate::support::servers;

/// Seats of the hall. Some runs reach a little past its end.
const SEATS: u32 = 60;

fn rows() -> impl Strategy<Value = Vec<RowRuns>> {
    let run = (0..SEATS + 2, 0..26u32);
    let row = prop::collection::vec(run, 1..3).prop_map(|mut runs| {
        // A row has each seat once, so the second run begins where the first has ended.
        if let [(first, length), second] = runs.as_mut_slice() {
            second.0 = second.0.max(*first + *length);
        }
        RowRuns { runs }
    });
    prop::collection::vec(row, 1..4)
}

fn ask_for(key: &str, want: Want) -> HoldAsk {
    HoldAsk { seats_per_user: 1_000, ..ask::hold(HALL, key, "kim", want) }
}

/// The seats that were picked, or the refusal.
#[derive(Debug, PartialEq)]
enum Picked {
    Seats(Vec<SeatIndex>),
    Refused(Box<HoldOutcome>),
}

fn picked(outcome: HoldOutcome) -> Picked {
    match outcome {
        HoldOutcome::Held(HoldFact { seats, .. }) => Picked::Seats(seats),
        refused => Picked::Refused(Box::new(refused)),
    }
}

#[test]
fn redis_picks_what_the_model_picks() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let stores = runtime.block_on(async {
        let url = servers::redis_url().await;
        let config = config::RedisConfig { url, pool: 1, timeout_ms: 20_000, wait_replicas: 0, skew_max_ms: 0 };
        let redis = stanchion::lane::redis::connect(&config, 1).await.expect("the server is ready").remove(0);
        let model = memory::volatile(1).iter().next().expect("one lane").clone();
        for lane in [&redis, &model] {
            lane.begin_restore(START, 1, LogId(0)).await.expect("a new generation");
            lane.end_restore(START, 1).await.expect("the same one");
            hall_with(lane, |put| put.seats = SEATS).await;
            inside(lane, START, "kim").await;
        }
        [redis, model]
    });
    let round = Cell::new(0);
    let busy = prop::collection::btree_set(0..SEATS, 1..40);
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    let ran =
        TestRunner::new(config).run(&(busy, rows(), 1..6u32, any::<bool>()), |(busy, rows, quantity, side_by_side)| {
            round.set(round.get() + 1);
            let (busy_key, key) = (format!("busy-{}", round.get()), format!("{}", round.get()));
            let want = match side_by_side {
                true => Want::Adjacent { rows, quantity, price: ask::PRICE },
                false => Want::Separate { rows, quantity, price: ask::PRICE },
            };
            let [redis, model] = stores.each_ref().map(|lane| {
                runtime.block_on(async {
                    let busy: Vec<SeatIndex> = busy.iter().copied().collect();
                    let held = lane.hold(START, ask_for(&busy_key, ask::named(&busy))).await.expect("an answer");
                    assert!(matches!(held, HoldOutcome::Held(_)), "{held:?}");
                    let picked = picked(lane.hold(START, ask_for(&key, want.clone())).await.expect("an answer"));
                    for key in [&busy_key, &key] {
                        lane.release(START, ask::release(HALL, key, "kim")).await.expect("an answer");
                    }
                    picked
                })
            });
            prop_assert_eq!(redis, model);
            Ok(())
        });
    if let Err(failure) = ran {
        panic!("{failure}");
    }
}
