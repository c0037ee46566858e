//! Rooms in the ledger: what is saved is what is read, only differences are written, and whoever lost the
//! lane writes nothing.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use stanchion::ids::{EventId, LaneId, LogId, VisitorId};
use stanchion::lane::{Checkpoint, Insider, SpentChunk};
use stanchion::ledger::Ledger;
use stanchion::ledger::catalog::{LaneMark, Put};
use stanchion::ledger::rooms::{Save, Saved};

use crate::ledger_rows::{embedded, mysql, on_both, run};

on_both! {
    a_room_reads_back
    only_differences_are_written
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

/// A save of the lane as it is.
fn save<'a>(event: &'a EventId, before: Option<&'a Saved>, after: &'a Checkpoint, now_ms: i64) -> Save<'a> {
    Save { lane: LANE, generation: GENERATION, log_last: LogId(0), event, before, after, now_ms }
}

async fn stored(ledger: &Ledger, save: Save<'_>) -> Saved {
    assert_eq!(ledger.save_room(save).await.expect("answers"), Put::Done);
    let saved = Saved { at_ms: save.at_ms(), checkpoint: save.after.clone() };
    assert_eq!(ledger.room_checkpoint(save.event).await.expect("reads").as_ref(), Some(&saved));
    saved
}

async fn refused(ledger: &Ledger, save: Save<'_>) {
    let was = ledger.room_checkpoint(save.event).await.expect("reads");
    let mark = ledger.lane_mark(LANE).await.expect("reads");
    assert_eq!(ledger.save_room(save).await.expect("answers"), Put::Conflict);
    assert_eq!(ledger.room_checkpoint(save.event).await.expect("reads"), was);
    assert_eq!(ledger.lane_mark(LANE).await.expect("reads"), mark, "not even the lane's mark");
}

fn insider(visitor: &str, score: i64) -> Insider {
    Insider { visitor: VisitorId::from(visitor), score, expires_ms: 9_000 + score, claimed: score % 2 == 0 }
}

fn chunk(number: i64, byte: u8) -> SpentChunk {
    let mut bits = [0; 128];
    bits[127] = byte;
    SpentChunk { chunk: number, bits }
}

fn room() -> Checkpoint {
    Checkpoint {
        round: 1,
        epoch: 2,
        serial: 40,
        admitted_total: 12,
        head: -(1 << 46),
        drawing: true,
        inside: vec![insider("A", -7), insider("a", 2), insider("b", 3)],
        spent: vec![chunk(-3, 1), chunk(0, 255), chunk(1 << 27, 8)],
        spent_draws: vec![VisitorId::from("X"), VisitorId::from("x"), VisitorId::from("y")],
    }
}

async fn a_room_reads_back(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    assert_eq!(ledger.room_checkpoint(&hall()).await.expect("reads"), None);
    stored(ledger, save(&hall(), None, &room(), 5)).await;
    let empty = Checkpoint { round: 1, epoch: 1, ..Checkpoint::default() };
    stored(ledger, save(&"other".into(), None, &empty, 6)).await;
    let hall = ledger.room_checkpoint(&hall()).await.expect("reads");
    assert_eq!(hall.expect("it is there").checkpoint, room(), "another room's save is not its own");
}

/// Rows that a save does not write keep what was put into them behind its back.
async fn only_differences_are_written(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let before = stored(ledger, save(&hall(), None, &room(), 5)).await;
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
    after.spent_draws = vec![VisitorId::from("W"), VisitorId::from("x"), VisitorId::from("y")];
    assert_eq!(ledger.save_room(save(&hall(), Some(&before), &after, 6)).await.expect("answers"), Put::Done);

    let mut expected = after.clone();
    expected.inside[0].expires_ms = 1;
    expected.spent[0] = chunk(-3, 0);
    expected.spent_draws.remove(1);
    let read = ledger.room_checkpoint(&hall()).await.expect("reads").expect("it is there");
    assert_eq!(read, Saved { at_ms: 6, checkpoint: expected });
}

async fn a_new_round_leaves_nothing_of_the_old_one(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let before = stored(ledger, save(&hall(), None, &room(), 5)).await;
    let next = Checkpoint { round: 2, epoch: 3, serial: 41, inside: vec![insider("b", 9)], ..Checkpoint::default() };
    let before = stored(ledger, save(&hall(), Some(&before), &next, 6)).await;
    let raised = Checkpoint { epoch: 4, inside: vec![], spent: vec![chunk(4, 4)], ..next };
    stored(ledger, save(&hall(), Some(&before), &raised, 7)).await;
}

/// A writer that was paused before its first save does not know that another one has saved since.
async fn a_first_save_of_a_stored_room_writes_nothing(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let (hall, later) = (hall(), room());
    let before = stored(ledger, save(&hall, None, &later, 6)).await;
    let sooner = Checkpoint { serial: 3, spent: vec![chunk(0, 1)], spent_draws: vec!["z".into()], ..room() };
    refused(ledger, Save { log_last: LogId(70), ..save(&hall, None, &sooner, 7) }).await;
    stored(ledger, save(&hall, Some(&before), &sooner, 8)).await;
}

async fn a_writer_that_lost_its_lane_writes_nothing(ledger: &Ledger) {
    let (hall, room) = (hall(), room());
    let late = Save { log_last: LogId(70), ..save(&hall, None, &room, 5) };
    refused(ledger, late).await;
    lane_of(ledger, GENERATION).await;
    let before = stored(ledger, save(&hall, None, &room, 5)).await;
    lane_of(ledger, GENERATION + 1).await;
    let after = Checkpoint { serial: 99, ..room.clone() };
    for before in [None, Some(&before)] {
        refused(ledger, Save { log_last: LogId(70), ..save(&hall, before, &after, 6) }).await;
    }
    let next = Save { generation: GENERATION + 1, ..save(&hall, Some(&before), &after, 6) };
    stored(ledger, next).await;
}

async fn a_save_over_another_one_writes_nothing(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let (hall, first) = (hall(), room());
    let before = stored(ledger, save(&hall, None, &first, 5)).await;
    let after = Checkpoint { serial: 50, inside: vec![], ..room() };
    stored(ledger, save(&hall, Some(&before), &after, 6)).await;
    let other = Checkpoint { serial: 51, spent: vec![], ..room() };
    refused(ledger, Save { log_last: LogId(70), ..save(&hall, Some(&before), &other, 7) }).await;
    let missing = EventId::from("missing");
    refused(ledger, save(&missing, Some(&before), &other, 7)).await;
}

async fn two_saves_of_one_moment_are_two(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let (hall, room) = (hall(), room());
    let first = stored(ledger, save(&hall, None, &room, 5)).await;
    let second = stored(ledger, save(&hall, Some(&first), &room, 5)).await;
    assert_eq!(second.at_ms, 6);
    refused(ledger, save(&hall, Some(&first), &room, 5)).await;
    // The clock was set back.
    assert_eq!(stored(ledger, save(&hall, Some(&second), &room, 2)).await.at_ms, 7);
}

async fn the_lanes_mark_rises_and_never_falls(ledger: &Ledger) {
    lane_of(ledger, GENERATION).await;
    let (hall, room) = (hall(), room());
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
    let large = Checkpoint {
        round: 1,
        epoch: 1,
        inside: (0..10_000).map(|n| insider(&visitor(n), n)).collect(),
        spent: (0..1_000).map(|n| chunk(n, 170)).collect(),
        spent_draws: (0..100_000).map(|n| VisitorId(visitor(n))).collect(),
        ..Checkpoint::default()
    };
    let before = stored(ledger, save(&hall, None, &large, 1)).await;

    // A third of it changes.
    let mut changed = large.clone();
    changed.inside.retain(|insider| insider.score % 3 > 0);
    changed.inside.iter_mut().filter(|insider| insider.score % 2 == 0).for_each(|insider| insider.claimed = false);
    changed.spent.iter_mut().step_by(3).for_each(|spent| spent.bits[0] = 1);
    changed.spent_draws =
        changed.spent_draws.into_iter().enumerate().filter(|(n, _)| n % 3 > 0).map(|(_, v)| v).collect();
    changed.spent_draws.extend((0..3_000).map(|n| VisitorId(format!("z{n:031}"))));
    stored(ledger, save(&hall, Some(&before), &changed, 2)).await;
}

/// Few keys, so that checkpoints one after another share some.
fn checkpoints() -> impl Strategy<Value = Vec<(Checkpoint, bool)>> {
    let visitor = "[a-cA-C]{1,2}";
    let inside = prop::collection::btree_map(visitor, (-3..3i64, 0..3i64, any::<bool>()), 0..8);
    let spent = prop::collection::btree_map(-3..4i64, 0..3u8, 0..5);
    let draws = prop::collection::btree_set(visitor, 0..8);
    let numbers = (1..3i64, 1..3i64, 0..9i64, any::<i64>(), any::<bool>());
    let one =
        (numbers, inside, spent, draws).prop_map(|((round, epoch, serial, head, drawing), inside, spent, draws)| {
            Checkpoint {
                round,
                epoch,
                serial,
                admitted_total: serial / 2,
                head,
                drawing,
                inside: inside
                    .into_iter()
                    .map(|(visitor, (score, expires_ms, claimed))| Insider {
                        visitor: VisitorId(visitor),
                        score,
                        expires_ms,
                        claimed,
                    })
                    .collect(),
                spent: spent.into_iter().map(|(number, byte)| chunk(number, byte)).collect(),
                spent_draws: draws.into_iter().map(VisitorId).collect(),
            }
        });
    // Whether the save knows the one before.
    prop::collection::vec((one, prop::bool::weighted(0.9)), 1..8)
}

fn sequences_read_back(ledger: &Ledger, runtime: &tokio::runtime::Runtime, cases: u32) {
    runtime.block_on(lane_of(ledger, GENERATION));
    let number = Cell::new(0);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let ran = TestRunner::new(config).run(&checkpoints(), |sequence| {
        number.set(number.get() + 1);
        let event = EventId(format!("e{}", number.get()));
        let mut last: Option<Saved> = None;
        for (checkpoint, knows) in sequence {
            let save = save(&event, last.as_ref().filter(|_| knows), &checkpoint, 5);
            let put = runtime.block_on(ledger.save_room(save)).expect("answers");
            let saved = if last.is_none() || knows {
                prop_assert_eq!(put, Put::Done);
                Some(Saved { at_ms: save.at_ms(), checkpoint: checkpoint.clone() })
            } else {
                prop_assert_eq!(put, Put::Conflict);
                last
            };
            let read = runtime.block_on(ledger.room_checkpoint(&event)).expect("reads");
            prop_assert_eq!(&read, &saved);
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
