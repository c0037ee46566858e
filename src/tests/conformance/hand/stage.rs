//! What a case begins from: an open hall, somebody inside, a hold, an order somewhere on its way.

use std::sync::Arc;

use stanchion::clock::Millis;
use stanchion::lane::order::{OrderStatus, SeatTarget};
use stanchion::lane::room::{Mode, PlaceState};
use stanchion::lane::{
    CheckoutOutcome, Enter, EnterOutcome, EventPut, HoldFact, HoldOutcome, Lane, OrderFact, PutEvent, Settlement, Token,
};

use crate::conformance::ask::{self, START};

pub const HALL: &str = "hall";

/// Pulses of a paused hall, from then until then: who does not show up meanwhile is absent.
pub async fn beats(lane: &Arc<dyn Lane>, version: i64, from_ms: Millis, to_ms: Millis) {
    hall_with(lane, |put| (put.version, put.room.mode) = (version, Mode::Paused)).await;
    for now_ms in (from_ms..to_ms).step_by(2_000) {
        lane.pulse(now_ms, ask::pulse(HALL)).await.expect("an answer").expect("the event");
    }
}

/// The hall, changed by `change`.
pub async fn hall_with(lane: &Arc<dyn Lane>, change: impl FnOnce(&mut EventPut)) {
    let mut put = ask::put(HALL);
    change(&mut put);
    assert_eq!(lane.put_event(START, put).await.expect("a well-formed event"), PutEvent::Done);
}

/// Open, two rows of four and four standing, room for two.
pub async fn hall(lane: &Arc<dyn Lane>) {
    hall_with(lane, |_| ()).await;
}

/// One enters, alone.
pub async fn enter(lane: &Arc<dyn Lane>, now_ms: Millis, enter: Enter) -> EnterOutcome {
    let mut outcomes = lane.enter(now_ms, enter).await.expect("an answer");
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

/// Enters and is given a place, whichever.
pub async fn entered(lane: &Arc<dyn Lane>, now_ms: Millis, who: &str) -> (Token, PlaceState) {
    match enter(lane, now_ms, ask::enter(HALL, who)).await {
        EnterOutcome::Entered { score, place } => {
            let token = Token { event: ask::event(HALL), visitor: ask::visitor(who), score, round: place.counts.round };
            (token, place.state)
        }
        outcome => panic!("{who} entered: {outcome:?}"),
    }
}

/// Enters and is let in at once.
pub async fn inside(lane: &Arc<dyn Lane>, now_ms: Millis, who: &str) -> Token {
    let (token, state) = entered(lane, now_ms, who).await;
    assert!(matches!(state, PlaceState::Admitted { .. }), "{who}: {state:?}");
    token
}

/// The place a poll shows.
pub async fn polled(lane: &Arc<dyn Lane>, now_ms: Millis, token: &Token) -> PlaceState {
    lane.poll(now_ms, token.clone()).await.expect("an answer").expect("the event").state
}

/// Holds these seats; whoever it is is inside.
pub async fn held(lane: &Arc<dyn Lane>, now_ms: Millis, key: &str, who: &str, seats: &[u32]) -> HoldFact {
    match lane.hold(now_ms, ask::hold(HALL, key, who, ask::named(seats))).await.expect("an answer") {
        HoldOutcome::Held(fact) => fact,
        outcome => panic!("{who} holds {seats:?}: {outcome:?}"),
    }
}

/// Orders a hold; the fact as placed.
pub async fn placed(lane: &Arc<dyn Lane>, now_ms: Millis, key: &str, hold: &HoldFact, hold_key: &str) -> OrderFact {
    let checkout = ask::checkout(HALL, key, hold_key, hold.user.as_str(), now_ms);
    let fact = checkout.fact.clone();
    let outcome = lane.checkout(now_ms, checkout).await.expect("an answer");
    assert!(matches!(outcome, CheckoutOutcome::Placed(_)), "{outcome:?}");
    fact
}

/// An order of `kim` on these seats, settled to this status in version 1.
pub async fn ordered(lane: &Arc<dyn Lane>, key: &str, seats: &[u32], status: OrderStatus) -> (HoldFact, OrderFact) {
    let hold = held(lane, START, key, "kim", seats).await;
    let order = placed(lane, START, key, &hold, key).await;
    let target = match status {
        OrderStatus::Confirmed | OrderStatus::PartiallyRefunded => SeatTarget::Sold,
        OrderStatus::Rejected | OrderStatus::Refunded => SeatTarget::Free,
        OrderStatus::Accepted | OrderStatus::PendingPayment | OrderStatus::Paying => SeatTarget::Paying,
    };
    let settlement = ask::settlement(&hold, &order, 1, status, target);
    let fact = settlement.fact.clone();
    settle(lane, START, settlement).await;
    (hold, fact)
}

pub async fn settle(lane: &Arc<dyn Lane>, now_ms: Millis, settlement: Settlement) {
    lane.settle(now_ms, &ask::event(HALL), vec![settlement], None).await.expect("an answer");
}

/// The seat string as text.
pub async fn seats(lane: &Arc<dyn Lane>) -> String {
    let map = lane.seats(&ask::event(HALL)).await.expect("an answer").expect("the event");
    String::from_utf8(map.seats).expect("seat bytes are ASCII")
}
