//! Cases of `read_log`, `append`, `trim`, `lease`, `unlease` and `meta`.

use std::sync::Arc;

use stanchion::facts::ids::LogId;
use stanchion::lane::Lane;
use stanchion::lane::log::Lease;

use super::cases;
use crate::lane::conformance::ask::{self, SECOND, START};

cases![
    records_are_read_in_order_from_anywhere,
    a_record_in_the_log_is_not_appended_again,
    numbers_are_never_used_twice,
    one_writer_has_the_lease,
    a_lease_is_given_back,
];

async fn append(lane: &Arc<dyn Lane>, at: i64, ids: &[&str]) {
    let records = ids.iter().map(|id| ask::expired(id, "o")).collect();
    lane.append(at, records).await.expect("an answer");
}

async fn log(lane: &Arc<dyn Lane>, after: u64, max: usize) -> Vec<(u64, String)> {
    let log = lane.read_log(LogId(after), max).await.expect("an answer");
    log.into_iter().map(|entry| (entry.log.0, entry.id)).collect()
}

fn entries(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected.iter().map(|(log, id)| (*log, (*id).to_owned())).collect()
}

async fn records_are_read_in_order_from_anywhere(lane: Arc<dyn Lane>) {
    let meta = lane.meta().await.expect("an answer");
    assert_eq!((meta.recovering, meta.log_last, meta.backlog, meta.oldest_ms), (false, LogId(0), 0, None));
    append(&lane, START, &["a", "b"]).await;
    append(&lane, START + SECOND, &["c"]).await;
    assert_eq!(log(&lane, 0, 10).await, entries(&[(1, "a"), (2, "b"), (3, "c")]));
    assert_eq!(log(&lane, 1, 1).await, entries(&[(2, "b")]));
    assert_eq!(log(&lane, 3, 10).await, []);
    assert_eq!(log(&lane, 0, 0).await, []);
    let read = lane.read_log(LogId(0), 1).await.expect("an answer");
    assert_eq!((read[0].at_ms, &read[0].hold, read[0].number), (START, &None, None));
    let meta = lane.meta().await.expect("an answer");
    assert_eq!((meta.log_last, meta.backlog, meta.oldest_ms), (LogId(3), 3, Some(START)));
    lane.trim(LogId(2)).await.expect("an answer");
    let meta = lane.meta().await.expect("an answer");
    assert_eq!((meta.log_last, meta.backlog, meta.oldest_ms), (LogId(3), 1, Some(START + SECOND)));
}

async fn a_record_in_the_log_is_not_appended_again(lane: Arc<dyn Lane>) {
    append(&lane, START, &["a", "b", "a"]).await;
    append(&lane, START, &["b", "c"]).await;
    assert_eq!(log(&lane, 0, 10).await, entries(&[(1, "a"), (2, "b"), (3, "c")]));
    lane.trim(LogId(1)).await.expect("an answer");
    append(&lane, START, &["a", "b"]).await;
    assert_eq!(log(&lane, 0, 10).await, entries(&[(2, "b"), (3, "c"), (4, "a")]), "what is gone may come again");
}

async fn numbers_are_never_used_twice(lane: Arc<dyn Lane>) {
    append(&lane, START, &["a", "b"]).await;
    lane.trim(LogId(9)).await.expect("an answer");
    lane.trim(LogId(0)).await.expect("an answer");
    assert_eq!(log(&lane, 0, 10).await, []);
    append(&lane, START, &["c"]).await;
    assert_eq!(log(&lane, 0, 10).await, entries(&[(3, "c")]));
}

/// Leases for ten seconds.
async fn lease(lane: &Arc<dyn Lane>, at: i64, owner: &str) -> Option<Lease> {
    lane.lease(at, owner, 10 * SECOND).await.expect("an answer")
}

/// Makes sure that nobody has the lane's lease.
pub async fn unleased(lane: &Arc<dyn Lane>) {
    for owner in ["a", "b"] {
        lane.unlease(owner).await.expect("an answer");
    }
}

async fn one_writer_has_the_lease(lane: Arc<dyn Lane>) {
    unleased(&lane).await;
    assert_eq!(lease(&lane, START, "a").await, Some(Lease { until_ms: START + 10 * SECOND }));
    assert_eq!(lease(&lane, START + 9 * SECOND, "b").await, None);
    let renewed = lease(&lane, START + 9 * SECOND, "a").await.expect("its own");
    assert_eq!(renewed, Lease { until_ms: START + 19 * SECOND });
    assert_eq!(lease(&lane, START + 19 * SECOND - 1, "b").await, None);
    lease(&lane, START + 19 * SECOND, "b").await.expect("lapsed");
    assert_eq!(lease(&lane, START + 19 * SECOND, "a").await, None);
}

async fn a_lease_is_given_back(lane: Arc<dyn Lane>) {
    unleased(&lane).await;
    lease(&lane, START, "a").await.expect("free");
    lane.unlease("b").await.expect("an answer");
    assert_eq!(lease(&lane, START, "b").await, None, "only by whose it is");
    lane.unlease("a").await.expect("an answer");
    lease(&lane, START, "b").await.expect("given back");
}
