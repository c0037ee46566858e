//! Cases of `hold`, `get_hold` and `release`.

use std::sync::Arc;

use stanchion::facts::fault::Fault;
use stanchion::facts::hold::{HoldFact, HoldState};
use stanchion::facts::room::Mode;
use stanchion::lane::orders::CheckoutOutcome;
use stanchion::lane::seats::{HoldAsk, HoldOutcome, ReleaseOutcome, RowRuns, Want};
use stanchion::lane::{Lane, RECENT_MAX};

use super::cases;
use super::stage::{HALL, entered, hall, hall_with, held, inside, placed, seats};
use crate::lane::conformance::ask::{self, DAY, PRICE, SECOND, START};

cases![
    named_seats_all_or_none,
    a_repeat_answers_the_hold_as_it_stands,
    the_checks_come_in_order,
    no_hold_begins_after_the_places_own_end,
    the_first_hold_binds_the_visitor,
    who_is_through_is_bound_to_nobody,
    a_new_round_binds_nobody,
    what_ran_out_is_free_for_the_next,
    a_refusal_at_the_seats_leaves_the_sweep_done,
    a_hold_keeps_its_visitor_inside,
    the_best_block_is_picked,
    separate_seats_by_row_order,
    sold_out_or_no_block,
    rows_made_of_runs,
    malformed_wishes_are_the_callers_fault,
    a_hold_is_released_once,
    of_ended_holds_the_last_twenty_stay_whole,
    an_ordered_hold_is_not_released,
];

async fn hold(lane: &Arc<dyn Lane>, now_ms: i64, ask: HoldAsk) -> HoldOutcome {
    lane.hold(now_ms, ask).await.expect("an answer")
}

async fn named_seats_all_or_none(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let expected = HoldFact {
        id: ask::hold_id("h"),
        event: ask::event(HALL),
        user: ask::user("kim"),
        visitor: ask::visitor("kim"),
        digest: "d".to_owned(),
        state: HoldState::Held,
        seats: vec![0, 5],
        prices: vec![PRICE, 7],
        tariff: ask::tariff(),
        terms: Some(ask::terms()),
        earn_bp: 100,
        fee_bp: 500,
        created_ms: START,
        expires_ms: START + ask::HOLD_TTL_MS,
        order: None,
    };
    let want = Want::Named(vec![(0, PRICE), (5, 7)]);
    let outcome = hold(&lane, START, ask::hold(HALL, "h", "kim", want)).await;
    assert_eq!(outcome, HoldOutcome::Held(expected));
    let outcome = hold(&lane, START, ask::hold(HALL, "i", "kim", ask::named(&[4, 5]))).await;
    assert_eq!(outcome, HoldOutcome::Taken(vec![5]));
    let outcome = hold(&lane, START, ask::hold(HALL, "i", "kim", ask::named(&[11, 12]))).await;
    assert_eq!(outcome, HoldOutcome::Taken(vec![12]), "past the end");
    assert_eq!(seats(&lane).await, "hffffhffffff");
}

async fn of_ended_holds_the_last_twenty_stay_whole(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    for who in ["kim", "lee"] {
        inside(&lane, START, who).await;
    }
    let release = async |key: &str, who| lane.release(START, ask::release(HALL, key, who)).await.expect("an answer");
    held(&lane, START, "lee", "lee", &[1]).await;
    release("lee", "lee").await;
    let key = |at: usize| format!("h{at}");
    for at in 0..=RECENT_MAX {
        held(&lane, START, &key(at), "kim", &[0]).await;
        assert_eq!(release(&key(at), "kim").await, ReleaseOutcome::Released);
    }
    let known = async |key: &str| {
        let read = lane.get_hold(START, &ask::event(HALL), &ask::hold_id(key)).await;
        read.expect("an answer").map(|hold| hold.state)
    };
    assert_eq!(known(&key(0)).await, None, "the oldest is one too many");
    assert_eq!(known(&key(1)).await, Some(HoldState::Released));
    assert_eq!(known("lee").await, Some(HoldState::Released), "another user's");

    let again = |key: &str| ask::hold(HALL, key, "kim", ask::named(&[0]));
    assert_eq!(hold(&lane, START, again(&key(0))).await, HoldOutcome::Ended, "not a new hold");
    let other = HoldAsk { digest: "other".to_owned(), ..again(&key(0)) };
    assert_eq!(hold(&lane, START, other).await, HoldOutcome::KeyReused);
    assert_eq!(release(&key(0), "kim").await, ReleaseOutcome::NotFound);
    assert_eq!(seats(&lane).await, "ffffffffffff");

    // After a day all of them are dropped.
    lane.pulse(START + DAY, ask::pulse(HALL)).await.expect("an answer");
    assert_eq!(known(&key(1)).await, None);
    inside(&lane, START + DAY, "kim").await;
    let anew = hold(&lane, START + DAY, again(&key(0))).await;
    assert!(matches!(anew, HoldOutcome::Held(_)), "{anew:?}");
}

async fn a_repeat_answers_the_hold_as_it_stands(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let token = inside(&lane, START, "kim").await;
    let fact = held(&lane, START, "h", "kim", &[0]).await;
    let again = || ask::hold(HALL, "h", "kim", ask::named(&[0]));
    assert_eq!(hold(&lane, START, again()).await, HoldOutcome::Repeated(fact.clone()));
    let other = HoldAsk { digest: "other".to_owned(), ..again() };
    assert_eq!(hold(&lane, START, other).await, HoldOutcome::KeyReused);
    // A repeat is answered before any check of the room.
    lane.leave(START, token).await.expect("an answer");
    assert_eq!(hold(&lane, START, again()).await, HoldOutcome::Repeated(fact.clone()));
    let expired = HoldFact { state: HoldState::Expired, ..fact.clone() };
    assert_eq!(hold(&lane, fact.expires_ms, again()).await, HoldOutcome::Repeated(expired.clone()));
    let read = lane.get_hold(fact.expires_ms, &ask::event(HALL), &fact.id).await.expect("an answer");
    assert_eq!(read, Some(expired));
    let read = lane.get_hold(fact.expires_ms - 1, &ask::event(HALL), &fact.id).await.expect("an answer");
    assert_eq!(read, Some(fact.clone()));
    let unknown = lane.get_hold(START, &ask::event(HALL), &ask::hold_id("x")).await.expect("an answer");
    assert_eq!(unknown, None);
    let unknown = lane.get_hold(START, &ask::event("nowhere"), &fact.id).await.expect("an answer");
    assert_eq!(unknown, None);
}

async fn the_checks_come_in_order(lane: Arc<dyn Lane>) {
    let ask = || HoldAsk { seats_per_user: 0, ..ask::hold(HALL, "h", "kim", ask::named(&[12])) };
    assert_eq!(hold(&lane, START, ask()).await, HoldOutcome::NoEvent);
    for mode in [Mode::Scheduled, Mode::Closed] {
        hall_with(&lane, |put| put.room.mode = mode).await;
        assert_eq!(hold(&lane, START, ask()).await, HoldOutcome::NotOpen);
    }
    hall_with(&lane, |put| put.room.mode = Mode::Open).await;
    assert_eq!(hold(&lane, START, ask()).await, HoldOutcome::NotInside);
    inside(&lane, START, "kim").await;
    assert_eq!(hold(&lane, START + 60 * SECOND, ask()).await, HoldOutcome::NotInside, "a place past its time");
    held(&lane, START, "first", "kim", &[0]).await;
    let lee = HoldAsk { user: ask::user("lee"), ..ask() };
    assert_eq!(hold(&lane, START, lee).await, HoldOutcome::NotOwner);
    assert_eq!(hold(&lane, START, ask()).await, HoldOutcome::LimitExceeded { taken: 1 });
    for mode in [Mode::Paused, Mode::Drain] {
        hall_with(&lane, |put| put.room.mode = mode).await;
        let enough = HoldAsk { seats_per_user: 2, ..ask() };
        assert_eq!(
            hold(&lane, START, enough).await,
            HoldOutcome::Taken(vec![12]),
            "{mode:?}: a visitor inside may hold"
        );
    }
    hall_with(&lane, |put| put.room.capacity = 1).await;
    entered(&lane, START, "waits").await;
    let waits = HoldAsk { visitor: ask::visitor("waits"), ..ask() };
    assert_eq!(hold(&lane, START, waits).await, HoldOutcome::NotInside);
}

/// Without this rule, a visitor who holds, orders, cancels and holds again would keep a place inside for ever.
async fn no_hold_begins_after_the_places_own_end(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let end = START + 60 * SECOND;
    let mut at = end - 30 * SECOND;
    let first = held(&lane, at, "a", "kim", &[0]).await;
    placed(&lane, at, "o", &first, "a").await;
    held(&lane, end - 1, "b", "kim", &[1]).await;
    let ask = |key: &str| ask::hold(HALL, key, "kim", ask::named(&[2]));
    at = end;
    assert_eq!(hold(&lane, at, ask("c")).await, HoldOutcome::PlaceOver);
    let kim = ask::visitor("kim");
    let inside_until = lane.inside(at, &ask::event(HALL), &kim).await.expect("an answer");
    assert_eq!(inside_until, Some(end - 1 + ask::HOLD_TTL_MS), "the place lasts longer only for the hold under way");
    // A hold from before can still be ordered.
    let checkout = lane.checkout(at, ask::checkout(HALL, "p", "b", "kim", at)).await.expect("an answer");
    assert!(matches!(checkout, CheckoutOutcome::Placed(_)), "{checkout:?}");
    lane.pulse(at, ask::pulse(HALL)).await.expect("an answer");
    assert_eq!(hold(&lane, at, ask("d")).await, HoldOutcome::PlaceOver, "not by a later order either");
    assert!(matches!(hold(&lane, at, ask::hold(HALL, "a", "kim", ask::named(&[0]))).await, HoldOutcome::Repeated(_)));
}

async fn the_first_hold_binds_the_visitor(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let by = |key: &str, user: &str, seats: &[u32]| HoldAsk {
        user: ask::user(user),
        ..ask::hold(HALL, key, "kim", ask::named(seats))
    };
    let refused = HoldAsk { seats_per_user: 0, ..by("h", "park", &[0]) };
    assert_eq!(hold(&lane, START, refused).await, HoldOutcome::LimitExceeded { taken: 0 });
    assert!(matches!(hold(&lane, START, by("h", "lee", &[0])).await, HoldOutcome::Held(_)), "a refusal bound nobody");
    assert_eq!(hold(&lane, START, by("i", "kim", &[1])).await, HoldOutcome::NotOwner);
    lane.release(START, ask::release(HALL, "h", "lee")).await.expect("an answer");
    assert_eq!(hold(&lane, START, by("i", "kim", &[1])).await, HoldOutcome::NotOwner, "for good");
}

/// The user is bound to the place, and the binding ends with the place. Otherwise the lane would keep an entry for each
/// buyer that ever was.
async fn who_is_through_is_bound_to_nobody(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let token = inside(&lane, START, "kim").await;
    held(&lane, START, "h", "kim", &[0]).await;
    assert!(lane.leave(START, token).await.expect("an answer"));
    inside(&lane, START, "kim").await;
    let other = HoldAsk { user: ask::user("lee"), ..ask::hold(HALL, "i", "kim", ask::named(&[1])) };
    assert!(matches!(hold(&lane, START, other).await, HoldOutcome::Held(_)), "a new place");
}

async fn a_new_round_binds_nobody(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    held(&lane, START, "h", "kim", &[0]).await;
    for (version, mode) in [(2, Mode::Closed), (3, Mode::Open)] {
        hall_with(&lane, |put| (put.version, put.room.mode) = (version, mode)).await;
    }
    inside(&lane, START, "kim").await;
    let other = HoldAsk { user: ask::user("lee"), ..ask::hold(HALL, "i", "kim", ask::named(&[1])) };
    assert!(matches!(hold(&lane, START, other).await, HoldOutcome::Held(_)), "a new place");
}

async fn what_ran_out_is_free_for_the_next(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    inside(&lane, START, "lee").await;
    held(&lane, START, "h", "kim", &[0, 1, 2, 3]).await;
    let at = START + ask::HOLD_TTL_MS;
    let early = hold(&lane, at - 1, ask::hold(HALL, "i", "lee", ask::named(&[1]))).await;
    assert_eq!(early, HoldOutcome::Taken(vec![1]));
    held(&lane, at, "i", "lee", &[1]).await;
    assert_eq!(seats(&lane).await, "fhffffffffff");
    held(&lane, at, "j", "kim", &[4, 5, 6, 7]).await;
    let state = lane.get_hold(START, &ask::event(HALL), &ask::hold_id("h")).await.expect("an answer");
    assert_eq!(state.map(|hold| hold.state), Some(HoldState::Expired), "swept, whatever the time");
}

async fn a_refusal_at_the_seats_leaves_the_sweep_done(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    held(&lane, START, "h", "kim", &[0]).await;
    let at = START + ask::HOLD_TTL_MS;
    let outside = hold(&lane, at, ask::hold(HALL, "i", "lee", ask::named(&[12]))).await;
    assert_eq!(outside, HoldOutcome::NotInside);
    assert_eq!(seats(&lane).await, "hfffffffffff");
    let limit = HoldAsk { seats_per_user: 0, ..ask::hold(HALL, "i", "kim", ask::named(&[1])) };
    assert_eq!(hold(&lane, at, limit).await, HoldOutcome::LimitExceeded { taken: 0 });
    assert_eq!(seats(&lane).await, "ffffffffffff");
}

async fn a_hold_keeps_its_visitor_inside(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let until = async || lane.inside(START, &ask::event(HALL), &ask::visitor("kim")).await.expect("an answer");
    held(&lane, START, "h", "kim", &[0]).await;
    assert_eq!(until().await, Some(START + 60 * SECOND), "the place lasts longer than the hold");
    let long = HoldAsk { hold_ttl_ms: 90 * SECOND, ..ask::hold(HALL, "i", "kim", ask::named(&[1])) };
    hold(&lane, START, long).await;
    assert_eq!(until().await, Some(START + 90 * SECOND));
}

fn pick(key: &str, quantity: u32) -> HoldAsk {
    ask::hold(HALL, key, "kim", Want::Adjacent { rows: ask::rows(), quantity, price: PRICE })
}

async fn picked(lane: &Arc<dyn Lane>, key: &str, quantity: u32) -> Vec<u32> {
    match hold(lane, START, HoldAsk { seats_per_user: 12, ..pick(key, quantity) }).await {
        HoldOutcome::Held(fact) => {
            assert_eq!(fact.prices, vec![PRICE; fact.seats.len()]);
            fact.seats
        }
        outcome => panic!("{outcome:?}"),
    }
}

async fn the_best_block_is_picked(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    // The middle (1, 2) would leave two single seats, so an end is better: the lower one.
    assert_eq!(picked(&lane, "a", 2).await, [0, 1]);
    assert_eq!(picked(&lane, "b", 1).await, [2], "one of two is left single either way: the one nearer the middle");
    assert_eq!(picked(&lane, "c", 3).await, [4, 5, 6], "row 1 has no three; either end leaves one single");
    assert_eq!(picked(&lane, "d", 1).await, [3], "the first row that has a block, not the tidiest");
}

async fn separate_seats_by_row_order(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.blocked = vec![(1, 2)]).await;
    inside(&lane, START, "kim").await;
    let mut rows = ask::rows();
    rows.reverse();
    let want = Want::Separate { rows, quantity: 6, price: PRICE };
    let outcome = hold(&lane, START, HoldAsk { seats_per_user: 12, ..ask::hold(HALL, "h", "kim", want) }).await;
    let HoldOutcome::Held(fact) = outcome else { panic!("{outcome:?}") };
    assert_eq!(fact.seats, [0, 2, 4, 5, 6, 7], "ascending in the fact, whatever the order of rows");
    let want = Want::Separate { rows: ask::standing(), quantity: 2, price: PRICE };
    let outcome = hold(&lane, START, HoldAsk { seats_per_user: 12, ..ask::hold(HALL, "i", "kim", want) }).await;
    let HoldOutcome::Held(fact) = outcome else { panic!("{outcome:?}") };
    assert_eq!(fact.seats, [8, 9]);
}

async fn sold_out_or_no_block(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.blocked = vec![(1, 3), (4, 8)]).await;
    inside(&lane, START, "kim").await;
    assert_eq!(hold(&lane, START, pick("h", 2)).await, HoldOutcome::NoBlock);
    assert_eq!(hold(&lane, START, pick("h", 3)).await, HoldOutcome::SoldOut);
    let want = |quantity| Want::Separate { rows: ask::rows(), quantity, price: PRICE };
    assert_eq!(hold(&lane, START, ask::hold(HALL, "h", "kim", want(3))).await, HoldOutcome::SoldOut);
    let past = Want::Separate { rows: vec![RowRuns { runs: vec![(11, 5)] }], quantity: 2, price: PRICE };
    assert_eq!(hold(&lane, START, ask::hold(HALL, "h", "kim", past)).await, HoldOutcome::SoldOut);
}

async fn rows_made_of_runs(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    // The row is seats 6, 7, 0, 1 in this order, so 7 and 0 are neighbours.
    let rows = || vec![RowRuns { runs: vec![(6, 2), (0, 2)] }];
    held(&lane, START, "a", "kim", &[6]).await;
    let want = Want::Adjacent { rows: rows(), quantity: 3, price: PRICE };
    let outcome = hold(&lane, START, ask::hold(HALL, "b", "kim", want)).await;
    let HoldOutcome::Held(fact) = outcome else { panic!("{outcome:?}") };
    assert_eq!(fact.seats, [0, 1, 7]);
}

async fn malformed_wishes_are_the_callers_fault(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let none = Want::Adjacent { rows: ask::rows(), quantity: 0, price: PRICE };
    let none_separate = Want::Separate { rows: ask::rows(), quantity: 0, price: PRICE };
    for want in [ask::named(&[]), ask::named(&[1, 1]), ask::named(&[2, 1]), none, none_separate] {
        let answer = lane.hold(START, ask::hold(HALL, "h", "kim", want.clone())).await;
        assert!(matches!(answer, Err(Fault::Contract { .. })), "{want:?}: {answer:?}");
    }
}

async fn a_hold_is_released_once(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let release =
        async |at, key: &str, who: &str| lane.release(at, ask::release(HALL, key, who)).await.expect("an answer");
    assert_eq!(release(START, "h", "kim").await, ReleaseOutcome::NotFound);
    let nowhere = lane.release(START, ask::release("nowhere", "h", "kim")).await.expect("an answer");
    assert_eq!(nowhere, ReleaseOutcome::NotFound);
    inside(&lane, START, "kim").await;
    held(&lane, START, "h", "kim", &[0, 1]).await;
    assert_eq!(release(START, "h", "lee").await, ReleaseOutcome::NotOwner);
    assert_eq!(release(START, "h", "kim").await, ReleaseOutcome::Released);
    assert_eq!(release(START, "h", "kim").await, ReleaseOutcome::Ended);
    assert_eq!(seats(&lane).await, "ffffffffffff");
    held(&lane, START, "i", "kim", &[0, 1, 2, 3]).await;
    assert_eq!(release(START + ask::HOLD_TTL_MS, "i", "kim").await, ReleaseOutcome::Ended, "ran out");
    assert_eq!(seats(&lane).await, "hhhhffffffff", "and is left to the sweep");
}

async fn an_ordered_hold_is_not_released(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    placed(&lane, START, "o", &hold, "h").await;
    let outcome = lane.release(START, ask::release(HALL, "h", "kim")).await.expect("an answer");
    assert_eq!(outcome, ReleaseOutcome::Ordered);
}
