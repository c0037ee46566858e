//! Faults of the pipeline: crashes between any two steps, two writers at once, a database that goes and comes back,
//! dead letters, lost lanes.

use std::net::SocketAddr;
use std::time::Duration;

use stanchion::clock::Clock;
use stanchion::facts::ids::LogId;
use stanchion::facts::order::OrderStatus;
use stanchion::facts::record::{Entry, PaymentResult, Record, RecordBody, VERSION};
use stanchion::ledger::catalog::{EventRow, Put};
use stanchion::ledger::draws::DrawSecret;
use stanchion::ledger::writer;
use stanchion::ledger::writer::Batch;
use stanchion::pipeline::{Requeued, audit};

use crate::pipeline::support::{House, LANE, Store, eventually, first_attempt};
use crate::support::proxy::{self, Proxy};
use crate::support::servers;

/// Stores the hall as an event in the ledger, because the audit looks only at events that the ledger has.
async fn put_on_sale(house: &House) {
    let event = EventRow {
        id: "hall".into(),
        lane: LANE,
        version: 1,
        seq: 0,
        spec: "{}".to_owned(),
        layout: "{}".to_owned(),
        draw: DrawSecret::random(),
        away: false,
        returned: false,
        told: None,
    };
    assert_eq!(house.ledger.put_event(event, None, house.clock.now_ms()).await.expect("stores"), Put::Done);
}

/// Reads the log and commits it to the ledger, as a writer does. Does not conclude or trim.
async fn commit_only(house: &House) {
    let entries = house.lane().read_log(LogId(0), 100).await.expect("reads");
    let batch = Batch {
        lane: LANE,
        entries: entries.into(),
        now_ms: house.clock.now_ms(),
        unknown_ms: house.settings.unknown_ms,
    };
    writer::write(&house.ledger, batch).await.expect("commits");
}

#[tokio::test]
async fn killed_between_commit_and_conclude_nothing_happens_twice() {
    let mut house = House::open(Store::Embedded).await;
    let order = house.order("kim", &[0], Some("ok")).await;
    commit_only(&house).await;
    assert_eq!(house.fact(&order).await.status, OrderStatus::Accepted, "the lane was not told");
    house.start();
    house.until(&order, OrderStatus::Confirmed).await;
    assert_eq!(house.provider.captures(&order), 1);
    house.close().await;
}

#[tokio::test]
async fn killed_at_any_moment_the_next_writer_goes_on() {
    let mut house = House::open(Store::Embedded).await;
    let mut orders = Vec::new();
    for seat in 0..12 {
        orders.push(house.order(&format!("buyer{seat}"), &[seat], Some(["ok", "slow"][seat as usize % 2])).await);
        house.start();
        // Lets the writer run for a while, a different one each time.
        for _ in 0..seat {
            tokio::task::yield_now().await;
        }
        house.crash().await;
    }
    house.provider.answer("slow", stanchion::payment::AskOutcome::Captured);
    house.start();
    for order in &orders {
        house.until(order, OrderStatus::Confirmed).await;
    }
    house.close().await;
}

#[tokio::test]
async fn two_writers_at_once_do_no_harm() {
    let mut house = House::open(Store::Servers).await;
    let mut orders = Vec::new();
    for seat in 0..40 {
        orders.push(house.order(&format!("buyer{seat}"), &[seat], Some("ok")).await);
    }
    // One writer has the lease. Two others write without it, against the rules.
    house.start();
    tokio::join!(rogue(&house), rogue(&house));
    for order in &orders {
        house.until(order, OrderStatus::Confirmed).await;
        assert_eq!(house.provider.captures(order), 1);
    }
    house.close().await;
}

/// Writes, concludes and trims without a lease until the log is empty.
async fn rogue(house: &House) {
    loop {
        let entries = house.lane().read_log(LogId(0), 7).await.expect("reads");
        let Some(last) = entries.last().map(|entry| entry.log) else { return };
        let batch = Batch {
            lane: LANE,
            entries: entries.into(),
            now_ms: house.clock.now_ms(),
            unknown_ms: house.settings.unknown_ms,
        };
        // A deadlock or a duplicate means that another writer was faster.
        let Ok(written) = writer::write(&house.ledger, batch).await else { continue };
        for (event, conclusion) in written.conclusions {
            house.lane().conclude(house.clock.now_ms(), &event, vec![conclusion], None).await.expect("concludes");
        }
        house.lane().trim(last).await.expect("trims");
    }
}

#[tokio::test]
async fn a_database_that_is_away_stretches_the_log_and_nothing_else() {
    let url = servers::mysql_url().await;
    let server: SocketAddr = url["mysql://root@".len()..].split('/').next().expect("an address").parse().expect("one");
    let proxy = Proxy::to(server).await;
    let mut house =
        House::with_books(Store::Embedded, Some(url.replace(&server.to_string(), &proxy.addr.to_string()))).await;
    house.start();
    let before = house.order("kim", &[0], Some("ok")).await;
    house.until(&before, OrderStatus::Confirmed).await;
    proxy.set(proxy::Mode::Cut);
    let during = house.order("lee", &[1], Some("ok")).await;
    eventually("the record waits", async || house.lane().meta().await.expect("answers").backlog > 0).await;
    assert_eq!(house.fact(&during).await.status, OrderStatus::Accepted);
    proxy.set(proxy::Mode::Pass);
    house.until(&during, OrderStatus::Confirmed).await;
    house.close().await;
}

#[tokio::test]
async fn a_dead_record_stands_alone_and_comes_back() {
    let mut house = House::open(Store::Embedded).await;
    let mut orders = Vec::new();
    for seat in 0..5 {
        orders.push(house.order(&format!("buyer{seat}"), &[seat], Some("ok")).await);
    }
    // In the middle of the batch is a record that only a newer program can read.
    let newer = RecordBody::OrderCancelled { v: VERSION + 1, order: orders[2].clone() };
    let record = Record { id: "newer".into(), body: newer };
    house.lane().append(house.clock.now_ms(), vec![record]).await.expect("appends");
    for seat in 5..9 {
        orders.push(house.order(&format!("buyer{seat}"), &[seat], Some("ok")).await);
    }
    let pipeline = house.start();
    for (at, order) in orders.iter().enumerate().filter(|(at, _)| *at != 2) {
        house.until(order, OrderStatus::Confirmed).await;
        assert_eq!(house.provider.captures(order), 1, "{at}");
    }
    // The record's order is parked: its next record, the provider's answer, went to the dead letters too.
    let parked = async || pipeline.status().await.is_ok_and(|lanes| lanes[1].dead_letters == 2);
    eventually("two dead letters", parked).await;
    assert_eq!(house.fact(&orders[2]).await.status, OrderStatus::Paying);
    assert!(pipeline.requeue("newer").await.is_err(), "as unreadable as before");
    assert_eq!(pipeline.requeue("nothing").await.expect("answers"), Requeued::NotFound);
    heal(&house).await;
    assert_eq!(pipeline.requeue("newer").await.expect("requeues"), Requeued::Done);
    house.until(&orders[2], OrderStatus::Confirmed).await;
    house.close().await;
}

/// While a record of an order waits in the dead letters, lane and ledger may differ about that order.
#[tokio::test]
async fn the_audit_waits_for_dead_records() {
    let house = House::open(Store::Embedded).await;
    put_on_sale(&house).await;
    let report = async || audit::run(&house.lanes, &house.ledger, &house.clock).await.expect("audits");
    let order = house.order("kim", &[0], Some("ok")).await;
    commit_only(&house).await;
    let result = PaymentResult::Captured;
    let captured =
        RecordBody::PaymentResulted { v: VERSION, order: order.clone(), attempt: first_attempt(&order), result };
    let record = Record { id: "captured".to_owned(), body: captured };
    house.lane().append(house.clock.now_ms(), vec![record]).await.expect("appends");
    commit_only(&house).await;
    let log = house.lane().read_log(LogId(0), 10).await.expect("answers");
    house.lane().trim(log.last().expect("two records").log).await.expect("answers");
    assert!(!report().await.ok, "the lane was not told");
    let buried =
        writer::bury(&house.ledger, LANE, Entry { id: "late".to_owned(), ..log[1].clone() }, "x".to_owned(), 0);
    buried.await.expect("buries");
    let report = report().await;
    assert!(report.ok, "{report:?}");
}

/// The gateway should have refused this order. It did not, so the writer rejects it: its buyer is told, and none of its
/// seats stays taken.
#[tokio::test]
async fn an_order_that_cannot_be_written_ends_and_gives_everything_back() {
    let mut house = House::open(Store::Embedded).await;
    let before = house.order("ann", &[0], Some("ok")).await;
    let order = house.order_at(600_000_000_000, "kim", &[1, 2], Some("ok")).await;
    let after = house.order("lee", &[3], Some("ok")).await;
    let pipeline = house.start();
    house.until(&order, OrderStatus::Rejected).await;
    let fact = house.fact(&order).await;
    assert_eq!((fact.reason, fact.payment), (Some(stanchion::facts::order::Reason::Unprocessable), None));
    assert_eq!(house.seats(1, 2).await, "ff");
    for others in [&before, &after] {
        house.until(others, OrderStatus::Confirmed).await;
    }
    assert!(pipeline.status().await.expect("answers").iter().all(|lane| lane.dead_letters == 0));
    // The next buyer gets the seats.
    let next = house.order("max", &[1, 2], Some("ok")).await;
    house.until(&next, OrderStatus::Confirmed).await;
    house.close().await;
}

/// If a requeue dies between its commit and the lane and nobody repeats it, the order stays `paying` for ever.
#[tokio::test]
async fn a_requeue_that_is_cut_short_is_done_by_the_next() {
    let mut house = House::open(Store::Embedded).await;
    let order = house.order("kim", &[0], Some("ok")).await;
    let newer = RecordBody::OrderCancelled { v: VERSION + 1, order: order.clone() };
    let record = Record { id: "newer".into(), body: newer };
    house.lane().append(house.clock.now_ms(), vec![record]).await.expect("appends");
    let pipeline = house.start();
    let parked = async || pipeline.status().await.is_ok_and(|lanes| lanes[1].dead_letters == 2);
    eventually("two dead letters", parked).await;
    heal(&house).await;
    let now_ms = house.clock.now_ms();
    let cut_short = stanchion::ledger::writer::requeue(&house.ledger, "newer", now_ms, 3_600_000).await;
    assert_eq!(cut_short.expect("commits").expect("a letter").records.len(), 2);
    assert_eq!(house.fact(&order).await.status, OrderStatus::Paying, "nobody told the lane");
    assert_eq!(pipeline.requeue("newer").await.expect("again"), Requeued::Done);
    house.until(&order, OrderStatus::Confirmed).await;
    assert_eq!(house.provider.captures(&order), 1);
    assert_eq!(pipeline.requeue("newer").await.expect("answers"), Requeued::NotFound);
    house.close().await;
}

/// Rewrites the dead letter to version 1, in place of an upgrade to the newer program.
async fn heal(house: &House) {
    house
        .ledger
        .transaction::<_, stanchion::ledger::Error, _>(|conn| {
            Box::pin(async move {
                let text =
                    "UPDATE dead_letter SET entry = REPLACE(entry, '\\\"v\\\":2', '\\\"v\\\":1') WHERE id = 'newer'";
                sqlx::query(text).execute(conn).await?;
                Ok(())
            })
        })
        .await
        .expect("heals");
}

#[tokio::test]
async fn a_lost_lane_is_rebuilt_before_anything_is_sold_embedded() {
    a_lost_lane_is_rebuilt_before_anything_is_sold(Store::Embedded).await;
}

#[tokio::test]
async fn a_lost_lane_is_rebuilt_before_anything_is_sold_on_servers() {
    a_lost_lane_is_rebuilt_before_anything_is_sold(Store::Servers).await;
}

async fn a_lost_lane_is_rebuilt_before_anything_is_sold(store: Store) {
    let mut house = House::open(store).await;
    house.start();
    let sold = house.order("kim", &[0, 1], Some("ok")).await;
    house.until(&sold, OrderStatus::Confirmed).await;
    let paying = house.order("lee", &[2], Some("lost")).await;
    house.until(&paying, OrderStatus::Paying).await;
    house.stop().await;

    let mut house = house.wiped().await;
    assert!(house.lane().seats(&"hall".into()).await.is_err(), "nothing is sold from a lane that was lost");
    house.start();
    house.until_whole().await;
    assert_eq!(house.seats(0, 4).await, "sspf");
    assert_eq!(house.lane().meta().await.expect("answers").generation, 2);
    // The payment under way goes on, and the sold order can be refunded.
    house.provider.answer("lost", stanchion::payment::AskOutcome::Captured);
    house.until(&paying, OrderStatus::Confirmed).await;
    house.refund(&sold, "one", &[2]).await;
    house.until(&sold, OrderStatus::PartiallyRefunded).await;
    assert_eq!(house.seats(0, 4).await, "sfsf");
    house.close().await;
}

#[tokio::test]
async fn what_was_put_aside_is_in_a_rebuilt_lane_embedded() {
    what_was_put_aside_is_in_a_rebuilt_lane(Store::Embedded).await;
}

#[tokio::test]
async fn what_was_put_aside_is_in_a_rebuilt_lane_on_servers() {
    what_was_put_aside_is_in_a_rebuilt_lane(Store::Servers).await;
}

/// A gateway accepted the records that were put aside. So a rebuilt lane gives their seats and coupon numbers to nobody
/// else.
async fn what_was_put_aside_is_in_a_rebuilt_lane(store: Store) {
    let house = House::open(store).await;
    put_on_sale(&house).await;
    let order = house.order("kim", &[0, 1], Some("ok")).await;
    let log = house.lane().read_log(LogId(0), 10).await.expect("answers");
    let claimed = RecordBody::CouponClaimed {
        v: VERSION,
        claim: "k".into(),
        campaign: "gift".into(),
        user: "kim".into(),
        digest: "d".to_owned(),
        version: 3,
        expires_ms: None,
    };
    let body = serde_json::to_string(&claimed).expect("plain data");
    let claim = Entry { log: LogId(9), id: "k".to_owned(), at_ms: 5, body, hold: None, number: Some(1) };
    for entry in log.iter().chain([&claim]) {
        let buried = writer::bury(&house.ledger, LANE, entry.clone(), "broken".to_owned(), house.clock.now_ms());
        buried.await.expect("buries");
    }
    house.lane().trim(log[0].log).await.expect("answers");

    let mut house = house.wiped().await;
    let pipeline = house.start();
    house.until_whole().await;
    assert_eq!(house.seats(0, 3).await, "ppf");
    assert_eq!(house.fact(&order).await.status, OrderStatus::Accepted);
    let claims = house.ledger.claims(&"gift".into()).await.expect("reads");
    let (gift, kim) =
        (claims.first().map(|claim| (claim.number, claim.version)), claims.first().map(|c| c.user.clone()));
    assert_eq!((claims.len(), gift, kim), (1, Some((1, 3)), Some("kim".into())));
    // The order's deadline is over. It waits for a person, and the audit finds nothing wrong.
    let later = Clock::fixed(house.clock.now_ms() + 86_400_000);
    let report = audit::run(&house.lanes, &house.ledger, &later).await.expect("audits");
    assert!(report.ok, "{report:?}");

    assert_eq!(pipeline.requeue(order.as_str()).await.expect("requeues"), Requeued::Done);
    house.until(&order, OrderStatus::Confirmed).await;
    assert_eq!(house.seats(0, 3).await, "ssf");
    house.close().await;
}

#[tokio::test]
async fn a_rebuild_on_demand_takes_the_log_to_the_ledger_first() {
    let house = House::open(Store::Embedded).await;
    let order = house.order("kim", &[0], None).await;
    let pipeline = house.pipeline();
    let done = pipeline.rebuild(LANE).await.expect("rebuilds");
    assert_eq!((done.generation, done.events, done.orders), (2, 1, 1));
    assert_eq!(house.fact(&order).await.status, OrderStatus::PendingPayment);
    assert_eq!(house.seats(0, 2).await, "pf");
    let lease = house.lane().lease(house.clock.now_ms(), "another", 1_000).await.expect("answers");
    assert!(lease.is_some(), "the lease was given back");
    assert!(pipeline.rebuild(LANE).await.is_err(), "another writer has the lease");
    house.clock.advance(Duration::from_secs(2));
    house.close().await;
}
