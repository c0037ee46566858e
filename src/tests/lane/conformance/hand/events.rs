//! Cases of `put_event` and `retire_event`.

use std::sync::Arc;

use stanchion::facts::conclusion::SeatTarget;
use stanchion::facts::fault::Fault;
use stanchion::facts::ids::LaneId;
use stanchion::facts::order::OrderStatus;
use stanchion::facts::place::PlaceState;
use stanchion::facts::room::{Mode, score};
use stanchion::lane::Lane;
use stanchion::lane::events::{EventPut, PutEvent, Retired};

use super::cases;
use super::stage::{HALL, conclude, entered, hall, hall_with, held, inside, ordered, polled, seats};
use crate::lane::conformance::ask::{self, SECOND, START};

cases![
    an_event_begins_with_all_seats_free,
    an_older_version_is_stale_and_an_equal_one_applied,
    seats_are_blocked_and_freed_and_never_taken_from_anyone,
    seats_are_added_at_the_end,
    malformed_layouts_are_the_callers_fault,
    a_new_round_begins_when_a_closed_room_opens,
    unknown_events_are_none,
    an_event_that_left_comes_back_by_a_rebuilding_alone,
];

async fn an_event_begins_with_all_seats_free(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.blocked = vec![(3, 4), (10, 12)]).await;
    assert_eq!(seats(&lane).await, "fffbffffffbb");
    let counts = lane.room(START, &ask::event(HALL)).await.expect("an answer").expect("the event");
    assert_eq!((counts.free, counts.blocked, counts.round, counts.epoch, counts.waiting), (9, 3, 1, 1, 0));
    assert_eq!((counts.mode, counts.capacity, counts.rate_per_min), (Mode::Open, 2, 6_000));
}

async fn an_older_version_is_stale_and_an_equal_one_applied(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.version = 5).await;
    let put = |version, blocked| EventPut { version, blocked, ..ask::put(HALL) };
    assert_eq!(lane.put_event(START, put(4, vec![(0, 1)])).await.expect("an answer"), PutEvent::Stale(5));
    assert_eq!(seats(&lane).await, "ffffffffffff");
    assert_eq!(lane.put_event(START, put(5, vec![(0, 1)])).await.expect("an answer"), PutEvent::Done);
    assert_eq!(seats(&lane).await, "bfffffffffff");
    // An older layout may be shorter. It is still stale, not malformed.
    let short = EventPut { seats: 4, ..put(4, vec![]) };
    assert_eq!(lane.put_event(START, short).await.expect("an answer"), PutEvent::Stale(5));
}

async fn seats_are_blocked_and_freed_and_never_taken_from_anyone(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.blocked = vec![(0, 2)]).await;
    inside(&lane, START, "kim").await;
    held(&lane, START, "h", "kim", &[4, 6]).await;
    let put = |blocked| EventPut { version: 2, blocked, ..ask::put(HALL) };
    let taken = lane.put_event(START, put(vec![(1, 2), (4, 7)])).await.expect("an answer");
    assert_eq!(taken, PutEvent::SeatsTaken(vec![4, 6]));
    assert_eq!(seats(&lane).await, "bbffhfhfffff");
    // A hold that expired but was not swept still has its seats.
    let later = START + ask::HOLD_TTL_MS;
    assert_eq!(lane.put_event(later, put(vec![(4, 5)])).await.expect("an answer"), PutEvent::SeatsTaken(vec![4]));
    assert_eq!(lane.put_event(START, put(vec![(1, 3)])).await.expect("an answer"), PutEvent::Done);
    assert_eq!(seats(&lane).await, "fbbfhfhfffff");
}

async fn seats_are_added_at_the_end(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let before = lane.seats(&ask::event(HALL)).await.expect("an answer").expect("the event").version;
    let put = EventPut { version: 2, seats: 14, blocked: vec![(13, 14)], ..ask::put(HALL) };
    assert_eq!(lane.put_event(START, put).await.expect("an answer"), PutEvent::Done);
    assert_eq!(seats(&lane).await, "fffffffffffffb");
    assert!(lane.seats(&ask::event(HALL)).await.expect("an answer").expect("the event").version > before);
}

async fn malformed_layouts_are_the_callers_fault(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    for blocked in [vec![(4, 4)], vec![(5, 4)], vec![(3, 5), (4, 6)], vec![(3, 5), (1, 2)], vec![(11, 13)]] {
        let put = EventPut { version: 2, blocked, ..ask::put(HALL) };
        let answer = lane.put_event(START, put).await;
        assert!(matches!(answer, Err(Fault::Contract { lane: LaneId(0), .. })), "{answer:?}");
    }
    let shorter = EventPut { version: 2, seats: 11, ..ask::put(HALL) };
    let answer = lane.put_event(START, shorter).await;
    assert!(matches!(answer, Err(Fault::Contract { .. })), "{answer:?}");
    assert_eq!(seats(&lane).await, "ffffffffffff");
}

async fn a_new_round_begins_when_a_closed_room_opens(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 1).await;
    let kim = inside(&lane, START, "kim").await;
    let (lee, _) = entered(&lane, START, "lee").await;
    held(&lane, START, "h", "kim", &[0]).await;
    let at = START + SECOND;
    hall_with(&lane, |put| (put.version, put.room.mode) = (2, Mode::Closed)).await;
    assert_eq!(polled(&lane, at, &lee).await, PlaceState::Closed);
    hall_with(&lane, |put| put.version = 3).await;
    let counts = lane.room(at, &ask::event(HALL)).await.expect("an answer").expect("the event");
    assert_eq!((counts.round, counts.epoch, counts.waiting, counts.inside), (2, 2, 0, 0));
    assert_eq!(counts.held, 1, "a hold outlives the round");
    assert_eq!(polled(&lane, at, &lee).await, PlaceState::Done);
    assert_eq!(polled(&lane, at, &kim).await, PlaceState::Done);
    assert!(!lane.leave(at, kim).await.expect("an answer"), "a token of another round leaves nothing");
    let (again, _) = entered(&lane, at, "lee").await;
    assert_eq!((again.score, again.round), (score(2, 3), 2), "serials go on");
}

async fn unknown_events_are_none(lane: Arc<dyn Lane>) {
    let nowhere = ask::event("nowhere");
    assert_eq!(lane.room(START, &nowhere).await.expect("an answer"), None);
    assert_eq!(lane.seats(&nowhere).await.expect("an answer"), None);
    assert_eq!(lane.inside(START, &nowhere, &ask::visitor("kim")).await.expect("an answer"), None);
    assert_eq!(lane.pulse(START, ask::pulse("nowhere")).await.expect("an answer"), None);
    assert!(lane.dump_event(&nowhere).await.expect("an answer").is_none());
    assert!(lane.dump_campaign(&"nowhere".into()).await.expect("an answer").is_none());
}

async fn an_event_that_left_comes_back_by_a_rebuilding_alone(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let token = inside(&lane, START, "kim").await;
    let event = ask::event(HALL);
    let retire = async |version| lane.retire_event(START, &event, version).await.expect("an answer");
    assert_eq!(retire(0).await, Retired::Stale(1), "the lane has a newer one");
    assert_eq!(retire(2).await, Retired::Busy, "somebody is inside");
    let (hold, order) = ordered(&lane, "o", &[0], OrderStatus::PendingPayment).await;
    lane.leave(START, token).await.expect("an answer");
    assert_eq!(retire(2).await, Retired::Busy, "somebody pays");
    let sold = ask::conclusion(&hold, &order, 2, OrderStatus::Confirmed, SeatTarget::Sold);
    conclude(&lane, START, sold).await;
    assert_eq!(retire(2).await, Retired::Done);
    assert_eq!(retire(2).await, Retired::Done, "once more");
    assert_eq!(lane.room(START, &event).await.expect("an answer"), None);
    assert_eq!(lane.orders(&[order.id]).await.expect("an answer"), [None], "its orders leave with it");

    // Its seats are sold, and only the ledger knows that. So nobody may create the event anew.
    let put = async |version, returned| {
        let put = EventPut { version, returned, ..ask::put(HALL) };
        lane.put_event(START, put).await.expect("an answer")
    };
    assert_eq!(put(1, false).await, PutEvent::Stale(2), "the caller has not heard that the event left");
    assert_eq!(put(2, false).await, PutEvent::Stale(2));
    assert_eq!(put(3, true).await, PutEvent::Missing);
    assert_eq!(put(3, false).await, PutEvent::Missing);
    assert_eq!(lane.room(START, &event).await.expect("an answer"), None);
    let elsewhere = EventPut { returned: true, ..ask::put("elsewhere") };
    let outcome = lane.put_event(START, elsewhere).await.expect("an answer");
    assert_eq!(outcome, PutEvent::Missing, "the event left another lane, or left this lane before it was lost");
}
