//! Cases of `pulse`.

use std::sync::Arc;

use stanchion::facts::fault::Fault;
use stanchion::facts::hold::HoldState;
use stanchion::facts::place::PlaceState;
use stanchion::facts::room::Mode;
use stanchion::lane::Lane;
use stanchion::lane::rooms::{Pulse, Pulsed};

use super::cases;
use super::stage::{HALL, beats, entered, hall, hall_with, held, inside, polled};
use crate::lane::conformance::ask::{self, DAY, SECOND, START};

cases![
    the_lowest_scores_first_up_to_capacity,
    up_to_the_rate,
    up_to_the_free_seats,
    only_open_and_draining_rooms_admit,
    the_absent_are_passed_over,
    nobody_is_absent_for_the_houses_own_absence,
    late_ones_lapse,
    without_grace_a_late_one_lapses_at_once,
    places_and_holds_run_out,
    work_is_bounded_and_more_says_so,
    who_is_back_comes_before_all,
    ended_holds_are_kept_a_day,
    a_pulse_without_work_is_the_callers_fault,
];

async fn pulse(lane: &Arc<dyn Lane>, now_ms: i64) -> Pulsed {
    lane.pulse(now_ms, ask::pulse(HALL)).await.expect("an answer").expect("the event")
}

/// Puts all of `who` in line, then opens the room with this capacity and rate. Returns their tokens.
async fn line_of(lane: &Arc<dyn Lane>, who: &[&str], capacity: i64, rate: i64) -> Vec<stanchion::facts::place::Token> {
    hall_with(lane, |put| put.room.mode = Mode::Scheduled).await;
    let mut tokens = vec![];
    for who in who {
        tokens.push(entered(lane, START, who).await.0);
    }
    hall_with(lane, |put| {
        put.version = 2;
        (put.room.capacity, put.room.rate_per_min) = (capacity, rate);
    })
    .await;
    tokens
}

async fn open(lane: &Arc<dyn Lane>, version: i64, capacity: i64) {
    hall_with(lane, |put| (put.version, put.room.capacity, put.room.rate_per_min) = (version, capacity, 6_000)).await;
}

async fn the_lowest_scores_first_up_to_capacity(lane: Arc<dyn Lane>) {
    let tokens = line_of(&lane, &["c", "b", "a"], 2, 6_000).await;
    assert_eq!(pulse(&lane, START).await, Pulsed { admitted: 2, ..Pulsed::default() });
    assert_eq!(pulse(&lane, START).await, Pulsed::default());
    assert!(matches!(polled(&lane, START, &tokens[0]).await, PlaceState::Admitted { .. }));
    assert!(matches!(polled(&lane, START, &tokens[1]).await, PlaceState::Admitted { .. }));
    assert_eq!(polled(&lane, START, &tokens[2]).await, PlaceState::Waiting { ahead: 0 });
    let counts = lane.room(START, &ask::event(HALL)).await.expect("an answer").expect("the event");
    assert_eq!((counts.inside, counts.waiting, counts.admitted_total), (2, 1, 2));
}

async fn up_to_the_rate(lane: Arc<dyn Lane>) {
    // The bucket was full at 6,000 a minute, and is cut to a second of the new rate.
    line_of(&lane, &["a", "b", "c", "d", "e"], 9, 120).await;
    assert_eq!(pulse(&lane, START).await.admitted, 2);
    assert_eq!(pulse(&lane, START + 499).await.admitted, 0);
    assert_eq!(pulse(&lane, START + 500).await.admitted, 1);
    assert_eq!(pulse(&lane, START + 10 * SECOND).await.admitted, 2, "no more than a second's worth");
}

async fn up_to_the_free_seats(lane: Arc<dyn Lane>) {
    line_of(&lane, &["a", "b", "c"], 9, 6_000).await;
    hall_with(&lane, |put| {
        (put.version, put.room.capacity) = (3, 9);
        put.blocked = vec![(0, 10)];
    })
    .await;
    assert_eq!(pulse(&lane, START).await.admitted, 2);
    assert_eq!(pulse(&lane, START).await.admitted, 1, "visitors inside without a hold are not subtracted");
}

async fn only_open_and_draining_rooms_admit(lane: Arc<dyn Lane>) {
    line_of(&lane, &["a"], 9, 6_000).await;
    for (version, mode, admitted) in [(3, Mode::Scheduled, 0), (4, Mode::Paused, 0), (5, Mode::Drain, 1)] {
        hall_with(&lane, |put| (put.version, put.room.mode) = (version, mode)).await;
        assert_eq!(pulse(&lane, START).await.admitted, admitted, "{mode:?}");
    }
}

async fn the_absent_are_passed_over(lane: Arc<dyn Lane>) {
    let tokens = line_of(&lane, &["a", "b", "c"], 1, 6_000).await;
    let at = START + 20 * SECOND;
    beats(&lane, 3, START, at).await;
    open(&lane, 4, 1).await;
    polled(&lane, at - 1, &tokens[1]).await;
    let passed = Pulsed { admitted: 1, absent: 1, ..Pulsed::default() };
    assert_eq!(pulse(&lane, at).await, passed);
    assert!(matches!(polled(&lane, at, &tokens[1]).await, PlaceState::Admitted { .. }));
    let counts = lane.room(at, &ask::event(HALL)).await.expect("an answer").expect("the event");
    assert_eq!((counts.late, counts.waiting), (1, 1), "only those whose turn it was");
    assert_eq!(polled(&lane, at, &tokens[0]).await, PlaceState::Waiting { ahead: 0 }, "back");
}

/// While no pulse came, nobody could show up. So that time does not count against the visitors.
async fn nobody_is_absent_for_the_houses_own_absence(lane: Arc<dyn Lane>) {
    line_of(&lane, &["a", "b"], 0, 6_000).await;
    let (gone, back) = (START + 10 * SECOND, START + 500 * SECOND);
    beats(&lane, 3, START, gone).await;
    open(&lane, 4, 1).await;
    assert_eq!(pulse(&lane, back).await, Pulsed { admitted: 1, ..Pulsed::default() }, "the first in line");
    // From then on visitors who do not show up are absent again.
    beats(&lane, 5, back, back + 20 * SECOND).await;
    open(&lane, 6, 2).await;
    assert_eq!(pulse(&lane, back + 20 * SECOND).await.absent, 1);
}

async fn late_ones_lapse(lane: Arc<dyn Lane>) {
    let tokens = line_of(&lane, &["a"], 1, 6_000).await;
    beats(&lane, 3, START, START + 20 * SECOND).await;
    open(&lane, 4, 1).await;
    assert_eq!(pulse(&lane, START + 20 * SECOND).await.absent, 1);
    assert_eq!(pulse(&lane, START + 50 * SECOND - 1).await.lapsed, 0);
    assert_eq!(pulse(&lane, START + 50 * SECOND).await.lapsed, 1);
    assert_eq!(polled(&lane, START + 50 * SECOND, &tokens[0]).await, PlaceState::Done);
}

async fn without_grace_a_late_one_lapses_at_once(lane: Arc<dyn Lane>) {
    let tokens = line_of(&lane, &["a", "b"], 2, 6_000).await;
    pulse(&lane, START).await;
    hall_with(&lane, |put| (put.version, put.room.late_grace_s) = (3, 0)).await;
    let at = START + 10 * SECOND;
    assert_eq!(polled(&lane, at, &tokens[1]).await, PlaceState::Done, "the poll finds that its visitor is late");
    let swept = Pulsed { unclaimed: 1, lapsed: 1, ..Pulsed::default() };
    assert_eq!(pulse(&lane, at).await, swept);
    assert_eq!(polled(&lane, at, &tokens[0]).await, PlaceState::Done);
}

async fn places_and_holds_run_out(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let kim = inside(&lane, START, "kim").await;
    held(&lane, START, "h", "kim", &[0, 1]).await;
    let at = START + ask::HOLD_TTL_MS;
    assert_eq!(pulse(&lane, at - 1).await, Pulsed::default());
    assert_eq!(pulse(&lane, at).await, Pulsed { holds_expired: 1, ..Pulsed::default() });
    let at = START + 60 * SECOND;
    hall_with(&lane, |put| (put.version, put.room.mode) = (2, Mode::Closed)).await;
    assert_eq!(pulse(&lane, at).await, Pulsed { expired: 1, ..Pulsed::default() }, "in a closed room too");
    assert_eq!(polled(&lane, at, &kim).await, PlaceState::Closed);
}

async fn work_is_bounded_and_more_says_so(lane: Arc<dyn Lane>) {
    line_of(&lane, &["a", "b", "c"], 3, 6_000).await;
    let beat = |work_max| Pulse { work_max, ..ask::pulse(HALL) };
    let one = lane.pulse(START, beat(1)).await.expect("an answer").expect("the event");
    assert_eq!(one, Pulsed { admitted: 1, more: true, ..Pulsed::default() });
    let two = lane.pulse(START, beat(2)).await.expect("an answer").expect("the event");
    assert_eq!(two, Pulsed { admitted: 2, ..Pulsed::default() }, "the bound is met and nothing is left");
    let late = lane.pulse(START + 10 * SECOND, beat(2)).await.expect("an answer").expect("the event");
    assert_eq!(late, Pulsed { unclaimed: 2, more: true, ..Pulsed::default() });
}

async fn who_is_back_comes_before_all(lane: Arc<dyn Lane>) {
    let tokens = line_of(&lane, &["a", "b"], 1, 6_000).await;
    pulse(&lane, START).await;
    pulse(&lane, START + 10 * SECOND).await;
    // "a" was called and did not claim, so "b" was called. Now "c" and "a" stand in line.
    let (c, state) = entered(&lane, START + 10 * SECOND, "c").await;
    assert_eq!(state, PlaceState::Waiting { ahead: 0 });
    assert_eq!(polled(&lane, START + 11 * SECOND, &tokens[0]).await, PlaceState::Waiting { ahead: 0 });
    assert_eq!(polled(&lane, START + 11 * SECOND, &c).await, PlaceState::Waiting { ahead: 1 });
    lane.leave(START + 11 * SECOND, tokens[1].clone()).await.expect("an answer");
    assert_eq!(pulse(&lane, START + 11 * SECOND).await.admitted, 1);
    assert!(matches!(polled(&lane, START + 11 * SECOND, &tokens[0]).await, PlaceState::Admitted { .. }));
}

async fn ended_holds_are_kept_a_day(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    lane.release(START, ask::release(HALL, "h", "kim")).await.expect("an answer");
    let get = async |at| lane.get_hold(at, &ask::event(HALL), &hold.id).await.expect("an answer");
    pulse(&lane, START + DAY - 1).await;
    assert_eq!(get(START + DAY - 1).await.map(|hold| hold.state), Some(HoldState::Released));
    pulse(&lane, START + DAY).await;
    assert_eq!(get(START + DAY).await, None);
}

async fn a_pulse_without_work_is_the_callers_fault(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let answer = lane.pulse(START, Pulse { work_max: 0, ..ask::pulse(HALL) }).await;
    assert!(matches!(answer, Err(Fault::Contract { .. })), "{answer:?}");
}
