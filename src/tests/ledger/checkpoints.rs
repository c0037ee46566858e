//! Rooms in the ledger: a saved room reads back as it was, only differences are written, and a writer that lost its
//! lane writes nothing.

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use stanchion::facts::checkpoint::{Checkpoint, DrawChange, DrawChanges, Insider, Look, SpentChunk};
use stanchion::facts::ids::{EventId, LaneId, LogId, VisitorId};
use stanchion::ledger::Ledger;
use stanchion::ledger::catalog::{LaneMark, Put};
use stanchion::ledger::checkpoints::{Save, Saved};

use crate::ledger::rows::{embedded, mysql, on_both, run};

on_both! {
    a_room_reads_back
    only_differences_are_written
    changes_of_draws_add_up
    a_new_round_leaves_nothing_of_the_old_one
    a_first_save_of_a_stored_room_writes_nothing
    a_writer_that_lost_its_lane_writes_nothing
    a_save_over_another_one_writes_nothing
    two_saves_of_one_moment_are_two
    the_lanes_mark_rises_and_never_falls
    a_large_room
}

const LANE: LaneId = LaneId(3);
const GENERATION: u64 = 4;

fn hall() -> EventId {
    EventId::from("hall")
}

async fn lane_of(ledger: &Ledger, generation: u64) {
    let before = ledger.lane_mark(LANE).await.expect("reads").generation;
    let mark = LaneMark { generation, log_last: LogId(0), epoch: 1 };
    assert_eq!(ledger.set_lane_mark(LANE, before, mark).await.expect("stores"), Put::Done);
}

/// A save under the lane's generation, with nothing in its log.
fn save<'a>(event: &'a EventId, before: Option<&'a Saved>, after: &'a Look, now_ms: i64) -> Save<'a> {
    Save { lane: LANE, generation: GENERATION, log_last: LogId(0), event, before, after, now_ms }
}

async fn stored(ledger: &Ledger, save: Save<'_>) -> Saved {
    assert_eq!(ledger.save_room(save).await.expect("answers"), Put::Done);
    let saved = save.saved();
    assert_eq!(ledger.room_checkpoint(save.event).await.expect("reads").as_ref(), Some(&saved));
    saved
}

/// The visitors whose draws are spent, in order of id.
async fn spent_draws(ledger: &Ledger, event: &EventId) -> Vec<String> {
    ledger.spent_draws(event).await.expect("reads").into_iter().map(VisitorId::into_string).collect()
}

async fn refused(ledger: &Ledger, save: Save<'_>) {
    let was = ledger.room_checkpoint(save.event).await.expect("reads");
    let were_spent = spent_draws(ledger, save.event).await;
    let mark = ledger.lane_mark(LANE).await.expect("reads");
    assert_eq!(ledger.save_room(save).await.expect("answers"), Put::Conflict);
    assert_eq!(ledger.room_checkpoint(save.event).await.expect("reads"), was);
    assert_eq!(spent_draws(ledger, save.event).await, were_spent);
    assert_eq!(ledger.lane_mark(LANE).await.expect("reads"), mark, "not even the lane's mark");
}

fn insider(visitor: &str, score: i64) -> Insider {
    let (claimed, again) = (score % 2 == 0, score % 3 == 0 && score % 2 != 0);
    let ends_ms = (score % 5 == 0).then_some(8_000 + score);
    Insider { visitor: VisitorId::from(visitor), score, expires_ms: 9_000 + score, claimed, again, ends_ms }
}

fn chunk(number: i64, byte: u8) -> SpentChunk {
    let mut bits = [0; 128];
    bits[127] = byte;
    SpentChunk { chunk: number, bits }
}

/// The first look of a round: it contains all spent draws.
fn look(room: Checkpoint, spent: &[&str]) -> Look {
    Look { room, draws: news(0, &spent.iter().map(|visitor| (*visitor, true)).collect::<Vec<_>>()) }
}

/// The changes of spent draws (`true`: spent) that follow the first `told` of the round.
fn news(told: i64, all: &[(&str, bool)]) -> DrawChanges {
    let change = |(visitor, spent): &(&str, bool)| match spent {
        true => DrawChange::Spent(VisitorId::from(*visitor)),
        false => DrawChange::Unspent(VisitorId::from(*visitor)),
    };
    DrawChanges { upto: told + all.len() as i64, changes: all.iter().map(change).collect(), more: false, spent: 0 }
}

fn hall_look() -> Look {
    look(room(), &["y", "X", "x"])
}

fn room() -> Checkpoint {
    Checkpoint {
        round: 1,
        epoch: 2,
        serial: 40,
        admitted_total: 12,
        head: -(1 << 46),
        drawing: true,
        closed: true,
        inside: vec![insider("A", -7), insider("a", 2), insider("b", 3)],
        spent: vec![chunk(-3, 1), chunk(0, 255), chunk(1 << 27, 8)],
    }
}

async fn a_room_reads_back(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    assert_eq!(ledger.room_checkpoint(&hall()).await.expect("reads"), None);
    stored(ledger, save(&hall(), None, &hall_look(), 5)).await;
    let empty = look(Checkpoint { round: 1, epoch: 1, ..Checkpoint::default() }, &[]);
    stored(ledger, save(&"other".into(), None, &empty, 6)).await;
    let saved = ledger.room_checkpoint(&hall()).await.expect("reads").expect("it is there");
    assert_eq!((saved.checkpoint, saved.draws_upto), (room(), 3), "another room's save has changed nothing");
    assert_eq!(spent_draws(ledger, &hall()).await, ["X", "x", "y"]);
    assert_eq!(spent_draws(ledger, &"other".into()).await, [""; 0]);
}

/// The test changes rows in the database. Those that the save does not write keep the change.
async fn only_differences_are_written(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let before = stored(ledger, save(&hall(), None, &hall_look(), 5)).await;
    run(
        ledger,
        format!(
            "UPDATE room_inside SET expires_ms = 1 WHERE visitor = 'A'; \
             UPDATE room_spent SET bits = '{}' WHERE chunk = -3; \
             DELETE FROM room_spent_draw WHERE visitor = 'x';",
            "00".repeat(128)
        ),
    )
    .await
    .expect("writes");

    let mut after = room();
    after.serial = 41;
    after.inside = vec![insider("A", -7), insider("a", 8), insider("b", 3), insider("c", 4)];
    after.spent[1] = chunk(0, 254);
    let after = Look { room: after, draws: news(3, &[("W", true), ("X", false)]) };
    assert_eq!(ledger.save_room(save(&hall(), Some(&before), &after, 6)).await.expect("answers"), Put::Done);

    let mut expected = after.room;
    expected.inside[0].expires_ms = 1;
    expected.spent[0] = chunk(-3, 0);
    let read = ledger.room_checkpoint(&hall()).await.expect("reads").expect("it is there");
    assert_eq!(read, Saved { at_ms: 6, draws_upto: 5, checkpoint: expected });
    assert_eq!(spent_draws(ledger, &hall()).await, ["W", "y"]);
}

/// Of several changes of one visitor the last one counts, and a visitor who is spent again is stored once.
async fn changes_of_draws_add_up(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let mut before = stored(ledger, save(&hall(), None, &hall_look(), 5)).await;
    let steps: [&[(&str, bool)]; 3] =
        [&[("x", false), ("v", true), ("v", false), ("x", true)], &[], &[("y", true), ("X", false), ("w", true)]];
    for (at_ms, changes) in (6..).zip(steps) {
        let after = Look { room: room(), draws: news(before.draws_upto, changes) };
        before = stored(ledger, save(&hall(), Some(&before), &after, at_ms)).await;
    }
    assert_eq!(before.draws_upto, 3 + 7);
    assert_eq!(spent_draws(ledger, &hall()).await, ["w", "x", "y"]);
    // A rebuilt lane counts its changes from 0 again; the spent draws that are stored stay.
    let rebuilt = Look { room: Checkpoint { epoch: 9, ..room() }, draws: news(0, &[("z", true)]) };
    assert_eq!(stored(ledger, save(&hall(), Some(&before), &rebuilt, 9)).await.draws_upto, 1);
    assert_eq!(spent_draws(ledger, &hall()).await, ["w", "x", "y", "z"]);
}

async fn a_new_round_leaves_nothing_of_the_old_one(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let before = stored(ledger, save(&hall(), None, &hall_look(), 5)).await;
    let next = Checkpoint { round: 2, epoch: 3, serial: 41, inside: vec![insider("b", 9)], ..Checkpoint::default() };
    let before = stored(ledger, save(&hall(), Some(&before), &look(next.clone(), &["y"]), 6)).await;
    assert_eq!(spent_draws(ledger, &hall()).await, ["y"]);
    let raised = Checkpoint { epoch: 4, inside: vec![], spent: vec![chunk(4, 4)], ..next };
    stored(ledger, save(&hall(), Some(&before), &Look { room: raised, draws: news(1, &[]) }, 7)).await;
    assert_eq!(spent_draws(ledger, &hall()).await, ["y"]);
}

/// A writer that was paused before its first save does not know that another one has saved since.
async fn a_first_save_of_a_stored_room_writes_nothing(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let (hall, later) = (hall(), hall_look());
    let before = stored(ledger, save(&hall, None, &later, 6)).await;
    let sooner = look(Checkpoint { serial: 3, spent: vec![chunk(0, 1)], ..room() }, &["z"]);
    refused(ledger, Save { log_last: LogId(70), ..save(&hall, None, &sooner, 7) }).await;
    stored(ledger, save(&hall, Some(&before), &sooner, 8)).await;
}

async fn a_writer_that_lost_its_lane_writes_nothing(ledger: &Ledger) {
    let (hall, first) = (hall(), hall_look());
    let late = Save { log_last: LogId(70), ..save(&hall, None, &first, 5) };
    refused(ledger, late).await;
    lane_of(ledger, GENERATION).await;
    let before = stored(ledger, save(&hall, None, &first, 5)).await;
    lane_of(ledger, GENERATION + 1).await;
    let after = look(Checkpoint { serial: 99, ..room() }, &["z"]);
    for before in [None, Some(&before)] {
        refused(ledger, Save { log_last: LogId(70), ..save(&hall, before, &after, 6) }).await;
    }
    let next = Save { generation: GENERATION + 1, ..save(&hall, Some(&before), &after, 6) };
    stored(ledger, next).await;
}

async fn a_save_over_another_one_writes_nothing(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let (hall, first) = (hall(), hall_look());
    let before = stored(ledger, save(&hall, None, &first, 5)).await;
    let after = look(Checkpoint { serial: 50, inside: vec![], ..room() }, &[]);
    stored(ledger, save(&hall, Some(&before), &after, 6)).await;
    let other = look(Checkpoint { serial: 51, spent: vec![], ..room() }, &["z"]);
    refused(ledger, Save { log_last: LogId(70), ..save(&hall, Some(&before), &other, 7) }).await;
    let missing = EventId::from("missing");
    refused(ledger, save(&missing, Some(&before), &other, 7)).await;
}

async fn two_saves_of_one_moment_are_two(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let (hall, room) = (hall(), hall_look());
    let first = stored(ledger, save(&hall, None, &room, 5)).await;
    let second = stored(ledger, save(&hall, Some(&first), &room, 5)).await;
    assert_eq!(second.at_ms, 6);
    refused(ledger, save(&hall, Some(&first), &room, 5)).await;
    // A save is later than the one before even when the clock was set back.
    assert_eq!(stored(ledger, save(&hall, Some(&second), &room, 2)).await.at_ms, 7);
}

async fn the_lanes_mark_rises_and_never_falls(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let (hall, room) = (hall(), hall_look());
    let mut before = None;
    for (log, expected) in [(7, 7), (5, 7), (9, 9)] {
        let save = Save { log_last: LogId(log), ..save(&hall, before.as_ref(), &room, 5) };
        let saved = stored(ledger, save).await;
        let mark = LaneMark { generation: GENERATION, log_last: LogId(expected), epoch: 1 };
        assert_eq!(ledger.lane_mark(LANE).await.expect("reads"), mark);
        before = Some(saved);
    }
}

async fn a_large_room(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let hall = hall();
    let visitor = |n: i64| format!("{n:016x}{:016x}", n * 7_919);
    let room = Checkpoint {
        round: 1,
        epoch: 1,
        inside: (0..10_000).map(|n| insider(&visitor(n), n)).collect(),
        spent: (0..1_000).map(|n| chunk(n, 170)).collect(),
        ..Checkpoint::default()
    };
    let mut all: Vec<String> = (0..100_000).map(visitor).collect();
    let large = look(room, &all.iter().map(String::as_str).collect::<Vec<_>>());
    let before = stored(ledger, save(&hall, None, &large, 1)).await;

    // About a third of the room changes.
    let mut changed = large.room.clone();
    changed.inside.retain(|insider| insider.score % 3 > 0);
    changed.inside.iter_mut().filter(|insider| insider.score % 2 == 0).for_each(|insider| insider.claimed = false);
    changed.spent.iter_mut().step_by(3).for_each(|spent| spent.bits[0] = 1);
    let more: Vec<String> = (0..3_000).map(|n| format!("z{n:031}")).collect();
    let changes: Vec<(&str, bool)> = all
        .iter()
        .step_by(3)
        .map(|visitor| (visitor.as_str(), false))
        .chain(more.iter().map(|visitor| (visitor.as_str(), true)))
        .collect();
    let after = Look { room: changed, draws: news(before.draws_upto, &changes) };
    stored(ledger, save(&hall, Some(&before), &after, 2)).await;
    let mut n = 0;
    all.retain(|_| {
        n += 1;
        n % 3 != 1
    });
    all.extend(more);
    assert_eq!(spent_draws(ledger, &hall).await, all);
}

/// Sequences of checkpoints with few keys, so that one shares some with the next.
fn checkpoints() -> impl Strategy<Value = Vec<(Look, bool)>> {
    let visitor = "[a-cA-C]{1,2}";
    let inside = prop::collection::btree_map(visitor, (-3..3i64, 0..3i64, any::<bool>()), 0..8);
    let spent = prop::collection::btree_map(-3..4i64, 0..3u8, 0..5);
    let draws = prop::collection::vec((visitor, any::<bool>()), 0..8);
    let numbers = (1..3i64, 1..3i64, 0..9i64, any::<i64>(), any::<bool>());
    let one =
        (numbers, inside, spent, draws).prop_map(|((round, epoch, serial, head, drawing), inside, spent, draws)| {
            let room = Checkpoint {
                round,
                epoch,
                serial,
                admitted_total: serial / 2,
                head,
                drawing,
                closed: head % 2 == 0,
                inside: inside
                    .into_iter()
                    .map(|(visitor, (score, expires_ms, claimed))| Insider {
                        visitor: VisitorId::from(visitor),
                        score,
                        expires_ms,
                        claimed,
                        again: !claimed && score % 3 == 0,
                        ends_ms: (score % 2 == 0).then_some(expires_ms / 2),
                    })
                    .collect(),
                spent: spent.into_iter().map(|(number, byte)| chunk(number, byte)).collect(),
            };
            let draws: Vec<(&str, bool)> = draws.iter().map(|(visitor, spent)| (visitor.as_str(), *spent)).collect();
            Look { room, draws: news(serial, &draws) }
        });
    // The flag says whether the save knows the save before it.
    prop::collection::vec((one, prop::bool::weighted(0.9)), 1..8)
}

fn sequences_read_back(ledger: &Ledger, runtime: &tokio::runtime::Runtime, cases: u32) {
    runtime.block_on(lane_of(ledger, GENERATION));
    let number = Cell::new(0);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let ran = TestRunner::new(config).run(&checkpoints(), |sequence| {
        number.set(number.get() + 1);
        let event = EventId::from(format!("e{}", number.get()));
        let mut last: Option<Saved> = None;
        let mut through: BTreeSet<VisitorId> = BTreeSet::new();
        for (look, knows) in sequence {
            let save = save(&event, last.as_ref().filter(|_| knows), &look, 5);
            let put = runtime.block_on(ledger.save_room(save)).expect("answers");
            let saved = if last.is_none() || knows {
                prop_assert_eq!(put, Put::Done);
                if last.as_ref().is_none_or(|last| last.checkpoint.round != look.room.round) {
                    through.clear();
                }
                for change in &look.draws.changes {
                    match change {
                        DrawChange::Spent(visitor) => through.insert(visitor.clone()),
                        DrawChange::Unspent(visitor) => through.remove(visitor),
                    };
                }
                Some(save.saved())
            } else {
                prop_assert_eq!(put, Put::Conflict);
                last
            };
            let read = runtime.block_on(ledger.room_checkpoint(&event)).expect("reads");
            prop_assert_eq!(&read, &saved);
            let spent = runtime.block_on(ledger.spent_draws(&event)).expect("reads");
            prop_assert!(spent.iter().eq(&through), "{:?}, not {:?}", spent, through);
            last = saved;
        }
        Ok(())
    });
    if let Err(failure) = ran {
        panic!("{failure}");
    }
}

#[test]
fn any_sequence_of_saves_reads_back_on_sqlite() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let embedded = runtime.block_on(embedded());
    sequences_read_back(&embedded.ledger, &runtime, 64);
    runtime.block_on(embedded.ledger.close());
}

#[test]
fn any_sequence_of_saves_reads_back_on_mariadb() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ledger = runtime.block_on(mysql());
    sequences_read_back(&ledger, &runtime, 32);
    runtime.block_on(ledger.close());
}
