//! Random sequences of operations on two stores side by side: equal answers at every step, equal dumps after it, and
//! the invariants hold in both.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use stanchion::facts::ids::{CampaignId, EventId};
use stanchion::lane::recovery::{CampaignDump, EventDump};
use stanchion::lane::{Lanes, memory};
use tokio::runtime::Runtime;

use super::choice::{Choice, Kind, choices};
use super::invariants::{self, Ended};
use super::operation::{Answer, Operation};
use super::side::Side;
use super::stores::{Embedded, fresh_at, next_generation};
use super::world::{CAMPAIGN, EVENTS, OWNERS, World};

/// A store that is closed forgets who was present. So in a sequence that may close a store nobody is ever absent.
const NEVER_S: i64 = 1_000_000;
const ABSENT_AFTER_S: i64 = 20;

/// The outcomes that the sequences must meet, by operation.
#[rustfmt::skip]
const OUTCOMES: &[&str] = &[
    "PutEvent.Done", "PutEvent.Stale", "PutEvent.SeatsTaken", "PutEvent.Missing", "PutEvent.Contract",
    "RetireEvent.Done", "RetireEvent.Busy", "RetireEvent.Stale",
    "Enter.Entered", "Enter.Known", "Enter.Closed", "Enter.Full", "Enter.NoEvent",
    "Poll.Scheduled", "Poll.Waiting", "Poll.Admitted", "Poll.Done", "Poll.Closed", "Poll.Contract",
    "Presence.Some", "Presence.Contract", "Board.Some", "Board.Contract",
    "Leave.true", "Leave.false", "Leave.Contract", "Pulse.Some", "Pulse.None", "Inside.Some", "Inside.None",
    "Hold.Held", "Hold.Repeated", "Hold.KeyReused", "Hold.NoEvent", "Hold.NotOpen", "Hold.NotInside", "Hold.PlaceOver", "Hold.Ended",
    "Hold.NotOwner", "Hold.LimitExceeded", "Hold.Taken", "Hold.SoldOut", "Hold.NoBlock", "Hold.Contract",
    "GetHold.Some", "GetHold.None",
    "Release.Released", "Release.Ended", "Release.Ordered", "Release.NotOwner", "Release.NotFound",
    "Checkout.Placed", "Checkout.Repeated", "Checkout.Past", "Checkout.KeyReused", "Checkout.NotFound", "Checkout.NotOwner",
    "Checkout.AlreadyOrdered", "Checkout.Expired", "Checkout.Released", "Checkout.Full",
    "Pay.Accepted", "Pay.Repeated", "Pay.KeyReused", "Pay.NotFound", "Pay.NotOwner", "Pay.InProgress",
    "Pay.NotPayable", "Pay.TooMany", "Pay.AmountMismatch", "Pay.Full",
    "Cancel.Accepted", "Cancel.NotFound", "Cancel.NotOwner", "Cancel.InProgress", "Cancel.NotCancellable",
    "Refund.Accepted", "Refund.Repeated", "Refund.KeyReused", "Refund.NotFound", "Refund.NotOwner",
    "Refund.NotRefundable", "Refund.Closed", "Refund.OverRefund", "Refund.LineNotFound", "Refund.Full", "Refund.Contract",
    "GetRefund.Some", "GetRefund.None",
    "PutCampaign.Done", "PutCampaign.Stale", "PutCampaign.StockClaimed",
    "Claim.Claimed", "Claim.Repeated", "Claim.KeyReused", "Claim.NoCampaign", "Claim.NotOpen",
    "Claim.AlreadyClaimed", "Claim.SoldOut", "Claim.Full",
    "Lease.Some", "Lease.None", "Room.Recovering", "EndRestore.Contract",
];

/// Two stores, of which lane 0 is compared. The right one may be a store that can be closed and opened again.
struct Pair {
    left: Lanes,
    right: Right,
    /// How often each operation had each outcome.
    met: BTreeMap<String, u32>,
}

enum Right {
    Open(Lanes),
    Reopened(Embedded),
}

impl Pair {
    fn new(left: Lanes, right: Right) -> Self {
        Self { left, right, met: BTreeMap::new() }
    }

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
            met: BTreeMap::new(),
        };
        for act in 0..3 {
            let left = twins.left.lane.clone();
            for operation in twins.world.beginning(act, &*left).await {
                twins.call(operation).await;
            }
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
        for (met, times) in twins.met {
            *self.met.entry(met).or_default() += times;
        }
    }
}

/// Both lanes, and what the driver knows of them.
struct Twins {
    left: Side,
    right: Side,
    world: World,
    /// The ended holds, by event.
    ended: HashMap<&'static str, Ended>,
    met: BTreeMap<String, u32>,
}

impl Twins {
    async fn call(&mut self, operation: Operation) -> Answer {
        let now_ms = self.world.now_ms;
        let left = self.left.answer(operation.clone(), now_ms).await;
        let right = self.right.answer(operation.clone(), now_ms).await;
        assert_eq!(left, right, "left and right disagree on {operation:#?}");
        self.world.hear(&operation, &left);
        *self.met.entry(format!("{}.{}", operation.name(), left.outcome())).or_default() += 1;
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

    /// Closes the right store and opens it again. The left one drops its leases, which no WAL keeps.
    async fn reopen(&mut self, store: &mut Embedded) {
        // The store closes when its last lane is dropped.
        self.right.lane = self.left.lane.clone();
        store.reopen();
        self.right.lane = store.lanes().get(self.left.lane.id()).expect("as many lanes as before").clone();
        for owner in OWNERS {
            self.left.lane.unlease(owner).await.expect("the model is never away");
        }
    }
}

/// Random sequences on this store and on the model. The runtime has the store's connections.
pub fn beside_the_model(runtime: &Runtime, lanes: Lanes, cases: u32) {
    check_on(runtime, cases, Pair::new(memory::volatile(2), Right::Open(lanes)));
}

fn check(cases: u32, pair: Pair) {
    check_on(&Runtime::new().expect("a runtime"), cases, pair);
}

/// Runs on the runtime that has the stores' connections. `PROPTEST_CASES`, if it is set, replaces the number of cases.
fn check_on(runtime: &Runtime, cases: u32, mut pair: Pair) {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|asked| asked.parse().ok());
    let cases = asked.unwrap_or(cases);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    run(runtime, &mut TestRunner::new(config), &mut pair);
}

fn run(runtime: &Runtime, runner: &mut TestRunner, pair: &mut Pair) {
    let pair = RefCell::new(pair);
    let ran = runner.run(&choices(), |steps| {
        runtime.block_on(pair.borrow_mut().run(&steps));
        Ok(())
    });
    if let Err(failure) = ran {
        panic!("{failure}");
    }
}

/// A suite whose steps are all refused proves nothing. So a fixed set of sequences must meet all these outcomes.
#[test]
fn the_sequences_meet_every_outcome() {
    let runtime = Runtime::new().expect("a runtime");
    let mut pair = Pair::new(memory::volatile(2), Right::Open(memory::volatile(2)));
    let config = Config { cases: 220, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    run(&runtime, &mut runner, &mut pair);
    let missed: Vec<&str> = OUTCOMES.iter().copied().filter(|outcome| !pair.met.contains_key(*outcome)).collect();
    assert!(missed.is_empty(), "{missed:?} were not among {:#?}", pair.met);
}

#[test]
fn replay_is_the_live_state() {
    check(64, Pair::new(memory::volatile(2), Right::Reopened(Embedded::new())));
}
