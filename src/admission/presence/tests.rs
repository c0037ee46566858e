use super::*;
use crate::facts::ids::VisitorId;

fn room() -> Room {
    let (patience_ms, absent_ms, stay_ms) = (30_000, 60_000, 600_000);
    Room {
        event: "hall".into(),
        lane: crate::facts::ids::LaneId(0),
        patience_ms,
        absent_ms,
        grace_ms: 300_000,
        stay_ms,
        recover_ms: 75_000,
        draw: None,
        birth: None,
    }
}

fn token(serial: i64) -> Token {
    Token { event: "hall".into(), visitor: VisitorId::from(format!("v{serial}")), score: serial, round: 1 }
}

/// A place as the board of this epoch shows it.
fn spot(epoch: i64, ahead: i64, strangers: Strangers) -> Spot {
    Spot { epoch, ahead, strangers }
}

fn shown(presences: &Presences, tick: Millis, ahead: i64, strangers: Strangers) -> Shown {
    presences.shown(Tick(tick), &room(), &token(1), spot(1, ahead, strangers))
}

/// How many the lane is told of now.
fn told(presences: &Presences) -> usize {
    presences.take(|_| true).iter().map(|(_, tokens)| tokens.len()).sum()
}

use Strangers::{Answered, Asked, Awaited};

#[test]
fn a_shown_position_never_grows() {
    let presences = Presences::default();
    assert_eq!(shown(&presences, 0, 9, Asked), Shown::Unknown);
    assert_eq!(presences.met(Tick(0), &token(1), 1, 7), 7);
    assert_eq!(shown(&presences, 1, 9, Asked), Shown::Ahead(7));
    assert_eq!(shown(&presences, 2, 3, Asked), Shown::Ahead(3));
    assert_eq!(presences.met(Tick(3), &token(1), 1, 8), 3);
    presences.set_elsewhere(Tick(3), &token(1));
    assert_eq!(shown(&presences, 3, 8, Asked), Shown::Unknown);
    assert_eq!(presences.met(Tick(3), &token(1), 1, 8), 8, "another stay");
}

#[test]
fn a_stranger_whom_the_board_may_answer_is_told_of_once() {
    let presences = Presences::default();
    assert_eq!(shown(&presences, 0, 9, Answered), Shown::Ahead(9));
    assert_eq!((told(&presences), told(&presences)), (1, 0));
    assert_eq!(shown(&presences, 1_000, 10, Asked), Shown::Ahead(9), "no stranger any more");
    assert_eq!(told(&presences), 0);
}

#[test]
fn who_was_told_of_too_long_ago_is_a_stranger() {
    for (tick, wanted) in [(44_960, Shown::Ahead(5)), (45_000, Shown::Unknown)] {
        let presences = Presences::default();
        presences.met(Tick(0), &token(1), 1, 5);
        assert_eq!(presences.knows(Tick(tick), &room(), &token(1)), wanted != Shown::Unknown);
        assert_eq!(shown(&presences, tick, 5, Asked), wanted);
    }
}

#[test]
fn who_does_not_wait_in_line_is_asked_for_until_the_lane_says_they_do() {
    let presences = Presences::default();
    shown(&presences, 0, 9, Answered);
    presences.set_elsewhere(Tick(100), &token(1));
    assert_eq!(shown(&presences, 200, 9, Answered), Shown::Unknown);
    assert_eq!(presences.shown(Tick(300), &room(), &token(1), spot(2, 9, Answered)), Shown::Unknown, "rebuilt or not");
    presences.met(Tick(400), &token(1), 1, 4);
    assert_eq!(shown(&presences, 500, 9, Asked), Shown::Ahead(4));
    // A room that waits for everybody hears of them all the same.
    presences.set_elsewhere(Tick(600), &token(1));
    told(&presences);
    assert_eq!(presences.shown(Tick(700), &room(), &token(1), spot(2, 0, Awaited)), Shown::Ahead(0));
    assert_eq!(told(&presences), 1);
}

#[test]
fn whom_a_lane_could_not_be_told_of_it_is_told_of_by_the_next_poll() {
    let presences = Presences::default();
    shown(&presences, 0, 9, Answered);
    assert_eq!(told(&presences), 1);
    presences.set_untold(&token(1));
    assert_eq!(shown(&presences, 1_000, 9, Asked), Shown::Unknown, "nobody has seen them yet");
    assert_eq!(shown(&presences, 1_000, 10, Answered), Shown::Ahead(9));
    assert_eq!(told(&presences), 1);
    // A silent lane does not undo what it said before: they do not wait.
    presences.set_elsewhere(Tick(1_000), &token(1));
    presences.set_untold(&token(1));
    assert_eq!(shown(&presences, 1_000, 9, Answered), Shown::Unknown);
}

#[test]
fn before_the_opening_nothing_is_shown_that_could_grow() {
    let presences = Presences::default();
    presences.met(Tick(0), &token(1), 1, i64::MAX);
    assert_eq!(shown(&presences, 1, 5_000_000, Asked), Shown::Ahead(5_000_000));
}

#[test]
fn a_rebuilt_lane_is_told_at_once_and_the_lowest_position_stays() {
    let presences = Presences::default();
    presences.met(Tick(0), &token(1), 1, 3);
    assert_eq!(presences.shown(Tick(1), &room(), &token(1), spot(2, 5, Asked)), Shown::Unknown);
    assert_eq!(presences.shown(Tick(1), &room(), &token(1), spot(2, 5, Answered)), Shown::Ahead(3));
    assert_eq!(told(&presences), 1);
    assert_eq!(presences.met(Tick(2), &token(1), 2, 5), 3);
}

#[test]
fn a_lane_is_told_once_in_a_third_of_the_absence() {
    let told_at = |absent_ms, polls: [Millis; 6]| {
        let (presences, room) = (Presences::default(), Room { absent_ms, ..room() });
        presences.met(Tick(0), &token(1), 1, 5);
        polls.map(|tick| {
            assert_eq!(presences.shown(Tick(tick), &room, &token(1), spot(1, 5, Asked)), Shown::Ahead(5));
            told(&presences)
        })
    };
    assert_eq!(told_at(60_000, [10_000, 19_959, 20_000, 20_001, 39_959, 40_000]), [0, 0, 1, 0, 0, 1]);
    // However long the absence, the lane is told well before the place is forgotten here.
    assert_eq!(told_at(86_400_000, [200_000, 299_900, 300_000, 400_000, 599_900, 600_000]), [0, 0, 1, 0, 0, 1]);
}

#[test]
fn who_is_not_polled_for_is_forgotten() {
    let presences = Presences::default();
    presences.set_elsewhere(Tick(0), &token(1));
    assert_eq!(shown(&presences, KNOWN_MS - TICK_MS, 5, Answered), Shown::Unknown);
    assert_eq!(shown(&presences, KNOWN_MS, 5, Answered), Shown::Ahead(5));
}

#[test]
fn a_small_batch_waits_for_more_and_a_large_one_does_not() {
    let ripe = |room: Room, tokens: i64| {
        let presences = Presences::default();
        for serial in 1..=tokens {
            presences.shown(Tick(1_000), &room, &token(serial), spot(1, 5, Answered));
        }
        let ticks = [1_000, 1_100, 1_166, 2_999, 3_000];
        ticks.into_iter().find(|tick| !presences.take(|batch| batch.is_ripe(Tick(*tick))).is_empty())
    };
    assert_eq!(ripe(room(), 249), Some(3_000));
    assert_eq!(ripe(room(), 250), Some(1_000));
    assert_eq!(ripe(Room { absent_ms: 2_000, ..room() }, 1), Some(1_166), "a twelfth of the absence");
    assert_eq!(ripe(Room { recover_ms: 1_200, ..room() }, 1), Some(1_100), "or of the time to come back");
}

#[test]
fn what_is_due_is_bounded_and_goes_in_batches() {
    let presences = Presences { due_max: 2_500, ..Presences::default() };
    let tell = |serial| presences.shown(Tick(0), &room(), &token(serial), spot(1, 5, Answered));
    for serial in 1..=2_500 {
        assert_eq!(tell(serial), Shown::Ahead(5));
    }
    assert_eq!((tell(2_501), tell(1)), (Shown::Full, Shown::Ahead(5)), "but who is known is answered");
    let sizes: Vec<usize> = presences.take(|_| true).iter().map(|(_, tokens)| tokens.len()).collect();
    assert_eq!(sizes, [1_000, 1_000, 500]);
    assert_eq!(tell(2_501), Shown::Ahead(5), "told: there is room again");
}

#[test]
fn what_is_known_is_small_and_bounded() {
    assert!(size_of::<(PlaceHash, KnownPlace)>() <= 24);
    let presences = Presences { part_max: 100, ..Presences::default() };
    let known = || presences.parts.iter().map(|part| part.lock().len()).sum::<usize>();
    for serial in 0..5_000 {
        presences.met(Tick(0), &token(serial), 1, 5);
    }
    assert!(known() > 4_000, "there was room: {}", known());
    for serial in 5_000..50_000 {
        match serial % 3 {
            0 => drop(presences.met(Tick(1_000), &token(serial), 1, 5)),
            1 => presences.set_elsewhere(Tick(1_000), &token(serial)),
            _ => drop(presences.shown(Tick(1_000), &room(), &token(serial), spot(1, 5, Answered))),
        }
    }
    assert!(known() <= 100 * PARTS, "{}", known());
}
