//! Cases of `enter`, `poll`, `leave` and `inside`.

use std::sync::Arc;

use stanchion::facts::fault::Fault;
use stanchion::facts::place::{PlaceState, Token};
use stanchion::facts::room::{EPOCH, Mode, SCORES, score};
use stanchion::lane::Lane;
use stanchion::lane::rooms::{Enter, EnterOutcome};

use super::cases;
use super::stage::{HALL, enter, entered, hall, hall_with, held, inside, polled};
use crate::lane::conformance::ask::{self, SECOND, START};

cases![
    a_calm_room_costs_nobody_a_second,
    nobody_is_let_in_at_once_without_capacity_rate_or_seats,
    a_room_without_seats_has_no_such_bound,
    only_an_open_room_lets_in_at_once,
    closed_and_draining_rooms_refuse_newcomers,
    a_full_line_gives_no_serial,
    who_has_a_place_is_known,
    who_had_a_place_enters_anew,
    a_poll_shows_the_rank,
    a_scheduled_room_opens_by_itself_and_closes_by_itself,
    an_admission_is_claimed_by_polling,
    an_unclaimed_admission_is_late_and_back,
    called_in_vain_a_second_time_is_spent,
    a_place_past_its_time_is_spent,
    a_lost_place_is_in_the_token,
    who_left_is_through,
    tokens_out_of_range_are_the_callers_fault,
];

/// The score of a new room's first entry.
const FIRST: i64 = EPOCH + 1;
const ADMITTED_AT_START: PlaceState = PlaceState::Admitted { expires_ms: START + 60 * SECOND };

async fn a_calm_room_costs_nobody_a_second(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let enter = enter(&lane, START, ask::enter(HALL, "kim")).await;
    let EnterOutcome::Entered { score: FIRST, place } = enter else { panic!("{enter:?}") };
    assert_eq!(place.state, ADMITTED_AT_START);
    assert_eq!((place.counts.inside, place.counts.waiting, place.counts.admitted_total), (1, 0, 1));
    let until = lane.inside(START, &ask::event(HALL), &ask::visitor("kim")).await.expect("an answer");
    assert_eq!(until, Some(START + 60 * SECOND));
    let over = lane.inside(START + 60 * SECOND, &ask::event(HALL), &ask::visitor("kim")).await.expect("an answer");
    assert_eq!(over, None, "a place ends at its expiry");
}

async fn nobody_is_let_in_at_once_without_capacity_rate_or_seats(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 0).await;
    assert_eq!(entered(&lane, START, "a").await.1, PlaceState::Waiting { ahead: 0 });
    assert_eq!(entered(&lane, START, "b").await.1, PlaceState::Waiting { ahead: 1 });

    hall_with(&lane, |put| {
        put.event = ask::event("slow");
        put.room.rate_per_min = 60;
    })
    .await;
    let state = async |who: &str, at| match enter(&lane, at, ask::enter("slow", who)).await {
        EnterOutcome::Entered { place, .. } => place.state,
        outcome => panic!("{outcome:?}"),
    };
    assert_eq!(state("a", START).await, ADMITTED_AT_START, "the bucket starts full");
    assert!(matches!(state("b", START + SECOND).await, PlaceState::Admitted { .. }), "one a second");
    hall_with(&lane, |put| {
        (put.event, put.version) = (ask::event("slow"), 2);
        (put.room.rate_per_min, put.room.capacity) = (60, 9);
    })
    .await;
    assert_eq!(state("c", START + 2 * SECOND - 1).await, PlaceState::Waiting { ahead: 0 }, "not a whole one yet");

    hall_with(&lane, |put| {
        put.event = ask::event("gone");
        put.blocked = vec![(0, 12)];
    })
    .await;
    let gone = enter(&lane, START, ask::enter("gone", "a")).await;
    let EnterOutcome::Entered { place, .. } = gone else { panic!("{gone:?}") };
    assert_eq!(place.state, PlaceState::Waiting { ahead: 0 }, "nothing is free");

    hall_with(&lane, |put| {
        put.event = ask::event("shut");
        put.room.rate_per_min = 0;
    })
    .await;
    let shut = enter(&lane, START, ask::enter("shut", "a")).await;
    let EnterOutcome::Entered { place, .. } = shut else { panic!("{shut:?}") };
    assert_eq!(place.state, PlaceState::Waiting { ahead: 0 }, "rate 0 admits nobody, not even from a full bucket");
}

async fn a_room_without_seats_has_no_such_bound(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.seats = 0).await;
    assert_eq!(entered(&lane, START, "a").await.1, ADMITTED_AT_START);
}

async fn only_an_open_room_lets_in_at_once(lane: Arc<dyn Lane>) {
    for (mode, state) in [(Mode::Scheduled, PlaceState::Scheduled), (Mode::Paused, PlaceState::Waiting { ahead: 0 })] {
        let name = mode.as_str();
        hall_with(&lane, |put| (put.event, put.room.mode) = (ask::event(name), mode)).await;
        let enter = enter(&lane, START, ask::enter(name, "a")).await;
        let EnterOutcome::Entered { place, .. } = enter else { panic!("{enter:?}") };
        assert_eq!(place.state, state, "{mode:?}");
    }
}

async fn closed_and_draining_rooms_refuse_newcomers(lane: Arc<dyn Lane>) {
    assert_eq!(enter(&lane, START, ask::enter(HALL, "kim")).await, EnterOutcome::NoEvent);
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    for mode in [Mode::Drain, Mode::Closed] {
        hall_with(&lane, |put| put.room.mode = mode).await;
        assert_eq!(enter(&lane, START, ask::enter(HALL, "lee")).await, EnterOutcome::Closed);
        assert_eq!(enter(&lane, START, ask::enter(HALL, "kim")).await, EnterOutcome::Closed);
    }
}

async fn a_full_line_gives_no_serial(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 0).await;
    entered(&lane, START, "a").await;
    let one = |who| Enter { waiting_max: 1, ..ask::enter(HALL, who) };
    assert_eq!(enter(&lane, START, one("b")).await, EnterOutcome::Full);
    let known = enter(&lane, START, one("a")).await;
    assert!(matches!(known, EnterOutcome::Known { score: FIRST, .. }), "{known:?}");
    assert_eq!(entered(&lane, START, "c").await.0.score, FIRST + 1);
}

async fn who_has_a_place_is_known(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 1).await;
    inside(&lane, START, "a").await;
    entered(&lane, START, "b").await;
    entered(&lane, START, "c").await;
    let known = async |who: &str| match enter(&lane, START + SECOND, ask::enter(HALL, who)).await {
        EnterOutcome::Known { score, place } => (score, place.state),
        outcome => panic!("{outcome:?}"),
    };
    assert_eq!(known("a").await, (FIRST, ADMITTED_AT_START));
    assert_eq!(known("c").await, (FIRST + 2, PlaceState::Waiting { ahead: 1 }));
}

async fn who_had_a_place_enters_anew(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 1).await;
    let first = inside(&lane, START, "a").await;
    let (again, state) = entered(&lane, START + 60 * SECOND, "a").await;
    assert_eq!(again.score, FIRST + 1, "the first place is over");
    assert!(matches!(state, PlaceState::Admitted { .. }), "{state:?}");
    assert_eq!(polled(&lane, START + 60 * SECOND, &first).await, PlaceState::Done);
}

async fn a_poll_shows_the_rank(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 0).await;
    let mut tokens = vec![];
    for who in ["a", "b", "c"] {
        tokens.push(entered(&lane, START, who).await.0);
    }
    assert_eq!(polled(&lane, START, &tokens[2]).await, PlaceState::Waiting { ahead: 2 });
    assert!(lane.leave(START, tokens[0].clone()).await.expect("an answer"));
    assert_eq!(polled(&lane, START, &tokens[2]).await, PlaceState::Waiting { ahead: 1 });
    assert_eq!(lane.poll(START, ask::token("nowhere", "a", 1)).await.expect("an answer"), None);
}

async fn a_scheduled_room_opens_by_itself_and_closes_by_itself(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| {
        put.room.mode = Mode::Scheduled;
        put.room.opens_at_ms = START + SECOND;
        put.room.closes_at_ms = START + 5 * SECOND;
    })
    .await;
    let (token, state) = entered(&lane, START, "a").await;
    assert_eq!(state, PlaceState::Scheduled);
    assert_eq!(polled(&lane, START + SECOND - 1, &token).await, PlaceState::Scheduled);
    assert_eq!(polled(&lane, START + SECOND, &token).await, PlaceState::Waiting { ahead: 0 });
    assert_eq!(polled(&lane, START + 5 * SECOND, &token).await, PlaceState::Closed);
    let enter = enter(&lane, START + 5 * SECOND, ask::enter(HALL, "b")).await;
    assert_eq!(enter, EnterOutcome::Closed);
}

async fn an_admission_is_claimed_by_polling(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.mode = Mode::Scheduled).await;
    let (token, _) = entered(&lane, START, "a").await;
    hall_with(&lane, |put| put.version = 2).await;
    lane.pulse(START, ask::pulse(HALL)).await.expect("an answer");
    let until = lane.inside(START, &ask::event(HALL), &ask::visitor("a")).await.expect("an answer");
    assert_eq!(until, Some(START + 10 * SECOND), "called: for the time to claim");
    let at = START + 9 * SECOND;
    let claimed = PlaceState::Admitted { expires_ms: at + 60 * SECOND };
    assert_eq!(polled(&lane, at, &token).await, claimed);
    assert_eq!(polled(&lane, at + SECOND, &token).await, claimed, "once");
}

async fn an_unclaimed_admission_is_late_and_back(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| (put.room.capacity, put.room.mode) = (1, Mode::Scheduled)).await;
    let (a, _) = entered(&lane, START, "a").await;
    let (b, _) = entered(&lane, START, "b").await;
    hall_with(&lane, |put| (put.version, put.room.capacity) = (2, 1)).await;
    lane.pulse(START, ask::pulse(HALL)).await.expect("an answer");
    let at = START + 10 * SECOND;
    assert_eq!(polled(&lane, at, &a).await, PlaceState::Waiting { ahead: 0 }, "the time to claim is over");
    let counts = lane.room(at, &ask::event(HALL)).await.expect("an answer").expect("the event");
    assert_eq!((counts.inside, counts.late, counts.waiting), (0, 0, 2), "who is back stands in line");
    assert_eq!(polled(&lane, at, &b).await, PlaceState::Waiting { ahead: 1 });
    assert_eq!(polled(&lane, at, &a).await, PlaceState::Waiting { ahead: 0 });
    lane.pulse(at, ask::pulse(HALL)).await.expect("an answer");
    assert!(matches!(polled(&lane, at, &a).await, PlaceState::Admitted { .. }), "before the others");
}

/// Otherwise a visitor who comes back late each time and never claims would be called first for ever.
async fn called_in_vain_a_second_time_is_spent(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| (put.room.capacity, put.room.mode) = (2, Mode::Scheduled)).await;
    let (a, _) = entered(&lane, START, "a").await;
    let (b, _) = entered(&lane, START, "b").await;
    hall_with(&lane, |put| (put.version, put.room.capacity) = (2, 2)).await;
    lane.pulse(START, ask::pulse(HALL)).await.expect("an answer");
    let first = START + 10 * SECOND;
    for token in [&a, &b] {
        assert_eq!(polled(&lane, first, token).await, PlaceState::Waiting { ahead: 0 }, "in vain once: called again");
    }
    lane.pulse(first, ask::pulse(HALL)).await.expect("an answer");
    let second = first + 10 * SECOND;
    assert_eq!(polled(&lane, second, &a).await, PlaceState::Done, "in vain twice, found by the poll");
    let beat = lane.pulse(second, ask::pulse(HALL)).await.expect("an answer").expect("the event");
    assert_eq!(beat.unclaimed, 1, "and by the pulse");
    assert_eq!(polled(&lane, second, &b).await, PlaceState::Done);
    let counts = lane.room(second, &ask::event(HALL)).await.expect("an answer").expect("the event");
    assert_eq!((counts.inside, counts.late, counts.waiting), (0, 0, 0));
}

async fn a_place_past_its_time_is_spent(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let kim = inside(&lane, START, "kim").await;
    assert_eq!(polled(&lane, START + 60 * SECOND - 1, &kim).await, ADMITTED_AT_START);
    assert_eq!(polled(&lane, START + 60 * SECOND, &kim).await, PlaceState::Done);
    assert_eq!(polled(&lane, START, &kim).await, PlaceState::Done, "for good");
    let counts = lane.room(START, &ask::event(HALL)).await.expect("an answer").expect("the event");
    assert_eq!(counts.inside, 0);
}

async fn a_lost_place_is_in_the_token(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 0).await;
    let newcomer = entered(&lane, START, "new").await.0;
    let older = Token { score: score(0, 7), ..ask::token(HALL, "old", 7) };
    assert_eq!(polled(&lane, START, &older).await, PlaceState::Waiting { ahead: 0 });
    assert_eq!(polled(&lane, START, &newcomer).await, PlaceState::Waiting { ahead: 1 });
    // Visitors with equal scores stand by visitor id.
    let twin = Token { visitor: ask::visitor("aaa"), ..older.clone() };
    assert_eq!(polled(&lane, START, &twin).await, PlaceState::Waiting { ahead: 0 });
    assert_eq!(polled(&lane, START, &older).await, PlaceState::Waiting { ahead: 1 });
}

async fn who_left_is_through(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let kim = inside(&lane, START, "kim").await;
    held(&lane, START, "h", "kim", &[0]).await;
    assert!(lane.leave(START, kim.clone()).await.expect("an answer"));
    assert!(!lane.leave(START, kim.clone()).await.expect("an answer"), "once");
    assert_eq!(polled(&lane, START, &kim).await, PlaceState::Done);
    let counts = lane.room(START, &ask::event(HALL)).await.expect("an answer").expect("the event");
    assert_eq!((counts.inside, counts.held), (0, 1), "the hold stays without its visitor");
    let lost = ask::token(HALL, "lost", 40);
    assert!(
        !lane.leave(START, lost.clone()).await.expect("an answer"),
        "there is no place, but the score is spent from now on"
    );
    assert_eq!(polled(&lane, START, &lost).await, PlaceState::Done);
    assert!(!lane.leave(START, ask::token("nowhere", "kim", 1)).await.expect("an answer"));
}

async fn tokens_out_of_range_are_the_callers_fault(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    for score in [i64::MIN, SCORES.start() - 1, SCORES.end() + 1, i64::MAX] {
        let token = Token { score, ..ask::token(HALL, "kim", 1) };
        let polled = lane.poll(START, token.clone()).await;
        assert!(matches!(polled, Err(Fault::Contract { .. })), "{score}: {polled:?}");
        let left = lane.leave(START, token).await;
        assert!(matches!(left, Err(Fault::Contract { .. })), "{score}: {left:?}");
    }
}
