//! Cases of many entries in one step, draws, the pace, and rooms that are rebuilt.

use std::sync::Arc;

use stanchion::facts::checkpoint::{
    Checkpoint, DRAWS_MAX, DrawChange, DrawChanges, DrawsTaken, Insider, Look, SpentChunk,
};
use stanchion::facts::fault::Fault;
use stanchion::facts::ids::{LogId, VisitorId};
use stanchion::facts::place::{PlaceState, Token};
use stanchion::facts::room::{AdmissionOrder, Control, EPOCH, Mode, NO_HEAD, PACE_MAX, RoomCounts, score};
use stanchion::facts::time::Millis;
use stanchion::lane::Lane;
use stanchion::lane::recovery::EventRestore;
use stanchion::lane::rooms::{Enter, EnterOutcome, Entrant, PACE_MIN};
use stanchion::lane::seats::HoldOutcome;

use super::cases;
use super::stage::{HALL, enter, entered, hall, hall_with, held, inside, polled};
use crate::lane::conformance::ask::{self, SECOND, START};
use crate::lane::conformance::stores::next_generation;

cases![
    many_enter_in_their_order,
    whoever_is_named_twice_has_one_place,
    a_line_fills_up_in_the_middle_of_a_call,
    calls_have_bounds,
    the_drawn_stand_by_their_draw,
    draws_of_another_round_are_refused,
    drawing_is_over_at_the_opening,
    who_leaves_before_the_opening_is_not_drawn,
    a_spent_draw_is_the_visitors,
    changes_of_draws_are_told_in_pieces,
    what_the_ledger_told_is_no_change,
    the_drawn_are_read_in_pages,
    the_pace_follows_the_oldest_record,
    what_was_let_in_at_one_pace_halves_it_once,
    a_fixed_room_keeps_its_rate,
    who_is_inside_by_a_draw_was_drawn,
    what_moves_a_room_moves_the_log,
    a_room_comes_back_from_its_checkpoint,
    a_recovering_room_waits_for_its_visitors,
    rooms_recover_from_when_their_lane_opens,
    a_change_ends_no_drawing_whose_visitors_come_back,
    a_live_pass_puts_back_inside,
    a_checkpoint_says_who_is_called,
    a_rebuilt_place_keeps_its_own_end,
    who_was_called_in_vain_stays_so_when_the_lane_is_rebuilt,
];

async fn counts(lane: &Arc<dyn Lane>, now_ms: Millis) -> RoomCounts {
    lane.room(now_ms, &ask::event(HALL)).await.expect("an answer").expect("the event")
}

/// A look at the hall for a ledger that has the changes named by `told`.
async fn look(lane: &Arc<dyn Lane>, told: DrawsTaken) -> Look {
    lane.checkpoint(&ask::event(HALL), told).await.expect("an answer").expect("the event")
}

/// Said for a ledger that has no changes of draws.
fn nothing_told() -> DrawsTaken {
    DrawsTaken { round: 0, changes: 0, max: DRAWS_MAX }
}

async fn checkpoint(lane: &Arc<dyn Lane>) -> Checkpoint {
    look(lane, nothing_told()).await.room
}

fn states(outcomes: &[EnterOutcome]) -> Vec<PlaceState> {
    let state = |outcome: &EnterOutcome| match outcome {
        EnterOutcome::Entered { place, .. } | EnterOutcome::Known { place, .. } => place.state.clone(),
        other => panic!("{other:?}"),
    };
    outcomes.iter().map(state).collect()
}

async fn many_enter_in_their_order(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let outcomes = lane.enter(START, ask::enter_all(HALL, &["e", "a", "d", "b"])).await.expect("an answer");
    let admitted = PlaceState::Admitted { expires_ms: START + 60 * SECOND };
    let waiting = |ahead| PlaceState::Waiting { ahead };
    assert_eq!(states(&outcomes), [admitted.clone(), admitted, waiting(0), waiting(1)]);
    for (serial, outcome) in (1..).zip(&outcomes) {
        let EnterOutcome::Entered { score, place } = outcome else { panic!("{outcome:?}") };
        assert_eq!(*score, EPOCH + serial);
        let counts = (place.counts.inside, place.counts.waiting, place.counts.admitted_total);
        assert_eq!(counts, (2, 2, 2), "as they are after the last");
    }
    assert_eq!(lane.enter(START, ask::enter_all(HALL, &[])).await.expect("an answer"), []);
}

async fn whoever_is_named_twice_has_one_place(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 1).await;
    let outcomes = lane.enter(START, ask::enter_all(HALL, &["a", "b", "a", "b", "c"])).await.expect("an answer");
    let is_known: Vec<bool> = outcomes.iter().map(|outcome| matches!(outcome, EnterOutcome::Known { .. })).collect();
    assert_eq!(is_known, [false, false, true, true, false]);
    assert_eq!(states(&outcomes)[3..], [PlaceState::Waiting { ahead: 0 }, PlaceState::Waiting { ahead: 1 }]);
    let counts = counts(&lane, START).await;
    assert_eq!((counts.inside, counts.waiting), (1, 2));
}

async fn a_line_fills_up_in_the_middle_of_a_call(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 0).await;
    entered(&lane, START, "a").await;
    let ask = Enter { waiting_max: 3, ..ask::enter_all(HALL, &["b", "c", "d", "a", "e"]) };
    let outcomes = lane.enter(START, ask).await.expect("an answer");
    let is_full: Vec<bool> = outcomes.iter().map(|outcome| *outcome == EnterOutcome::Full).collect();
    assert_eq!(is_full, [false, false, true, false, true]);
    assert_eq!(entered(&lane, START, "f").await.0.score, EPOCH + 4, "a refused visitor uses no serial");
}

async fn calls_have_bounds(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 0).await;
    let names: Vec<String> = (0..501).map(|n| format!("v{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let refused = lane.enter(START, ask::enter_all(HALL, &names)).await;
    assert!(matches!(refused, Err(Fault::Contract { .. })), "{refused:?}");
    let all = lane.enter(START, ask::enter_all(HALL, &names[1..])).await.expect("500 are not too many");
    assert_eq!(states(&all)[499], PlaceState::Waiting { ahead: 499 });
    for draw in [0, 1, -(1 << 46) - 1] {
        let refused = lane.enter(START, drawing(&[("a", draw)])).await;
        assert!(matches!(refused, Err(Fault::Contract { .. })), "{draw}: {refused:?}");
    }
    for max in [0, 5_001] {
        let refused = lane.drawn(&ask::event(HALL), None, max).await;
        assert!(matches!(refused, Err(Fault::Contract { .. })), "{max}: {refused:?}");
        let refused = lane.checkpoint(&ask::event(HALL), DrawsTaken { max, ..nothing_told() }).await;
        assert!(matches!(refused, Err(Fault::Contract { .. })), "{max}: {refused:?}");
    }
}

/// Lets these visitors enter round 1 with these draws.
fn drawing(all: &[(&str, i64)]) -> Enter {
    let entrant = |(who, draw): &(&str, i64)| Entrant { visitor: ask::visitor(who), draw: Some(*draw) };
    Enter { visitors: all.iter().map(entrant).collect(), ..ask::enter_all(HALL, &[]) }
}

/// Puts a scheduled lottery with one place inside.
async fn lottery(lane: &Arc<dyn Lane>) {
    hall_with(lane, |put| {
        (put.room.mode, put.room.order, put.room.capacity) = (Mode::Scheduled, AdmissionOrder::Lottery, 1);
    })
    .await;
}

/// Puts the lottery in another mode.
async fn turned(lane: &Arc<dyn Lane>, version: i64, mode: Mode) {
    hall_with(lane, |put| {
        (put.version, put.room.order, put.room.capacity) = (version, AdmissionOrder::Lottery, 1);
        put.room.mode = mode;
    })
    .await;
}

async fn drawn(lane: &Arc<dyn Lane>, after: Option<&str>, max: usize) -> Vec<VisitorId> {
    let after = after.map(ask::visitor);
    lane.drawn(&ask::event(HALL), after.as_ref(), max).await.expect("an answer").expect("the event")
}

async fn the_drawn_stand_by_their_draw(lane: Arc<dyn Lane>) {
    lottery(&lane).await;
    let outcomes = lane.enter(START, drawing(&[("a", -5), ("c", -9), ("b", -9)])).await.expect("an answer");
    assert_eq!(states(&outcomes), vec![PlaceState::Scheduled; 3]);
    let again = enter(&lane, START, drawing(&[("a", -5)])).await;
    assert!(matches!(again, EnterOutcome::Known { score: -5, .. }), "{again:?}");
    assert!(counts(&lane, START).await.drawing);
    turned(&lane, 2, Mode::Open).await;
    let (late, state) = entered(&lane, START, "late").await;
    assert_eq!((late.score, state), (score(1, 4), PlaceState::Waiting { ahead: 3 }), "behind all who were drawn");
    lane.pulse(START, ask::pulse(HALL)).await.expect("an answer");
    let token = |who: &str, score| Token { score, ..ask::token(HALL, who, 1) };
    assert!(matches!(polled(&lane, START, &token("b", -9)).await, PlaceState::Admitted { .. }), "equal ones by id");
    assert_eq!(polled(&lane, START, &token("c", -9)).await, PlaceState::Waiting { ahead: 0 });
    assert_eq!(polled(&lane, START, &token("a", -5)).await, PlaceState::Waiting { ahead: 1 });
    let counts = counts(&lane, START).await;
    assert!(!counts.drawing);
    assert_eq!(
        drawn(&lane, None, 9).await,
        ["a", "b", "c"].map(ask::visitor),
        "a visitor who came later is not among them"
    );
}

async fn draws_of_another_round_are_refused(lane: Arc<dyn Lane>) {
    lottery(&lane).await;
    let other = Enter { round: 2, ..drawing(&[("a", -5)]) };
    assert_eq!(enter(&lane, START, other.clone()).await, EnterOutcome::OtherRound);
    turned(&lane, 2, Mode::Open).await;
    assert!(matches!(enter(&lane, START, other).await, EnterOutcome::Entered { .. }), "no draw counts any more");
}

async fn drawing_is_over_at_the_opening(lane: Arc<dyn Lane>) {
    lottery(&lane).await;
    turned(&lane, 2, Mode::Paused).await;
    assert!(counts(&lane, START).await.drawing, "the lane has not noticed yet that the room is not scheduled any more");
    turned(&lane, 3, Mode::Scheduled).await;
    assert!(!counts(&lane, START).await.drawing, "the next change notices it");
    let (token, _) = match enter(&lane, START, drawing(&[("a", -5)])).await {
        EnterOutcome::Entered { score, place } => (score, place),
        other => panic!("{other:?}"),
    };
    assert_eq!(token, score(1, 1), "a draw does not count any more");
    turned(&lane, 4, Mode::Closed).await;
    turned(&lane, 5, Mode::Scheduled).await;
    let counts = counts(&lane, START).await;
    assert_eq!((counts.round, counts.drawing), (2, true), "a new round draws again");
    let round = Enter { round: 2, ..drawing(&[("a", -5)]) };
    assert!(matches!(enter(&lane, START, round).await, EnterOutcome::Entered { score: -5, .. }));
}

async fn who_leaves_before_the_opening_is_not_drawn(lane: Arc<dyn Lane>) {
    lottery(&lane).await;
    lane.enter(START, drawing(&[("a", -5), ("b", -6)])).await.expect("an answer");
    let a = Token { score: -5, ..ask::token(HALL, "a", 1) };
    assert!(lane.leave(START, a.clone()).await.expect("an answer"));
    assert!(!lane.leave(START, a.clone()).await.expect("an answer"), "once");
    assert_eq!(drawn(&lane, None, 9).await, [ask::visitor("b")]);
    assert!(matches!(enter(&lane, START, drawing(&[("a", -5)])).await, EnterOutcome::Entered { score: -5, .. }));
    assert_eq!(drawn(&lane, None, 9).await, [ask::visitor("a"), ask::visitor("b")]);
    assert_eq!(polled(&lane, START, &a).await, PlaceState::Scheduled, "the mark is off");
    assert!(lane.leave(START, a.clone()).await.expect("an answer"));
    assert_eq!(polled(&lane, START, &a).await, PlaceState::Done, "no other device brings the place back");
    turned(&lane, 2, Mode::Open).await;
    assert!(matches!(enter(&lane, START, ask::enter(HALL, "a")).await, EnterOutcome::Entered { .. }));
    assert_eq!(polled(&lane, START, &a).await, PlaceState::Done, "nor does the old token, behind the new place");
}

async fn a_spent_draw_is_the_visitors(lane: Arc<dyn Lane>) {
    lottery(&lane).await;
    lane.enter(START, drawing(&[("a", -5), ("b", -5)])).await.expect("an answer");
    turned(&lane, 2, Mode::Open).await;
    lane.pulse(START, ask::pulse(HALL)).await.expect("an answer");
    let token = |who: &str| Token { score: -5, ..ask::token(HALL, who, 1) };
    assert!(lane.leave(START, token("a")).await.expect("an answer"));
    assert_eq!(polled(&lane, START, &token("a")).await, PlaceState::Done);
    assert_eq!(polled(&lane, START, &token("b")).await, PlaceState::Waiting { ahead: 0 }, "not b's fault");
    let Look { room, draws } = look(&lane, nothing_told()).await;
    assert_eq!((draws.changes, draws.spent, room.spent, room.head), (vec![spent("a")], 1, vec![], -5));
}

fn spent(who: &str) -> DrawChange {
    DrawChange::Spent(ask::visitor(who))
}

async fn changes_of_draws_are_told_in_pieces(lane: Arc<dyn Lane>) {
    lottery(&lane).await;
    lane.enter(START, drawing(&[("a", -5), ("b", -6), ("c", -7)])).await.expect("an answer");
    let leave = async |who: &str, score| {
        let token = Token { score, ..ask::token(HALL, who, 1) };
        assert!(lane.leave(START, token).await.expect("an answer"), "{who}");
    };
    leave("a", -5).await;
    enter(&lane, START, drawing(&[("a", -5)])).await;
    leave("b", -6).await;
    let told = |changes| DrawsTaken { round: 1, changes, max: 2 };
    let draws = async |told| look(&lane, told).await.draws;
    let first = DrawChanges {
        upto: 2,
        changes: vec![spent("a"), DrawChange::Unspent(ask::visitor("a"))],
        more: true,
        spent: 1,
    };
    assert_eq!(draws(told(0)).await, first);
    let rest = DrawChanges { upto: 3, changes: vec![spent("b")], more: false, spent: 1 };
    assert_eq!(draws(told(2)).await, rest);
    assert_eq!(draws(told(3)).await, DrawChanges { changes: vec![], ..rest.clone() });
    assert_eq!(draws(told(4)).await, first, "the ledger names more changes than there are");
    assert_eq!(draws(DrawsTaken { round: 2, ..told(2) }).await, first, "the ledger names another round");
    leave("c", -7).await;
    assert_eq!(draws(told(3)).await, DrawChanges { upto: 4, changes: vec![spent("c")], more: false, spent: 2 });
    turned(&lane, 2, Mode::Closed).await;
    turned(&lane, 3, Mode::Scheduled).await;
    assert_eq!(draws(told(4)).await, DrawChanges::default(), "a new round begins anew");
}

async fn what_the_ledger_told_is_no_change(lane: Arc<dyn Lane>) {
    let room = Checkpoint { round: 1, epoch: 1, serial: 3, head: NO_HEAD, ..Checkpoint::default() };
    rebuilt(&lane, room, &["a", "b"]).await;
    let draws = async || look(&lane, nothing_told()).await.draws;
    assert_eq!(draws().await, DrawChanges { spent: 2, ..DrawChanges::default() });
    let token = |who: &str| Token { score: -5, ..ask::token(HALL, who, 1) };
    assert_eq!(polled(&lane, START, &token("a")).await, PlaceState::Done);
    assert_eq!(polled(&lane, START, &token("c")).await, PlaceState::Waiting { ahead: 0 });
    assert!(lane.leave(START, token("c")).await.expect("an answer"));
    assert_eq!(draws().await, DrawChanges { upto: 1, changes: vec![spent("c")], more: false, spent: 3 });
}

async fn the_drawn_are_read_in_pages(lane: Arc<dyn Lane>) {
    lottery(&lane).await;
    lane.enter(START, drawing(&[("c", -1), ("a", -2), ("B", -3)])).await.expect("an answer");
    assert_eq!(drawn(&lane, None, 2).await, ["B", "a"].map(ask::visitor), "bytewise");
    assert_eq!(drawn(&lane, Some("a"), 2).await, [ask::visitor("c")]);
    assert_eq!(drawn(&lane, Some("c"), 2).await, []);
    assert_eq!(lane.drawn(&ask::event("nowhere"), None, 1).await.expect("an answer"), None);
}

/// Pulses the adaptive hall; returns its pace.
async fn paced(lane: &Arc<dyn Lane>, at: Millis) -> i64 {
    lane.pulse(at, ask::pulse(HALL)).await.expect("an answer");
    counts(lane, at).await.pace
}

async fn written(lane: &Arc<dyn Lane>, at: Millis, record: &str) {
    lane.append(at, vec![ask::expired(record, "o")]).await.expect("an answer");
}

async fn the_pace_follows_the_oldest_record(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| (put.room.control, put.room.capacity) = (Control::Adaptive, 100)).await;
    let after = |seconds: i64| START + seconds * SECOND;
    assert_eq!(paced(&lane, START).await, PACE_MAX);
    written(&lane, START, "x").await;
    assert_eq!(paced(&lane, after(2)).await, PACE_MAX, "not behind yet");
    assert_eq!(paced(&lane, after(3)).await, PACE_MAX / 2);
    assert_eq!(paced(&lane, after(6) - 1).await, PACE_MAX / 2, "the same delay");
    assert_eq!(paced(&lane, after(6)).await, PACE_MAX / 2, "once a second");
    assert_eq!(paced(&lane, after(7)).await, PACE_MAX / 4, "twice as old");
    for second in 8..1_000 {
        paced(&lane, after(second)).await;
    }
    assert_eq!(counts(&lane, START).await.pace, PACE_MIN);
    // 6,000 a minute at a pace of one per cent are one a second.
    let names: Vec<String> = (0..10).map(|n| format!("v{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let let_in = states(&lane.enter(after(1_000), ask::enter_all(HALL, &names)).await.expect("an answer"));
    assert_eq!(let_in.iter().filter(|state| matches!(state, PlaceState::Admitted { .. })).count(), 1);
    lane.trim(LogId(99)).await.expect("an answer");
    assert_eq!(paced(&lane, after(1_001)).await, PACE_MIN + 50);
    for second in 1_002..1_030 {
        paced(&lane, after(second)).await;
    }
    assert_eq!(counts(&lane, START).await.pace, PACE_MAX, "never above the rate");
}

async fn what_was_let_in_at_one_pace_halves_it_once(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| (put.room.control, put.room.capacity) = (Control::Adaptive, 100)).await;
    let after = |seconds: i64| START + seconds * SECOND;
    // From the fourth second on the log is trimmed again. Records from before the halving are late for a while.
    for (second, record) in [(0, "a"), (1, "b"), (2, "c"), (3, "d"), (4, "e")] {
        written(&lane, after(second), record).await;
    }
    assert_eq!(paced(&lane, after(3)).await, PACE_MAX / 2);
    for (upto, second) in [(1, 4), (2, 5), (3, 6)] {
        lane.trim(LogId(upto)).await.expect("an answer");
        assert_eq!(
            paced(&lane, after(second)).await,
            PACE_MAX / 2,
            "the oldest record is from before the halving, in second {second}"
        );
    }
    // Now the oldest record was written at the new pace.
    lane.trim(LogId(4)).await.expect("an answer");
    assert_eq!(paced(&lane, after(6) + 999).await, PACE_MAX / 2, "once a second");
    assert_eq!(paced(&lane, after(7)).await, PACE_MAX / 4);
    assert_eq!(paced(&lane, after(8)).await, PACE_MAX / 4, "the oldest record was written before the second halving");
    lane.trim(LogId(99)).await.expect("an answer");
    assert_eq!(paced(&lane, after(9)).await, PACE_MAX / 4 + 50, "and by little and little up again");
}

async fn a_fixed_room_keeps_its_rate(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    lane.append(START, vec![ask::expired("x", "o")]).await.expect("an answer");
    lane.pulse(START + 60 * SECOND, ask::pulse(HALL)).await.expect("an answer");
    assert_eq!(counts(&lane, START).await.pace, PACE_MAX);
}

async fn who_is_inside_by_a_draw_was_drawn(lane: Arc<dyn Lane>) {
    let insider = |visitor: &str, score| Insider {
        visitor: ask::visitor(visitor),
        score,
        expires_ms: START + 60 * SECOND,
        claimed: true,
        again: false,
        ends_ms: None,
    };
    let inside = vec![insider("a", -5), insider("b", EPOCH + 1)];
    let room =
        Checkpoint { round: 1, epoch: 1, serial: 3, head: NO_HEAD, drawing: true, inside, ..Checkpoint::default() };
    rebuilt(&lane, room, &[]).await;
    assert_eq!(drawn(&lane, None, 9).await, [ask::visitor("a")]);
}

async fn what_moves_a_room_moves_the_log(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.capacity = 1).await;
    let last = || async { lane.meta().await.expect("an answer").log_last.0 };
    let a = inside(&lane, START, "a").await;
    assert_eq!(last().await, 1);
    let (b, _) = entered(&lane, START, "b").await;
    assert_eq!(last().await, 2);
    polled(&lane, START, &b).await;
    enter(&lane, START, ask::enter(HALL, "b")).await;
    lane.pulse(START, ask::pulse(HALL)).await.expect("an answer");
    assert_eq!(last().await, 2, "nothing moved");
    lane.leave(START, a.clone()).await.expect("an answer");
    assert_eq!(last().await, 3);
    lane.leave(START, a).await.expect("an answer");
    assert_eq!(last().await, 3, "gone already");
    lane.pulse(START + SECOND, ask::pulse(HALL)).await.expect("an answer");
    assert_eq!(last().await, 4, "b was called");
    lane.append(START, vec![ask::expired("x", "o")]).await.expect("an answer");
    assert_eq!(lane.read_log(LogId(0), 9).await.expect("an answer")[0].log, LogId(5), "records go on from there");
    for (version, last_id) in [(2, 6), (3, 6)] {
        hall_with(&lane, |put| (put.version, put.room.mode) = (version, Mode::Closed)).await;
        assert_eq!(last().await, last_id, "closed once");
        assert!(checkpoint(&lane).await.closed);
    }
    hall_with(&lane, |put| put.version = 4).await;
    assert_eq!(last().await, 7, "a new round");
    assert!(!checkpoint(&lane).await.closed);
}

/// Rebuilds the hall from a checkpoint under epoch 7. It recovers for five seconds.
async fn rebuilt(lane: &Arc<dyn Lane>, checkpoint: Checkpoint, spent_draws: &[&str]) {
    let generation = next_generation();
    lane.begin_restore(START, generation, LogId(50)).await.expect("a new generation");
    let restore = EventRestore {
        generation,
        put: ask::put(HALL),
        epoch: 7,
        checkpoint: Some(checkpoint),
        spent_draws: spent_draws.iter().map(|who| ask::visitor(who)).collect(),
        recover_ms: 5 * SECOND,
        orders: vec![],
    };
    for _ in 0..2 {
        lane.restore_event(START, restore.clone()).await.expect("while restoring");
    }
    lane.end_restore(START, generation).await.expect("the same generation");
}

async fn a_rebuilt_place_keeps_its_own_end(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let end = START + 60 * SECOND;
    held(&lane, end - SECOND, "a", "kim", &[0]).await;
    let room = checkpoint(&lane).await;
    assert_eq!(room.inside[0].ends_ms, Some(end));
    rebuilt(&lane, room.clone(), &[]).await;
    assert_eq!(checkpoint(&lane).await.inside, room.inside);
    let hold = |at, key| lane.hold(at, ask::hold(HALL, key, "kim", ask::named(&[1])));
    assert_eq!(hold(end, "b").await.expect("an answer"), HoldOutcome::PlaceOver);
    assert!(matches!(hold(end - 1, "c").await, Ok(HoldOutcome::Held(_))));
}

async fn who_was_called_in_vain_stays_so_when_the_lane_is_rebuilt(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| (put.room.capacity, put.room.mode) = (2, Mode::Scheduled)).await;
    let (once, _) = entered(&lane, START, "once").await;
    let (twice, _) = entered(&lane, START + SECOND, "twice").await;
    hall_with(&lane, |put| (put.version, put.room.capacity) = (2, 1)).await;
    lane.pulse(START, ask::pulse(HALL)).await.expect("an answer");
    // The first is called and comes too late; then both are called, one of them again.
    let first = START + 10 * SECOND;
    assert_eq!(polled(&lane, first, &once).await, PlaceState::Waiting { ahead: 0 });
    hall_with(&lane, |put| (put.version, put.room.capacity) = (3, 2)).await;
    lane.pulse(first, ask::pulse(HALL)).await.expect("an answer");
    let room = checkpoint(&lane).await;
    let called: Vec<_> = room.inside.iter().map(|place| (place.visitor.as_str(), place.claimed, place.again)).collect();
    assert_eq!(called, [(once.visitor.as_str(), false, true), (twice.visitor.as_str(), false, false)]);
    rebuilt(&lane, room.clone(), &[]).await;
    assert_eq!(checkpoint(&lane).await.inside, room.inside);
    let second = first + 10 * SECOND;
    assert_eq!(polled(&lane, second, &once).await, PlaceState::Done, "in vain twice");
    assert_eq!(polled(&lane, second, &twice).await, PlaceState::Waiting { ahead: 0 }, "in vain once");
    rebuilt(&lane, room, &[]).await;
    let pulsed = lane.pulse(second, ask::pulse(HALL)).await.expect("an answer").expect("an event");
    assert_eq!((pulsed.unclaimed, pulsed.expired), (2, 0), "neither has claimed the place");
}

/// A hall with `a` inside, `gone` spent and `b` waiting is lost and rebuilt.
async fn lost(lane: &Arc<dyn Lane>) -> [Token; 3] {
    hall(lane).await;
    let a = inside(lane, START, "a").await;
    let gone = inside(lane, START, "gone").await;
    let (b, _) = entered(lane, START, "b").await;
    lane.leave(START, gone.clone()).await.expect("an answer");
    let before = checkpoint(lane).await;
    let insider = Insider {
        visitor: ask::visitor("a"),
        score: a.score,
        expires_ms: START + 60 * SECOND,
        claimed: true,
        again: false,
        ends_ms: None,
    };
    let mut spent = SpentChunk { chunk: gone.score / 1_024, bits: [0; 128] };
    spent.mark(gone.score);
    let wanted = Checkpoint {
        round: 1,
        epoch: 1,
        serial: 3,
        admitted_total: 2,
        head: NO_HEAD,
        drawing: false,
        closed: false,
        inside: vec![insider],
        spent: vec![spent],
    };
    assert_eq!(before, wanted);
    rebuilt(lane, before, &[]).await;
    [a, gone, b]
}

async fn a_room_comes_back_from_its_checkpoint(lane: Arc<dyn Lane>) {
    let [a, gone, b] = lost(&lane).await;
    let counts = counts(&lane, START).await;
    assert_eq!((counts.mode, counts.round, counts.epoch), (Mode::Recovering, 1, 7));
    assert_eq!((counts.inside, counts.waiting, counts.admitted_total), (1, 0, 2));
    assert_eq!(polled(&lane, START, &a).await, PlaceState::Admitted { expires_ms: START + 60 * SECOND });
    assert_eq!(polled(&lane, START, &gone).await, PlaceState::Done, "nobody gets in twice");
    let (newcomer, state) = entered(&lane, START, "new").await;
    assert_eq!((newcomer.score, state), (score(7, 4), PlaceState::Waiting { ahead: 0 }));
    assert_eq!(polled(&lane, START, &b).await, PlaceState::Waiting { ahead: 0 }, "before the newcomer");
    assert_eq!(polled(&lane, START, &newcomer).await, PlaceState::Waiting { ahead: 1 });
    assert_eq!(checkpoint(&lane).await.epoch, 7);
}

async fn a_recovering_room_waits_for_its_visitors(lane: Arc<dyn Lane>) {
    let [.., b] = lost(&lane).await;
    polled(&lane, START, &b).await;
    let at = START + 5 * SECOND;
    lane.pulse(at - 1, ask::pulse(HALL)).await.expect("an answer");
    assert_eq!(counts(&lane, at - 1).await.inside, 1, "nobody is let in");
    let held_too_early = lane.hold(at - 1, ask::hold(HALL, "h", "a", ask::named(&[0]))).await;
    assert!(matches!(held_too_early, Err(Fault::Recovering(_))), "{held_too_early:?}");
    assert_eq!(counts(&lane, at).await.mode, Mode::Open);
    held(&lane, at, "h", "a", &[0]).await;
    // The bucket starts empty, because nobody knows how many were let in just before the loss.
    lane.pulse(at, ask::pulse(HALL)).await.expect("an answer");
    assert!(matches!(polled(&lane, at, &b).await, PlaceState::Admitted { .. }));
    assert_eq!(counts(&lane, at).await.inside, 2);
}

/// It does not matter how long the other events of the lane took to be restored.
async fn rooms_recover_from_when_their_lane_opens(lane: Arc<dyn Lane>) {
    let generation = next_generation();
    let after = |seconds: i64| START + seconds * SECOND;
    lane.begin_restore(START, generation, LogId(50)).await.expect("a new generation");
    for (name, at, recover_ms) in [(HALL, after(1), 5 * SECOND), ("club", after(60), 9 * SECOND), ("bar", after(60), 0)]
    {
        let restore = EventRestore {
            generation,
            put: ask::put(name),
            epoch: 7,
            checkpoint: None,
            spent_draws: vec![],
            recover_ms,
            orders: vec![],
        };
        lane.restore_event(at, restore).await.expect("while restoring");
    }
    lane.end_restore(after(90), generation).await.expect("the same generation");
    lane.end_restore(after(94), generation).await.expect("a repeat");
    for (name, opens_s) in [(HALL, 95), ("club", 99), ("bar", 90)] {
        let mode = async |at| lane.room(at, &ask::event(name)).await.expect("an answer").expect("the event").mode;
        if opens_s > 90 {
            assert_eq!(mode(after(90)).await, Mode::Recovering, "{name}");
            assert_eq!(mode(after(opens_s) - 1).await, Mode::Recovering, "{name}");
        }
        assert_eq!(mode(after(opens_s)).await, Mode::Open, "{name}");
    }
}

async fn a_change_ends_no_drawing_whose_visitors_come_back(lane: Arc<dyn Lane>) {
    let room = Checkpoint { round: 1, epoch: 1, serial: 3, head: NO_HEAD, drawing: true, ..Checkpoint::default() };
    rebuilt(&lane, room, &[]).await;
    hall_with(&lane, |put| put.version = 2).await;
    lane.pulse(START, ask::pulse(HALL)).await.expect("an answer");
    assert!(counts(&lane, START).await.drawing);
    lane.pulse(START + 5 * SECOND, ask::pulse(HALL)).await.expect("an answer");
    assert!(!counts(&lane, START + 5 * SECOND).await.drawing, "all had their time");
}

async fn a_live_pass_puts_back_inside(lane: Arc<dyn Lane>) {
    let [a, gone, b] = lost(&lane).await;
    let until = START + 40 * SECOND;
    let readmit =
        async |at, token: &Token, until_ms| lane.readmit(at, token.clone(), until_ms).await.expect("an answer");
    assert!(readmit(START, &a, until).await, "is inside");
    assert!(!readmit(START, &gone, until).await, "is through");
    assert!(!readmit(START, &b, START).await, "the pass is over");
    assert!(!readmit(START, &Token { round: 2, ..b.clone() }, until).await, "the token is of another round");
    polled(&lane, START, &b).await;
    assert!(readmit(START, &b, until).await, "from the line");
    assert_eq!(polled(&lane, START, &b).await, PlaceState::Admitted { expires_ms: until }, "claimed");
    let c = ask::token(HALL, "c", 3);
    assert!(!readmit(START, &c, until).await, "never above the capacity");
    assert!(!readmit(START + 5 * SECOND, &c, until).await, "and only while it recovers");
    let counts = counts(&lane, START).await;
    assert_eq!((counts.inside, counts.waiting), (2, 0));
    let nowhere = Token { event: ask::event("nowhere"), ..c };
    assert!(!readmit(START, &nowhere, until).await);
}

async fn a_checkpoint_says_who_is_called(lane: Arc<dyn Lane>) {
    hall_with(&lane, |put| put.room.mode = Mode::Scheduled).await;
    let (a, _) = entered(&lane, START, "a").await;
    hall_with(&lane, |put| put.version = 2).await;
    lane.pulse(START, ask::pulse(HALL)).await.expect("an answer");
    let called = checkpoint(&lane).await;
    assert_eq!((called.inside[0].claimed, called.head), (false, a.score));
    rebuilt(&lane, called.clone(), &[]).await;
    assert_eq!(checkpoint(&lane).await, Checkpoint { epoch: 7, ..called });
    assert_eq!(polled(&lane, START + 10 * SECOND, &a).await, PlaceState::Waiting { ahead: 0 }, "called in vain, back");
    assert_eq!(lane.checkpoint(&ask::event("nowhere"), nothing_told()).await.expect("an answer"), None);
}
