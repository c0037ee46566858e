//! Cases of `board` and `presence`.

use std::sync::Arc;

use stanchion::facts::fault::Fault;
use stanchion::facts::place::{PlaceState, Token};
use stanchion::facts::room::{Mode, NO_HEAD, SCORES, score};
use stanchion::lane::Lane;
use stanchion::lane::board::{Board, Presence};

use super::cases;
use super::stage::{HALL, beats, entered, hall, hall_with, inside, polled};
use crate::lane::conformance::ask::{self, SECOND, START};

cases![
    a_board_shows_the_first_and_then_knots,
    a_board_of_an_empty_line,
    a_board_says_who_is_back,
    a_board_says_up_to_whom_was_called,
    a_board_has_bounds,
    those_who_wait_are_marked_seen,
    late_ones_come_back_and_lost_ones_are_put_back,
    nothing_is_claimed_or_ended,
    who_is_through_is_gone,
    batches_have_bounds,
];

async fn board(lane: &Arc<dyn Lane>, exact: i64) -> Board {
    lane.board(START, ask::showing(HALL, exact)).await.expect("an answer").expect("the event")
}

async fn present(lane: &Arc<dyn Lane>, now_ms: i64, tokens: &[&Token]) -> Vec<Presence> {
    let tokens = tokens.iter().map(|token| (*token).clone()).collect();
    lane.presence(now_ms, &ask::event(HALL), tokens).await.expect("an answer").expect("the event")
}

async fn a_board_shows_the_first_and_then_knots(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 0).await;
    let tokens = (1..=300).map(|serial| ask::token(HALL, &format!("v{serial}"), serial)).collect();
    lane.presence(START, &ask::event(HALL), tokens).await.expect("an answer").expect("the event");
    let of = |rank: i64| score(1, rank + 1);
    let shown = board(&lane, 3).await;
    assert_eq!((shown.counts.waiting, shown.back), (300, 0));
    assert_eq!(shown.first, [of(0), of(1), of(2)]);
    let ranks: Vec<i64> = (3..200).chain((200..299).step_by(2)).chain([299]).collect();
    let wanted: Vec<(i64, i64)> = ranks.into_iter().map(|rank| (rank, of(rank))).collect();
    assert_eq!(shown.knots, wanted);
    for rank in 0..300 {
        assert_eq!(shown.ahead(of(rank)), Some(rank), "nobody is missing");
    }
    assert_eq!((shown.ahead(of(-1)), shown.ahead(of(300))), (None, None));
    assert_eq!(board(&lane, 300).await.knots, []);
    assert_eq!(board(&lane, 299).await.knots, [(299, of(299))]);
}

async fn a_board_of_an_empty_line(lane: Arc<dyn Lane>) {
    assert_eq!(lane.board(START, ask::showing(HALL, 500)).await.expect("an answer"), None);
    hall(&lane).await;
    let shown = board(&lane, 500).await;
    assert_eq!((shown.first, shown.knots, shown.back), (vec![], vec![], 0));
    assert_eq!(Some(shown.counts), lane.room(START, &ask::event(HALL)).await.expect("an answer"));
}

async fn a_board_says_who_is_back(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| (put.room.capacity, put.room.mode) = (1, Mode::Scheduled)).await;
    let (a, _) = entered(&lane, START, "a").await;
    entered(&lane, START, "b").await;
    hall_with(&lane, |put| (put.version, put.room.capacity) = (2, 1)).await;
    lane.pulse(START, ask::pulse(HALL)).await.expect("an answer");
    assert_eq!(polled(&lane, START + 10 * SECOND, &a).await, PlaceState::Waiting { ahead: 0 });
    let shown = board(&lane, 500).await;
    assert_eq!((shown.back, shown.counts.waiting, shown.first.clone()), (1, 2, vec![score(1, 2)]));
    assert_eq!((shown.ahead(score(1, 1)), shown.ahead(score(1, 2))), (None, Some(1)));
}

async fn a_board_says_up_to_whom_was_called(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| (put.room.capacity, put.room.mode) = (1, Mode::Scheduled)).await;
    for name in ["a", "b", "c"] {
        entered(&lane, START, name).await;
    }
    assert_eq!(board(&lane, 500).await.head, NO_HEAD);
    hall_with(&lane, |put| (put.version, put.room.capacity) = (2, 1)).await;
    let pulsed = lane.pulse(START + SECOND, ask::pulse(HALL)).await.expect("an answer").expect("the event");
    assert_eq!((pulsed.admitted, board(&lane, 500).await.head), (1, score(1, 1)));
    // The other two are absent when they are called, and then nobody waits.
    lane.leave(START, ask::token(HALL, "a", 1)).await.expect("an answer");
    let absent = START + 21 * SECOND;
    beats(&lane, 3, START + SECOND, absent).await;
    hall_with(&lane, |put| (put.version, put.room.capacity) = (4, 1)).await;
    lane.pulse(absent, ask::pulse(HALL)).await.expect("an answer");
    let shown = board(&lane, 500).await;
    assert_eq!((shown.head, shown.counts.late), (score(1, 3), 2), "called in vain is called");
}

async fn a_board_has_bounds(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    for exact in [-1, 0, 2_001] {
        let refused = lane.board(START, ask::showing(HALL, exact)).await;
        assert!(matches!(refused, Err(Fault::Contract { .. })), "{exact}: {refused:?}");
    }
}

async fn those_who_wait_are_marked_seen(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| (put.room.capacity, put.room.mode) = (1, Mode::Scheduled)).await;
    let (a, _) = entered(&lane, START, "a").await;
    let (b, _) = entered(&lane, START, "b").await;
    let at = START + 20 * SECOND;
    beats(&lane, 2, START, at).await;
    assert_eq!(present(&lane, at, &[&b, &b]).await, [Presence::Waiting; 2]);
    hall_with(&lane, |put| (put.version, put.room.capacity) = (3, 1)).await;
    let pulsed = lane.pulse(at, ask::pulse(HALL)).await.expect("an answer").expect("the event");
    assert_eq!((pulsed.absent, pulsed.admitted), (1, 1));
    assert_eq!(present(&lane, at, &[&a, &b]).await, [Presence::Back, Presence::Inside]);
}

async fn late_ones_come_back_and_lost_ones_are_put_back(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| (put.room.capacity, put.room.mode) = (1, Mode::Scheduled)).await;
    let (a, _) = entered(&lane, START, "a").await;
    let called = START + 20 * SECOND;
    beats(&lane, 2, START, called).await;
    hall_with(&lane, |put| (put.version, put.room.capacity) = (3, 1)).await;
    lane.pulse(called, ask::pulse(HALL)).await.expect("an answer");
    let lost = Token { score: score(0, 7), ..ask::token(HALL, "old", 7) };
    let lapsed = called + 30 * SECOND;
    assert_eq!(present(&lane, lapsed, &[&a]).await, [Presence::Gone], "left for the pulse to spend");
    assert_eq!(present(&lane, lapsed - 1, &[&a, &lost, &a]).await, [Presence::Back, Presence::Waiting, Presence::Back]);
    let shown = board(&lane, 500).await;
    assert_eq!((shown.back, shown.first), (1, vec![score(0, 7)]));
}

async fn nothing_is_claimed_or_ended(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.mode = Mode::Scheduled).await;
    let (token, _) = entered(&lane, START, "a").await;
    hall_with(&lane, |put| put.version = 2).await;
    lane.pulse(START, ask::pulse(HALL)).await.expect("an answer");
    let until = || async { lane.inside(START, &ask::event(HALL), &ask::visitor("a")).await.expect("an answer") };
    let called = until().await;
    assert_eq!(present(&lane, START + SECOND, &[&token]).await, [Presence::Inside]);
    assert_eq!(present(&lane, START + 10 * SECOND, &[&token]).await, [Presence::Inside], "past its time too");
    assert_eq!(until().await, called);
}

async fn who_is_through_is_gone(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 0).await;
    let (a, _) = entered(&lane, START, "a").await;
    let (b, _) = entered(&lane, START, "b").await;
    let other_round = Token { round: 2, ..b.clone() };
    assert!(lane.leave(START, a.clone()).await.expect("an answer"));
    let found = present(&lane, START, &[&a, &other_round, &b]).await;
    assert_eq!(found, [Presence::Gone, Presence::Gone, Presence::Waiting]);
    hall_with(&lane, |put| (put.version, put.room.mode) = (2, Mode::Closed)).await;
    assert_eq!(present(&lane, START, &[&b]).await, [Presence::Gone]);
    assert_eq!(present(&lane, START, &[]).await, []);
    let nowhere = lane.presence(START, &ask::event("nowhere"), vec![ask::token("nowhere", "a", 1)]).await;
    assert_eq!(nowhere.expect("an answer"), None);
}

async fn batches_have_bounds(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let good = ask::token(HALL, "kim", 1);
    let bad = [
        vec![good.clone(); 1_001],
        vec![good.clone(), ask::token("elsewhere", "kim", 1)],
        vec![good.clone(), Token { score: SCORES.end() + 1, ..good.clone() }],
        vec![good.clone(), Token { score: SCORES.start() - 1, ..good.clone() }],
    ];
    for tokens in bad {
        let refused = lane.presence(START, &ask::event(HALL), tokens).await;
        assert!(matches!(refused, Err(Fault::Contract { .. })), "{refused:?}");
    }
    assert_eq!(present(&lane, START, &vec![&good; 1_000]).await, vec![Presence::Inside; 1_000]);
}
