//! What the ledger forgets, and what it keeps for ever.

use stanchion::facts::ids::LaneId;
use stanchion::ledger::{Ledger, ReadSource};

use crate::ledger::rows::{on_both, paid_order, run};

on_both! {
    records_done_are_forgotten_by_their_age
    what_a_campaign_said_is_kept_for_its_coupons
}

async fn ids(ledger: &Ledger, text: &'static str) -> Vec<String> {
    ledger
        .read("test", ReadSource::Primary, move |conn| {
            Box::pin(async move { Ok(sqlx::query_scalar(text).fetch_all(conn).await?) })
        })
        .await
        .expect("reads")
}

async fn records_done_are_forgotten_by_their_age(ledger: &Ledger) {
    run(
        ledger,
        "INSERT INTO record_done (id, lane, log, order_id, outcome, done_ms) VALUES \
           ('a', 1, 1, NULL, 'done', 10), ('b', 1, 2, NULL, 'done', 20), ('c', 1, 3, NULL, 'done', 30), \
           ('d', 2, 1, NULL, 'done', 10);",
    )
    .await
    .expect("rows");
    // At most one in this call, the oldest first.
    assert_eq!(ledger.forget(LaneId(1), 30, 1).await.expect("writes"), 1);
    assert_eq!(ids(ledger, "SELECT id FROM record_done ORDER BY id").await, ["b", "c", "d"]);
    assert_eq!(ledger.forget(LaneId(1), 30, 10).await.expect("writes"), 1);
    assert_eq!(ledger.forget(LaneId(1), 30, 10).await.expect("writes"), 0);
    assert_eq!(ids(ledger, "SELECT id FROM record_done ORDER BY id").await, ["c", "d"], "another lane's stays");
}

async fn what_a_campaign_said_is_kept_for_its_coupons(ledger: &Ledger) {
    paid_order(ledger).await.expect("rows");
    run(
        ledger,
        "UPDATE campaign SET version = 5; UPDATE campaign_version SET since_ms = 10; \
         INSERT INTO campaign_version (campaign, version, spec, since_ms) VALUES \
           ('spring', 2, '{}', 20), ('spring', 3, '{}', 30), ('spring', 4, '{}', 40), ('spring', 5, '{}', 50); \
         UPDATE coupon SET version = 3 WHERE number = 3;",
    )
    .await
    .expect("rows");
    let versions = "SELECT CAST(version AS CHAR) FROM campaign_version ORDER BY version";
    // Versions 1 and 3 have coupons. Version 4 was replaced at 50, and a claim of it may still be on its way.
    assert_eq!(ledger.forget_campaign_versions(LaneId(1), 50).await.expect("writes"), 1);
    assert_eq!(ids(ledger, versions).await, ["1", "3", "4", "5"]);
    assert_eq!(ledger.forget_campaign_versions(LaneId(2), 99).await.expect("writes"), 0, "another lane's");
    assert_eq!(ledger.forget_campaign_versions(LaneId(1), 51).await.expect("writes"), 1);
    assert_eq!(ids(ledger, versions).await, ["1", "3", "5"], "the newest stays for ever");
}
