//! Random operation sequences on two stores side by side: equal answers at every step, equal dumps after
//! it, and the invariants of both.

use std::cell::RefCell;
use std::collections::HashMap;

use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use stanchion::ids::{CampaignId, EventId};
use stanchion::lane::{CampaignDump, EventDump, Lanes, memory};

use super::invariants::{self, Ended};
use super::operation::{Answer, Operation};
use super::side::Side;
use super::stores::{Embedded, fresh_at, next_generation, redis};
use super::world::{CAMPAIGN, Choice, EVENTS, Kind, OWNERS, World, choices};
use crate::support::servers;

/// Presence ends where a store is closed, so where one is, nobody is ever absent.
const NEVER_S: i64 = 1_000_000;
const ABSENT_AFTER_S: i64 = 20;

/// Two stores, lane 0 of each; the right one may be one that can be closed and opened again.
struct Pair {
    left: Lanes,
    right: Right,
}

enum Right {
    Open(Lanes),
    Reopened(Embedded),
}

impl Pair {
    fn absent_after_s(&self) -> i64 {
        match self.right {
            Right::Open(_) => ABSENT_AFTER_S,
            Right::Reopened(_) => NEVER_S,
        }
    }

    async fn run(&mut self, steps: &[Choice]) {
        let generation = next_generation();
        let left = fresh_at(&self.left, generation).await;
        let right = match &self.right {
            Right::Open(lanes) => fresh_at(lanes, generation).await,
            Right::Reopened(store) => fresh_at(store.lanes(), generation).await,
        };
        for owner in OWNERS {
            left.unlease(owner).await.expect("never away");
            right.unlease(owner).await.expect("never away");
        }
        let mut twins = Twins {
            left: Side::new(left),
            right: Side::new(right),
            world: World::new(self.absent_after_s()),
            ended: HashMap::new(),
        };
        for operation in twins.world.beginning() {
            twins.call(operation).await;
        }
        for step in steps {
            if let (Kind::Reopen, Right::Reopened(store)) = (step.kind, &mut self.right) {
                twins.reopen(store).await;
            }
            let left = twins.left.lane.clone();
            for operation in twins.world.operations(step, &*left).await {
                twins.call(operation).await;
            }
            twins.compare().await;
        }
    }
}

/// Both lanes and what the driver knows of them.
struct Twins {
    left: Side,
    right: Side,
    world: World,
    /// By event.
    ended: HashMap<&'static str, Ended>,
}

impl Twins {
    async fn call(&mut self, operation: Operation) -> Answer {
        let now_ms = self.world.now_ms;
        let left = self.left.answer(operation.clone(), now_ms).await;
        let right = self.right.answer(operation.clone(), now_ms).await;
        assert_eq!(left, right, "left and right disagree on {operation:#?}");
        self.world.hear(&operation, &left);
        left
    }

    async fn compare(&mut self) {
        for name in EVENTS {
            if let Some(dump) = self.dump::<EventDump>(Operation::DumpEvent(EventId::from(name))).await {
                invariants::check_event(&dump);
                self.ended.entry(name).or_default().check(&dump);
            }
        }
        let campaign = Operation::DumpCampaign(CampaignId::from(CAMPAIGN));
        if let Some(dump) = self.dump::<CampaignDump>(campaign).await {
            invariants::check_campaign(&dump);
        }
    }

    async fn dump<T: serde::de::DeserializeOwned>(&mut self, operation: Operation) -> Option<T> {
        match self.call(operation).await {
            Answer::Dump(Value::Null) => None,
            Answer::Dump(dump) => Some(serde_json::from_value(dump).expect("made by this type")),
            answer => panic!("no dump but {answer:?}"),
        }
    }

    /// Closes the right store and opens it again; the left one forgets what no journal keeps.
    async fn reopen(&mut self, store: &mut Embedded) {
        // The store closes when its last lane is let go of.
        self.right.lane = self.left.lane.clone();
        store.reopen();
        self.right.lane = store.lanes().get(self.left.lane.id()).expect("as many lanes as before").clone();
        for owner in OWNERS {
            self.left.lane.unlease(owner).await.expect("the model is never away");
        }
    }
}

fn check(cases: u32, pair: Pair) {
    check_on(&tokio::runtime::Runtime::new().expect("a runtime"), cases, pair);
}

/// On the runtime the stores' connections live on.
fn check_on(runtime: &tokio::runtime::Runtime, cases: u32, mut pair: Pair) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let pair = RefCell::new(&mut pair);
    let ran = TestRunner::new(config).run(&choices(), |steps| {
        runtime.block_on(pair.borrow_mut().run(&steps));
        Ok(())
    });
    if let Err(failure) = ran {
        panic!("{failure}");
    }
}

#[test]
fn replay_is_the_live_state() {
    check(64, Pair { left: memory::volatile(2), right: Right::Reopened(Embedded::new()) });
}

#[test]
fn presence_included_two_models_agree() {
    check(32, Pair { left: memory::volatile(2), right: Right::Open(memory::volatile(2)) });
}

#[test]
fn redis_follows_the_model() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let lanes = runtime.block_on(async { redis(&servers::redis_url().await).await });
    check_on(&runtime, 48, Pair { left: memory::volatile(2), right: Right::Open(lanes) });
}

#[test]
fn a_cluster_follows_the_model() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (_cluster, lanes) = runtime.block_on(async {
        let cluster = servers::cluster().await;
        let lanes = redis(cluster.url()).await;
        (cluster, lanes)
    });
    check_on(&runtime, 16, Pair { left: memory::volatile(2), right: Right::Open(lanes) });
}
