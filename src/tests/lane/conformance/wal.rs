//! Tests of the embedded store's file: torn ends, damage, the lock, compaction, and that everything that was answered
//! is in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use stanchion::facts::conclusion::SeatTarget;
use stanchion::facts::ids::{LaneId, LogId};
use stanchion::facts::order::OrderStatus;
use stanchion::facts::place::PlaceState;
use stanchion::facts::room::Mode;
use stanchion::lane::events::{EventPut, PutEvent};
use stanchion::lane::memory::OpenError;
use stanchion::lane::{Lane, Lanes, memory};

use super::ask::{self, SECOND, START};
use super::hand::stage::{self, HALL};
use super::stores::{Embedded, fresh, fresh_at, next_generation};

fn wal(dir: &Path) -> PathBuf {
    dir.join("lanes.wal")
}

/// A folder with a WAL of these bytes.
fn folder_with(bytes: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(wal(dir.path()), bytes).expect("a file in it");
    dir
}

/// The hall and the campaign of lane 0, as the audit reads them, with the lane's log and meta.
async fn dump(lanes: &Lanes) -> Value {
    let lane = lanes.get(LaneId(0)).expect("a lane 0");
    let event = lane.dump_event(&ask::event(HALL)).await.expect("an answer");
    let campaign = lane.dump_campaign(&"spring".into()).await.expect("an answer");
    let log = lane.read_log(LogId(0), 1_000).await.expect("an answer");
    let meta = lane.meta().await.expect("an answer");
    serde_json::json!([event, campaign, log, format!("{meta:?}")])
}

/// Takes steps of several kinds. Returns the WAL's bytes and the lane's dump after each.
async fn live(store: &Embedded) -> Vec<(Vec<u8>, Value)> {
    let lane = fresh(store.lanes()).await;
    let mut seen = vec![];
    let mut look = async || seen.push((fs::read(wal(store.dir())).expect("the WAL"), dump(store.lanes()).await));
    stage::hall(&lane).await;
    look().await;
    stage::inside(&lane, START, "kim").await;
    look().await;
    let hold = stage::held(&lane, START, "h", "kim", &[0, 1]).await;
    look().await;
    let order = stage::placed(&lane, START, "o", &hold, "h").await;
    look().await;
    lane.put_campaign(START, ask::campaign_put("spring", 2)).await.expect("an answer");
    lane.claim(START, ask::claim("spring", "c", "kim")).await.expect("an answer");
    look().await;
    let confirmed = ask::conclusion(&hold, &order, 1, OrderStatus::Confirmed, SeatTarget::Sold);
    lane.conclude(START, &hold.event, vec![confirmed], Some(LogId(1))).await.expect("an answer");
    look().await;
    lane.refund(START, ask::refund("o", "r", Some("kim"), &[(1, None)])).await.expect("an answer");
    look().await;
    let (_, state) = stage::entered(&lane, START + SECOND, "lee").await;
    assert!(matches!(state, PlaceState::Admitted { .. }));
    look().await;
    seen
}

#[tokio::test]
async fn what_was_answered_is_on_disk() {
    let store = Embedded::new();
    for (bytes, dumped) in live(&store).await {
        // The WAL as a kill at this moment would leave it.
        let dir = folder_with(&bytes);
        assert_eq!(dump(&memory::read_only(dir.path()).expect("a whole WAL")).await, dumped);
    }
}

#[tokio::test]
async fn a_torn_last_commit_is_dropped_wherever_it_is_torn() {
    let store = Embedded::new();
    let seen = live(&store).await;
    let [.., (before, dump_before), (after, dump_after)] = &seen[..] else { panic!("at least two steps") };
    assert!(after.starts_with(before));
    for end in before.len()..=after.len() {
        let dir = folder_with(&after[..end]);
        let expected = if end == after.len() { dump_after } else { dump_before };
        assert_eq!(
            dump(&memory::read_only(dir.path()).expect("a torn end is no damage")).await,
            *expected,
            "cut at {end}"
        );
        // The store can go on from it: opening it removes the torn bytes from the file.
        let lanes = memory::open(dir.path(), 2).expect("a torn end is no damage");
        assert_eq!(dump(&lanes).await, *expected, "cut at {end}");
        let len = fs::metadata(wal(dir.path())).expect("the WAL").len();
        assert_eq!(len as usize, if end == after.len() { end } else { before.len() });
    }
    let mut flipped = after.clone();
    *flipped.last_mut().expect("not empty") ^= 1;
    let dir = folder_with(&flipped);
    assert_eq!(dump(&memory::read_only(dir.path()).expect("a torn end is no damage")).await, *dump_before);
}

#[tokio::test]
async fn a_torn_store_goes_on() {
    let store = Embedded::new();
    let seen = live(&store).await;
    let (last, _) = seen.last().expect("steps");
    let dir = folder_with(&last[..last.len() - 3]);
    let lanes = memory::open(dir.path(), 2).expect("a torn end is no damage");
    let lane = lanes.get(LaneId(0)).expect("a lane 0").clone();
    stage::entered(&lane, START + SECOND, "park").await;
    let dumped = dump(&lanes).await;
    drop((lane, lanes));
    assert_eq!(dump(&memory::open(dir.path(), 2).expect("whole again")).await, dumped);
}

#[tokio::test]
async fn damage_in_the_middle_is_no_torn_end() {
    let store = Embedded::new();
    let seen = live(&store).await;
    let (good, _) = seen.last().expect("steps");
    let frame = seen[2].0.len();
    // Bytes of the length, of the checksum, and of the payload's beginning and middle.
    for at in [frame, frame + 3, frame + 5, frame + 8, frame + 40] {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        let dir = folder_with(&bad);
        match memory::open(dir.path(), 2).err() {
            Some(error @ OpenError::Damaged { offset, .. }) => {
                assert_eq!(offset, frame as u64, "byte {at}");
                assert!(error.to_string().contains(&format!("truncate -s {frame} ")), "{error}");
            }
            other => panic!("byte {at}: {other:?}"),
        }
        assert_eq!(fs::read(wal(dir.path())).expect("the WAL"), bad, "nothing was touched");
    }
}

#[tokio::test]
async fn one_server_a_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    assert!(!memory::locked(dir.path()));
    assert!(matches!(memory::read_only(dir.path()).err(), Some(OpenError::NoWal(_))));
    let lanes = memory::open(dir.path(), 2).expect("free");
    assert!(memory::locked(dir.path()));
    let second = memory::open(dir.path(), 2).err();
    assert!(matches!(second, Some(OpenError::InUse(_))), "{second:?}");
    fresh(&lanes).await;
    let read = memory::read_only(dir.path()).expect("the audit may read");
    assert!(read.get(LaneId(0)).expect("a lane 0").meta().await.expect("an answer").generation > 0);
    drop(lanes);
    assert!(!memory::locked(dir.path()), "free with its last lane");
    memory::open(dir.path(), 2).expect("free again");
}

#[tokio::test]
async fn lanes_are_added_and_never_taken_away() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(memory::open(dir.path(), 2).expect("new"));
    let fewer = memory::open(dir.path(), 1).err();
    assert!(matches!(fewer, Some(OpenError::FewerLanes { stored: 2, asked: 1 })), "{fewer:?}");
    let lanes = memory::open(dir.path(), 4).expect("more");
    fresh_at(&lanes, 1).await;
    let added = lanes.get(LaneId(3)).expect("a lane 3");
    assert_eq!(added.meta().await.expect("an answer").generation, 0, "never built");
    added.begin_restore(START, 7, LogId(0)).await.expect("a new generation");
    drop(lanes);
    let lanes = memory::open(dir.path(), 4).expect("as many");
    let meta = lanes.get(LaneId(3)).expect("a lane 3").meta().await.expect("an answer");
    assert_eq!((meta.generation, meta.recovering), (7, true), "a restore cut short is begun again");
}

#[test]
fn an_older_programs_file_is_not_taken_for_an_empty_store() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("lanes.journal"), b"accepted").expect("a file in it");
    assert!(matches!(memory::open(dir.path(), 1).err(), Some(OpenError::Older(_))));
    assert!(!wal(dir.path()).exists(), "nothing was begun");
}

#[tokio::test]
async fn a_wal_of_another_version_is_left_alone() {
    let payload = br#"{"v":2,"something":"else"}"#;
    let mut bytes = (payload.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    bytes.extend_from_slice(payload);
    let dir = folder_with(&bytes);
    let error = memory::open(dir.path(), 2).err();
    assert!(matches!(error, Some(OpenError::Version { found: 2, .. })), "{error:?}");
    assert_eq!(fs::read(wal(dir.path())).expect("the WAL"), bytes);
}

#[tokio::test]
async fn nobody_is_absent_for_the_stores_own_absence() {
    let mut store = Embedded::new();
    let lane = fresh(store.lanes()).await;
    stage::hall_with(&lane, |put| put.room.mode = Mode::Scheduled).await;
    stage::entered(&lane, START, "kim").await;
    stage::hall_with(&lane, |put| put.version = 2).await;
    lane.lease(START, "dead", 1_000 * SECOND).await.expect("an answer").expect("free");
    drop(lane);
    store.reopen();
    let lane = store.lanes().get(LaneId(0)).expect("a lane 0").clone();
    let pulsed = lane.pulse(START + 500 * SECOND, ask::pulse(HALL)).await.expect("an answer").expect("the event");
    assert_eq!((pulsed.admitted, pulsed.absent), (1, 0));
    lane.lease(START, "next", SECOND).await.expect("an answer").expect("its holder is dead");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn compaction_under_load_loses_nothing() {
    const SEATS: u32 = 10_000;
    let mut store = Embedded::new();
    // A crash during compaction leaves this file behind.
    fs::write(store.dir().join("lanes.new"), b"half a snapshot").expect("a file");
    store.reopen();
    assert!(!store.dir().join("lanes.new").exists());
    let generation = next_generation();
    let lanes: Vec<Arc<dyn Lane>> = store.lanes().iter().cloned().collect();
    for lane in &lanes {
        lane.begin_restore(START, generation, LogId(0)).await.expect("a new generation");
        lane.end_restore(START, generation).await.expect("the same generation");
        stage::hall(lane).await;
    }
    let mut work = tokio::task::JoinSet::new();
    for lane in lanes {
        let entering = lane.clone();
        work.spawn(async move {
            for number in 0..500 {
                stage::entered(&entering, START, &format!("v{number}")).await;
            }
        });
        // Each change of the layout adds some 50 KB to the WAL.
        work.spawn(async move {
            for version in 1..=40 {
                let blocked = if version % 2 == 0 { vec![] } else { vec![(0, SEATS)] };
                let big = EventPut { event: ask::event("arena"), version, seats: SEATS, blocked, ..ask::put(HALL) };
                assert_eq!(lane.put_event(START, big).await.expect("an answer"), PutEvent::Done);
            }
        });
    }
    while let Some(done) = work.join_next().await {
        done.expect("no step fails");
    }
    let len = fs::metadata(wal(store.dir())).expect("the WAL").len();
    assert!(len < 3 * 1024 * 1024, "4 MB were written, {len} bytes are left");
    let mut before = vec![];
    for lane in store.lanes().iter() {
        before.push(whole(lane).await);
    }
    store.reopen();
    for (lane, before) in store.lanes().iter().zip(before) {
        assert_eq!(whole(lane).await, before);
    }
}

/// Both events of a lane, with the end of its log.
async fn whole(lane: &Arc<dyn Lane>) -> Value {
    let hall = lane.dump_event(&ask::event(HALL)).await.expect("an answer");
    let arena = lane.dump_event(&ask::event("arena")).await.expect("an answer");
    serde_json::json!([hall, arena])
}
