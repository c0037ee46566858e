//! Records that can never be done, and the records parked behind them.

use super::*;

fn cancelled(order: &OrderId) -> RecordBody {
    RecordBody::OrderCancelled { v: VERSION, order: order.clone() }
}

async fn revive(desk: &Desk, id: &str) -> Revived {
    requeue(&desk.ledger, id, desk.now_ms, UNKNOWN_MS).await.expect("requeues").expect("is there")
}

#[tokio::test]
async fn a_dead_record_parks_its_order_and_comes_back_with_it() {
    let mut desk = Desk::open().await;
    let buy = Buy { payment: None, ..desk.buy("a", 0, &[1_000]) };
    let whole = buy.entry(&mut desk);
    let mut broken = whole.clone();
    broken.body = broken.body.replace("\"v\":1", "\"v\":99");
    let failure = desk.write(vec![broken.clone()]).await.expect_err("of a newer version");
    assert!(failure.is_records_fault(), "{failure}");
    for _ in 0..2 {
        bury(&desk.ledger, LANE, broken.clone(), failure.to_string(), desk.now_ms).await.expect("buries");
    }
    let (outcome, written) = desk.one("c", cancelled(&buy.order())).await;
    assert_eq!((outcome, written.conclusions.len()), (RecordOutcome::Parked, 0));
    assert_eq!(dead_counts(&desk.ledger).await.expect("reads"), [(LANE, 2)].into());
    // The log has the record again: it is a dead letter already.
    assert_eq!(desk.write(vec![broken]).await.expect("writes").outcomes[0].1, RecordOutcome::Parked);
    // Another order is not held up.
    desk.bought(&desk.buy("b", 1, &[1_000])).await;

    let still = requeue(&desk.ledger, &buy.order, desk.now_ms, UNKNOWN_MS).await;
    assert!(still.is_err(), "as broken as before");
    assert_eq!(dead_letters(&desk.ledger, 10).await.expect("reads").len(), 2, "all stay");

    // Now the letter can be read, as by a newer program that knows version 99.
    let entry = serde_json::to_string(&whole).expect("json");
    desk.ledger
        .transaction::<_, crate::ledger::Error, _>(move |conn| {
            Box::pin(async move {
                let id = whole.id.clone();
                let text = "UPDATE dead_letter SET entry = ? WHERE id = ?";
                sqlx::query(text).bind(entry).bind(id).execute(conn).await?;
                Ok(())
            })
        })
        .await
        .expect("heals");
    let revived = revive(&desk, "c").await;
    assert_eq!((revived.lane, revived.records.len()), (LANE, 2));
    let written = &revived.written;
    assert_eq!(written.outcomes.iter().map(|o| o.1).collect::<Vec<_>>(), [RecordOutcome::Done, RecordOutcome::Done]);
    assert_eq!(concluded(written).fact.reason, Some(crate::facts::order::Reason::Cancelled));
    // Until the lane has been told, they can be requeued again; they are computed only once.
    let again = revive(&desk, &buy.order).await;
    assert_eq!(
        again.written.outcomes.iter().map(|o| o.1).collect::<Vec<_>>(),
        [RecordOutcome::Repeated, RecordOutcome::Repeated]
    );
    assert_eq!(concluded(&again.written).fact.reason, Some(crate::facts::order::Reason::Cancelled));
    // Meanwhile one more record of the order was parked behind them: all have to be requeued.
    assert_eq!(desk.one("late", cancelled(&buy.order())).await.0, RecordOutcome::Parked);
    assert!(!let_go(&desk.ledger, &again, desk.now_ms).await.expect("answers"));
    assert_eq!(dead_letters(&desk.ledger, 10).await.expect("reads").len(), 3);
    let whole = revive(&desk, "late").await;
    assert_eq!(whole.records.len(), 3);
    assert!(let_go(&desk.ledger, &whole, desk.now_ms).await.expect("answers"));
    assert!(dead_letters(&desk.ledger, 10).await.expect("reads").is_empty());
    assert!(requeue(&desk.ledger, "c", desk.now_ms, UNKNOWN_MS).await.expect("requeues").is_none());
    desk.audit().await;
}

#[tokio::test]
async fn requeued_without_its_seats_an_order_is_refused() {
    let mut desk = Desk::open().await;
    let buy = desk.buy("a", 0, &[1_000]);
    let entry = buy.entry(&mut desk);
    bury(&desk.ledger, LANE, entry.clone(), "test".into(), desk.now_ms).await.expect("buries");
    desk.bought(&desk.buy("b", 0, &[1_000])).await;
    let written = revive(&desk, &entry.id).await.written;
    assert_eq!(written.outcomes[0].1, RecordOutcome::Refused("SEATS_LOST"));
}

#[tokio::test]
async fn what_is_out_of_range_or_foreign_is_the_records_fault() {
    let mut desk = Desk::open().await;
    let buy = desk.buy("a", 0, &[1_000]);
    let whole = buy.entry(&mut desk);
    let broken = |change: &dyn Fn(&mut Entry)| {
        let mut entry = whole.clone();
        change(&mut entry);
        entry
    };
    for (what, entry) in [
        ("no JSON", broken(&|e| e.body = "{".into())),
        ("no hold", broken(&|e| e.hold = None)),
        ("a negative price", broken(&|e| e.hold.as_mut().expect("a hold").prices = vec![-1])),
        ("an overflow", broken(&|e| e.hold.as_mut().expect("a hold").prices = vec![i64::MAX])),
        ("another's hold", broken(&|e| e.hold.as_mut().expect("a hold").user = "lee".into())),
        ("another lane's order", broken(&|e| e.body = e.body.replace(&buy.order, &buy.order.replace("o07", "o08")))),
        ("no order's id", broken(&|e| e.body = e.body.replace(&buy.order, "o"))),
    ] {
        let failure = desk.write(vec![entry]).await.expect_err(what);
        assert!(failure.is_records_fault(), "{what}: {failure}");
    }
    desk.write(vec![whole]).await.expect("the whole one is well");
}

#[tokio::test]
async fn a_lane_without_a_mark_is_not_written_for() {
    let mut desk = Desk::open().await;
    let entry = desk.buy("a", 0, &[1]).entry(&mut desk);
    let batch = Batch { lane: LaneId(8), entries: vec![entry].into(), now_ms: 0, unknown_ms: 0 };
    assert!(matches!(write(&desk.ledger, batch).await, Err(BatchFailure::Unbuilt(LaneId(8)))));
}
