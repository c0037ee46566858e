//! States from which a case begins: an open hall, a visitor inside, a hold, an order at some step.

use std::sync::Arc;

use stanchion::facts::conclusion::{Conclusion, SeatTarget};
use stanchion::facts::hold::HoldFact;
use stanchion::facts::order::{OrderFact, OrderStatus};
use stanchion::facts::place::{PlaceState, Token};
use stanchion::facts::room::Mode;
use stanchion::facts::time::Millis;
use stanchion::lane::Lane;
use stanchion::lane::events::{EventPut, PutEvent};
use stanchion::lane::orders::CheckoutOutcome;
use stanchion::lane::rooms::{Enter, EnterOutcome};
use stanchion::lane::seats::HoldOutcome;

use crate::lane::conformance::ask::{self, START};

pub const HALL: &str = "hall";

/// Pauses the hall and pulses it from `from_ms` up to `to_ms`. Visitors who do not show up meanwhile are absent.
pub async fn beats(lane: &Arc<dyn Lane>, version: i64, from_ms: Millis, to_ms: Millis) {
    hall_with(lane, |put| (put.version, put.room.mode) = (version, Mode::Paused)).await;
    for now_ms in (from_ms..to_ms).step_by(2_000) {
        lane.pulse(now_ms, ask::pulse(HALL)).await.expect("an answer").expect("the event");
    }
}

/// Puts the hall, changed by `change`.
pub async fn hall_with(lane: &Arc<dyn Lane>, change: impl FnOnce(&mut EventPut)) {
    let mut put = ask::put(HALL);
    change(&mut put);
    assert_eq!(lane.put_event(START, put).await.expect("a well-formed event"), PutEvent::Done);
}

/// Puts the open hall: two rows of four seats, four standing, and two places inside.
pub async fn hall(lane: &Arc<dyn Lane>) {
    hall_with(lane, |_| ()).await;
}

/// Lets a single visitor enter.
pub async fn enter(lane: &Arc<dyn Lane>, now_ms: Millis, enter: Enter) -> EnterOutcome {
    let mut outcomes = lane.enter(now_ms, enter).await.expect("an answer");
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

/// Lets a visitor enter. Returns the token and the state of the new place.
pub async fn entered(lane: &Arc<dyn Lane>, now_ms: Millis, who: &str) -> (Token, PlaceState) {
    match enter(lane, now_ms, ask::enter(HALL, who)).await {
        EnterOutcome::Entered { score, place } => {
            let token = Token { event: ask::event(HALL), visitor: ask::visitor(who), score, round: place.counts.round };
            (token, place.state)
        }
        outcome => panic!("{who} entered: {outcome:?}"),
    }
}

/// Lets a visitor enter who must be let in at once. Returns the token.
pub async fn inside(lane: &Arc<dyn Lane>, now_ms: Millis, who: &str) -> Token {
    let (token, state) = entered(lane, now_ms, who).await;
    assert!(matches!(state, PlaceState::Admitted { .. }), "{who}: {state:?}");
    token
}

/// The state that a poll shows.
pub async fn polled(lane: &Arc<dyn Lane>, now_ms: Millis, token: &Token) -> PlaceState {
    lane.poll(now_ms, token.clone()).await.expect("an answer").expect("the event").state
}

/// Holds these seats for a visitor who is inside.
pub async fn held(lane: &Arc<dyn Lane>, now_ms: Millis, key: &str, who: &str, seats: &[u32]) -> HoldFact {
    match lane.hold(now_ms, ask::hold(HALL, key, who, ask::named(seats))).await.expect("an answer") {
        HoldOutcome::Held(fact) => fact,
        outcome => panic!("{who} holds {seats:?}: {outcome:?}"),
    }
}

/// Orders a hold. Returns the order's fact.
pub async fn placed(lane: &Arc<dyn Lane>, now_ms: Millis, key: &str, hold: &HoldFact, hold_key: &str) -> OrderFact {
    let checkout = ask::checkout(HALL, key, hold_key, hold.user.as_str(), now_ms);
    let fact = checkout.fact.clone();
    let outcome = lane.checkout(now_ms, checkout).await.expect("an answer");
    assert!(matches!(outcome, CheckoutOutcome::Placed(_)), "{outcome:?}");
    fact
}

/// Makes an order of `kim` on these seats and concludes it to this status, in version 1.
pub async fn ordered(lane: &Arc<dyn Lane>, key: &str, seats: &[u32], status: OrderStatus) -> (HoldFact, OrderFact) {
    let hold = held(lane, START, key, "kim", seats).await;
    let order = placed(lane, START, key, &hold, key).await;
    let target = match status {
        OrderStatus::Confirmed | OrderStatus::PartiallyRefunded => SeatTarget::Sold,
        OrderStatus::Rejected | OrderStatus::Refunded => SeatTarget::Free,
        OrderStatus::Accepted | OrderStatus::PendingPayment | OrderStatus::Paying | OrderStatus::AwaitingDeposit => {
            SeatTarget::Paying
        }
    };
    let conclusion = ask::conclusion(&hold, &order, 1, status, target);
    let fact = conclusion.fact.clone();
    conclude(lane, START, conclusion).await;
    (hold, fact)
}

pub async fn conclude(lane: &Arc<dyn Lane>, now_ms: Millis, conclusion: Conclusion) {
    lane.conclude(now_ms, &ask::event(HALL), vec![conclusion], None).await.expect("an answer");
}

/// The hall's seat string.
pub async fn seats(lane: &Arc<dyn Lane>) -> String {
    let map = lane.seats(&ask::event(HALL)).await.expect("an answer").expect("the event");
    String::from_utf8(map.seats).expect("seat bytes are ASCII")
}
