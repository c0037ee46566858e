//! The outbox and its deliveries, as the ledger keeps them.

use stanchion::facts::ids::LaneId;
use stanchion::facts::notice::{Notice, NoticeKind};
use stanchion::ledger::outbox::HandOver;
use stanchion::ledger::outbox::delivery::{DeliveryAttempt, DeliveryState, NewDelivery};
use stanchion::ledger::outbox::kafka::KAFKA;
use stanchion::ledger::outbox::room::{RoomNews, RoomTold};
use stanchion::ledger::outbox::subscription::{Destination, SigningSecret, Subscription, SubscriptionState};
use stanchion::ledger::{Ledger, ReadSource};

use crate::ledger::rows::{on_both, run};

on_both! {
    a_change_of_a_room_is_told_once
    rows_are_handed_over_once
    a_delivery_behind_one_that_waits_is_not_due
    an_attempt_that_is_noted_late_changes_nothing
    deliveries_are_forgotten_by_their_state_and_age
    a_subscription_is_changed_over_what_was_read
    what_waits_for_kafka_stays_while_a_process_has_it
}

const LANE: LaneId = LaneId(1);

fn delivery(ord: i64, about: &str) -> NewDelivery {
    NewDelivery {
        subscription: "crm".into(),
        id: format!("1-{ord}-0"),
        lane: LANE,
        ord,
        about: about.into(),
        kind: "stanchion.order.placed.v1".into(),
        body: "{}".into(),
        at_ms: 100,
    }
}

fn attempt(ord: i64, attempts: i64, state: DeliveryState, next_ms: i64) -> DeliveryAttempt {
    let (subscription, id) = ("crm".to_owned(), format!("1-{ord}-0"));
    DeliveryAttempt {
        subscription,
        id,
        attempts,
        state,
        next_ms,
        status: Some(500),
        detail: Some("answered 500".into()),
    }
}

/// Two processes may see one change.
async fn a_change_of_a_room_is_told_once(ledger: &Ledger) {
    let put = Subscription {
        name: "crm".into(),
        version: 1,
        to: Destination::Webhook { url: "https://crm.example".into(), secrets: Vec::new() },
        types: vec!["*".into()],
        state: SubscriptionState::On,
    };
    assert!(ledger.put_subscription(put, 1).await.expect("writes"));
    let told = |mode: &str| RoomTold { mode: mode.into(), sold_out: false };
    let tell = async |before: Option<&str>, after: &str| {
        let notice = Notice::Event {
            kind: NoticeKind::RoomPaused,
            event: "hall".into(),
            data: serde_json::json!({"mode": after}),
        };
        let (before, after) = (before.map(told), told(after));
        let news = RoomNews { lane: LANE, event: "hall".into(), before, after, notices: vec![notice] };
        ledger.tell_room(news, 5).await.expect("writes")
    };
    assert_eq!(ledger.room_told(&"hall".into()).await.expect("reads"), None);
    assert!(tell(None, "open").await);
    assert!(!tell(None, "open").await);
    assert!(tell(Some("open"), "paused").await);
    assert!(!tell(Some("open"), "paused").await, "another has told it");
    assert_eq!(ledger.room_told(&"hall".into()).await.expect("reads"), Some(told("paused")));
    let modes: Vec<_> =
        ledger.outbox(LANE, 9).await.expect("reads").into_iter().flat_map(|row| row.told.notices).collect();
    assert_eq!(modes.len(), 2, "{modes:?}");
}

async fn due(ledger: &Ledger, now_ms: i64) -> Vec<String> {
    let due = ledger.due_deliveries("crm", LANE, now_ms, 100).await.expect("reads");
    due.into_iter().map(|due| due.id).collect()
}

async fn count(ledger: &Ledger, text: &'static str) -> i64 {
    ledger
        .read("test", ReadSource::Primary, move |conn| {
            Box::pin(async move { Ok(sqlx::query_scalar(text).fetch_one(conn).await?) })
        })
        .await
        .expect("reads")
}

async fn rows_are_handed_over_once(ledger: &Ledger) {
    let told = r#"{"notices": [{"of": "order", "kind": "order.placed"}]}"#;
    let rows = format!(
        "INSERT INTO outbox (lane, seq, at_ms, told) VALUES (1, 7, 100, '{told}'), (1, 8, 100, '{told}'), (2, 1, 100, '{told}')"
    );
    run(ledger, rows).await.expect("rows");
    let read = ledger.outbox(LANE, 10).await.expect("reads");
    assert_eq!(read.iter().map(|row| row.seq).collect::<Vec<_>>(), [7, 8]);
    let hand = || HandOver { lane: LANE, upto: 8, rows: 2, deliveries: vec![delivery(1, "a"), delivery(2, "b")] };
    assert!(ledger.hand_over(hand()).await.expect("writes"));
    // Another owner of the lane read the same rows.
    assert!(!ledger.hand_over(hand()).await.expect("writes"), "somebody else did so");
    assert_eq!(count(ledger, "SELECT COUNT(*) FROM delivery").await, 2);
    assert_eq!(count(ledger, "SELECT COUNT(*) FROM outbox").await, 1, "another lane's");
    // Of rows that are not there, nothing is made.
    let more = HandOver { lane: LaneId(2), upto: 1, rows: 2, deliveries: vec![delivery(3, "c")] };
    assert!(!ledger.hand_over(more).await.expect("writes"));
    assert_eq!(count(ledger, "SELECT COUNT(*) FROM outbox").await, 1, "it was rolled back");
}

async fn a_delivery_behind_one_that_waits_is_not_due(ledger: &Ledger) {
    for (ord, about) in [(1, "a"), (2, "a"), (3, "b"), (4, "a")] {
        ledger.add_delivery(delivery(ord, about)).await.expect("writes");
    }
    assert_eq!(due(ledger, 99).await, [""; 0]);
    assert_eq!(due(ledger, 100).await, ["1-1-0", "1-2-0", "1-3-0", "1-4-0"]);
    ledger.note_attempts(vec![attempt(1, 1, DeliveryState::Delivered, 100)]).await.expect("writes");
    ledger.note_attempts(vec![attempt(2, 1, DeliveryState::Pending, 5_000)]).await.expect("writes");
    assert_eq!(due(ledger, 200).await, ["1-3-0"], "4 is behind 2");
    assert_eq!(due(ledger, 5_000).await, ["1-2-0", "1-3-0", "1-4-0"]);
    ledger.note_attempts(vec![attempt(2, 2, DeliveryState::Failed, 5_000)]).await.expect("writes");
    assert_eq!(due(ledger, 5_000).await, ["1-3-0", "1-4-0"], "what has failed for good holds up nobody");
    assert!(ledger.replay_delivery("crm".into(), "1-2-0".into(), 6_000).await.expect("writes"));
    assert_eq!(due(ledger, 6_000).await, ["1-2-0", "1-3-0", "1-4-0"]);
    assert!(!ledger.replay_delivery("crm".into(), "1-9-0".into(), 6_000).await.expect("writes"), "there is none");
}

async fn an_attempt_that_is_noted_late_changes_nothing(ledger: &Ledger) {
    ledger.add_delivery(delivery(1, "a")).await.expect("writes");
    let noted = async |attempt| ledger.note_attempts(vec![attempt]).await.expect("writes");
    noted(attempt(1, 1, DeliveryState::Pending, 500)).await;
    // Another owner had read it before that.
    noted(attempt(1, 1, DeliveryState::Failed, 600)).await;
    assert_eq!(due(ledger, 500).await, ["1-1-0"]);
    noted(attempt(1, 2, DeliveryState::Delivered, 700)).await;
    noted(attempt(1, 3, DeliveryState::Pending, 800)).await;
    assert_eq!(due(ledger, 9_999).await, [""; 0], "what was taken is not sent again");
    let page = ledger.deliveries("crm", DeliveryState::Delivered, None, 10).await.expect("reads");
    assert_eq!((page.items[0].attempts, page.items[0].next_ms), (2, 700));
}

async fn deliveries_are_forgotten_by_their_state_and_age(ledger: &Ledger) {
    for (ord, state) in [(1, DeliveryState::Delivered), (2, DeliveryState::Delivered), (3, DeliveryState::Failed)] {
        ledger.add_delivery(delivery(ord, "a")).await.expect("writes");
        ledger.note_attempts(vec![attempt(ord, 1, state, 150)]).await.expect("writes");
    }
    let forget =
        async |lane, state, before_ms| ledger.forget_deliveries(lane, state, before_ms, 1).await.expect("writes");
    assert_eq!(forget(LANE, DeliveryState::Delivered, 100).await, 0, "it is not old");
    assert_eq!(forget(LaneId(2), DeliveryState::Delivered, 101).await, 0, "another lane's");
    assert_eq!(forget(LANE, DeliveryState::Delivered, 101).await, 1, "one at a time");
    assert_eq!(forget(LANE, DeliveryState::Delivered, 101).await, 1);
    assert_eq!(count(ledger, "SELECT COUNT(*) FROM delivery WHERE state = 'failed'").await, 1);
}

async fn a_subscription_is_changed_over_what_was_read(ledger: &Ledger) {
    let put = |version, state| Subscription {
        name: "crm".into(),
        version,
        to: Destination::Webhook {
            url: "https://crm.example.org/".into(),
            secrets: vec![SigningSecret { text: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(), until_ms: None }],
        },
        types: vec!["order.*".into()],
        state,
    };
    assert!(ledger.put_subscription(put(1, SubscriptionState::On), 5).await.expect("writes"));
    assert!(!ledger.put_subscription(put(1, SubscriptionState::On), 5).await.expect("writes"), "it is there");
    assert!(ledger.put_subscription(put(2, SubscriptionState::Paused), 6).await.expect("writes"));
    assert!(!ledger.put_subscription(put(2, SubscriptionState::On), 6).await.expect("writes"), "another change came");
    // An endpoint that was gone before the change is not gone now.
    ledger.disable_subscription("crm".into(), 1, 7).await.expect("writes");
    assert_eq!(ledger.subscriptions().await.expect("reads"), [put(2, SubscriptionState::Paused)]);
    ledger.disable_subscription("crm".into(), 2, 7).await.expect("writes");
    assert_eq!(ledger.subscriptions().await.expect("reads"), [put(3, SubscriptionState::Disabled)]);
    ledger.add_delivery(delivery(1, "a")).await.expect("writes");
    assert!(ledger.delete_subscription("crm".into()).await.expect("writes"));
    assert!(!ledger.delete_subscription("crm".into()).await.expect("writes"));
    assert_eq!(count(ledger, "SELECT COUNT(*) FROM delivery").await, 0, "its deliveries go with it");
}

async fn what_waits_for_kafka_stays_while_a_process_has_it(ledger: &Ledger) {
    ledger.keep_kafka(1_000).await.expect("writes");
    ledger.keep_kafka(2_000).await.expect("writes");
    let kafka = Subscription {
        name: KAFKA.into(),
        version: 1,
        to: Destination::Kafka,
        types: vec!["*".into()],
        state: SubscriptionState::On,
    };
    assert_eq!(ledger.subscriptions().await.expect("reads"), [kafka]);
    let for_kafka = |ord| NewDelivery { subscription: KAFKA.into(), ..delivery(ord, "a") };
    for new in [for_kafka(1), for_kafka(2), delivery(3, "a")] {
        ledger.add_delivery(new).await.expect("writes");
    }
    let taken = DeliveryAttempt { subscription: KAFKA.into(), ..attempt(1, 1, DeliveryState::Delivered, 150) };
    ledger.note_attempts(vec![taken]).await.expect("writes");
    let forget = async |state| ledger.forget_deliveries(LANE, state, 9_999, 10).await.expect("writes");
    assert_eq!(forget(DeliveryState::Delivered).await, 1, "Kafka has it");
    assert_eq!(forget(DeliveryState::Pending).await, 1, "the webhook's alone");
    assert_eq!(count(ledger, "SELECT COUNT(*) FROM delivery WHERE subscription = '@kafka'").await, 1);

    // A process was there at 2,000.
    ledger.forget_kafka(2_000).await.expect("writes");
    assert_eq!(forget(DeliveryState::Pending).await, 0);
    ledger.forget_kafka(2_001).await.expect("writes");
    assert_eq!(ledger.subscriptions().await.expect("reads"), []);
    assert_eq!(forget(DeliveryState::Pending).await, 1, "nobody will ask for it");
}
