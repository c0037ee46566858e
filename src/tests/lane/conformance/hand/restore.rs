//! Cases of `begin_restore` to `end_restore`, and of the operations that answer in between.

use std::sync::Arc;

use stanchion::facts::checkpoint::RestoredOrder;
use stanchion::facts::conclusion::SeatTarget;
use stanchion::facts::coupon::Claim;
use stanchion::facts::fault::Fault;
use stanchion::facts::hold::HoldState;
use stanchion::facts::ids::LogId;
use stanchion::facts::order::OrderStatus;
use stanchion::facts::place::PlaceState;
use stanchion::facts::room::score;
use stanchion::facts::seat::SeatState;
use stanchion::lane::Lane;
use stanchion::lane::coupons::ClaimOutcome;
use stanchion::lane::recovery::EventRestore;

use super::cases;
use super::stage::{HALL, conclude, entered, hall, inside, ordered, polled, seats};
use crate::lane::conformance::ask::{self, DAY, SECOND, START};
use crate::lane::conformance::stores::next_generation;

cases![
    a_lane_being_restored_answers_little,
    only_a_new_generation_wipes,
    a_sealed_lane_can_only_be_read_and_rebuilt,
    an_event_comes_back_from_the_ledger,
    restored_orders_go_on,
    who_was_overtaken_restores_nothing,
    newcomers_stand_behind,
    a_campaign_comes_back_with_its_claims,
];

async fn a_lane_being_restored_answers_little(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let token = inside(&lane, START, "kim").await;
    let generation = next_generation();
    lane.begin_restore(START, generation, LogId(41)).await.expect("a new generation");
    let meta = lane.meta().await.expect("answers always");
    assert_eq!((meta.generation, meta.recovering, meta.log_last, meta.backlog), (generation, true, LogId(41), 0));
    for owner in ["a", "b"] {
        lane.unlease(owner).await.expect("answers always");
    }
    lane.lease(START, "a", SECOND).await.expect("answers always").expect("free");
    let answer = lane.enter(START, ask::enter(HALL, "kim")).await;
    assert!(matches!(answer, Err(Fault::Recovering(_))), "{answer:?}");
    assert!(matches!(lane.poll(START, token).await, Err(Fault::Recovering(_))));
    assert!(matches!(lane.put_event(START, ask::put(HALL)).await, Err(Fault::Recovering(_))));
    assert!(matches!(lane.claim(START, ask::claim("c", "k", "kim")).await, Err(Fault::Recovering(_))));
    assert!(matches!(lane.append(START, vec![ask::expired("x", "o")]).await, Err(Fault::Recovering(_))));
    assert!(matches!(lane.read_log(LogId(0), 1).await, Err(Fault::Recovering(_))));
    assert!(matches!(lane.trim(LogId(9)).await, Err(Fault::Recovering(_))));
    assert!(matches!(lane.seats(&ask::event(HALL)).await, Err(Fault::Recovering(_))));
    assert!(matches!(lane.orders(&[]).await, Err(Fault::Recovering(_))));
    assert!(matches!(lane.dump_event(&ask::event(HALL)).await, Err(Fault::Recovering(_))));
    let concluded = lane.conclude(START, &ask::event(HALL), vec![], None).await;
    assert!(matches!(concluded, Err(Fault::Recovering(_))));
    lane.end_restore(START, generation).await.expect("the same generation");
    assert!(lane.room(START, &ask::event(HALL)).await.expect("an answer").is_none(), "everything is gone");
    assert_eq!(lane.lease(START, "b", SECOND).await.expect("an answer"), None, "only the lease is still there");
    lane.append(START, vec![ask::expired("x", "o")]).await.expect("an answer");
    assert_eq!(lane.meta().await.expect("an answer").log_last, LogId(42), "the log counts on");
}

async fn only_a_new_generation_wipes(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let generation = lane.meta().await.expect("an answer").generation;
    for old in [generation, generation - 1] {
        let answer = lane.begin_restore(START, old, LogId(0)).await;
        assert!(matches!(answer, Err(Fault::Contract { .. })), "{answer:?}");
    }
    let outside = EventRestore {
        generation,
        put: ask::put("late"),
        epoch: 2,
        checkpoint: None,
        spent_draws: vec![],
        recover_ms: 0,
        orders: vec![],
    };
    assert!(matches!(lane.restore_event(START, outside).await, Err(Fault::Contract { .. })));
    let outside = lane.restore_campaign(START, generation, ask::campaign_put("late", 1), vec![]).await;
    assert!(matches!(outside, Err(Fault::Contract { .. })));
    lane.end_restore(START, generation).await.expect("a repeat");
    assert_eq!(seats(&lane).await, "ffffffffffff", "nothing was changed");

    let next = next_generation();
    lane.begin_restore(START, next, LogId(0)).await.expect("a new generation");
    lane.begin_restore(START, next, LogId(5)).await.expect("begins again");
    assert_eq!(lane.meta().await.expect("an answer").log_last, LogId(5));
    let wrong = lane.end_restore(START, generation).await;
    assert!(matches!(wrong, Err(Fault::Contract { .. })), "{wrong:?}");
    assert!(lane.meta().await.expect("an answer").recovering);
    lane.end_restore(START, next).await.expect("the same generation");
    lane.end_restore(START, next).await.expect("a repeat");
}

async fn a_sealed_lane_can_only_be_read_and_rebuilt(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let generation = lane.meta().await.expect("an answer").generation;
    lane.append(START, vec![ask::expired("x", "o")]).await.expect("an answer");
    for _ in 0..2 {
        lane.seal().await.expect("an answer");
    }
    assert!(lane.meta().await.expect("answers always").recovering);
    assert!(matches!(lane.append(START, vec![ask::expired("y", "o")]).await, Err(Fault::Recovering(_))));
    assert!(matches!(lane.enter(START, ask::enter(HALL, "kim")).await, Err(Fault::Recovering(_))));
    assert!(matches!(lane.trim(LogId(9)).await, Err(Fault::Recovering(_))));
    let again = lane.begin_restore(START, generation, LogId(0)).await;
    assert!(matches!(again, Err(Fault::Contract { .. })), "it has this generation already: {again:?}");
    lane.end_restore(START, generation).await.expect("a repeat");
    let log = lane.read_log(LogId(0), 9).await.expect("it can be read");
    assert_eq!(log.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["x"], "the repeat opened nothing");

    let next = next_generation();
    lane.begin_restore(START, next, LogId(1)).await.expect("a new generation");
    lane.seal().await.expect("an answer");
    assert!(matches!(lane.read_log(LogId(0), 9).await, Err(Fault::Recovering(_))), "its log is dropped");
    lane.end_restore(START, next).await.expect("the same generation");
    assert!(!lane.meta().await.expect("an answer").recovering);
    assert_eq!(lane.read_log(LogId(0), 9).await.expect("it is open"), vec![]);
}

/// Restores the hall as the ledger would have it: an order "sold" on seats 0 and 1, an order "paying" on seat 4, and a
/// refunded order "refunded".
async fn restored(lane: &Arc<dyn Lane>) -> EventRestore {
    hall(lane).await;
    inside(lane, START, "kim").await;
    let (paying_hold, paying) = ordered(lane, "paying", &[4], OrderStatus::PendingPayment).await;
    let (sold_hold, sold) = ordered(lane, "sold", &[0, 1], OrderStatus::Confirmed).await;
    let (refunded_hold, refunded) = ordered(lane, "refunded", &[2], OrderStatus::Refunded).await;
    let orders = vec![
        RestoredOrder {
            fact: sold,
            hold: sold_hold,
            seats: vec![(0, SeatState::Sold), (1, SeatState::Sold)],
            refundable_until_ms: 0,
        },
        RestoredOrder { fact: paying, hold: paying_hold, seats: vec![(4, SeatState::Paying)], refundable_until_ms: 0 },
        RestoredOrder { fact: refunded, hold: refunded_hold, seats: vec![], refundable_until_ms: 0 },
    ];
    let mut put = ask::put(HALL);
    (put.version, put.blocked) = (7, vec![(1, 2), (11, 12)]);
    let generation = next_generation();
    let restore =
        EventRestore { generation, put, epoch: 9, checkpoint: None, spent_draws: vec![], recover_ms: 0, orders };
    lane.begin_restore(START, generation, LogId(100)).await.expect("a new generation");
    lane.restore_event(START, restore.clone()).await.expect("while restoring");
    lane.restore_event(START, restore.clone()).await.expect("again");
    lane.end_restore(START, generation).await.expect("the same generation");
    restore
}

async fn an_event_comes_back_from_the_ledger(lane: Arc<dyn Lane>) {
    let restore = restored(&lane).await;
    assert_eq!(seats(&lane).await, "ssffpffffffb", "what is sold is sold, blocked or not");
    let dump = lane.dump_event(&ask::event(HALL)).await.expect("an answer").expect("the event");
    assert_eq!((dump.version, dump.log_last), (7, 100));
    assert_eq!(dump.taken, [("kim".to_owned(), 3)]);
    let counts = dump.counts;
    assert_eq!((counts.epoch, counts.round, counts.inside, counts.waiting, counts.admitted_total), (9, 1, 0, 0, 0));
    let mut orders: Vec<_> = restore.orders.iter().map(|order| order.fact.clone()).collect();
    orders.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(dump.orders, orders);
    for hold in &dump.holds {
        assert_eq!(hold.state, HoldState::Ordered);
        let order = restore.orders.iter().find(|order| order.hold.id == hold.id).expect("one of them");
        assert_eq!(hold.order.as_ref(), Some(&order.fact.id));
    }
    assert_eq!(dump.holds.len(), 3);
}

async fn restored_orders_go_on(lane: Arc<dyn Lane>) {
    let restore = restored(&lane).await;
    // Kim is inside again. This place is given back when the paying order is confirmed.
    let kim = inside(&lane, START, "kim").await;
    let paying = &restore.orders[1];
    conclude(&lane, START, ask::conclusion(&paying.hold, &paying.fact, 2, OrderStatus::Confirmed, SeatTarget::Sold))
        .await;
    assert_eq!(seats(&lane).await, "ssffsffffffb");
    assert_eq!(polled(&lane, START, &kim).await, PlaceState::Done, "its hold was open until then");
    let sold = &restore.orders[0];
    conclude(&lane, START, ask::conclusion(&sold.hold, &sold.fact, 2, OrderStatus::Refunded, SeatTarget::Free)).await;
    assert_eq!(seats(&lane).await, "ffffsffffffb");
    lane.pulse(START + DAY, ask::pulse(HALL)).await.expect("an answer");
    let ids = restore.orders.iter().map(|order| order.fact.id.clone()).collect::<Vec<_>>();
    let found = lane.orders(&ids).await.expect("an answer");
    let found: Vec<bool> = found.iter().map(Option::is_some).collect();
    assert_eq!(found, [false, true, false], "what ended is dropped after a day");
}

async fn who_was_overtaken_restores_nothing(lane: Arc<dyn Lane>) {
    let good = restored(&lane).await;
    let (old, new) = (next_generation(), next_generation());
    lane.begin_restore(START, old, LogId(100)).await.expect("a new generation");
    lane.begin_restore(START, new, LogId(100)).await.expect("another writer overtakes");
    let restore = EventRestore { generation: new, ..good };
    lane.restore_event(START, restore.clone()).await.expect("while restoring");
    lane.restore_campaign(START, new, ask::campaign_put("spring", 3), vec![]).await.expect("while restoring");
    let late = EventRestore { generation: old, orders: vec![], ..restore };
    assert!(matches!(lane.restore_event(START, late).await, Err(Fault::Contract { .. })));
    let late = lane.restore_campaign(START, old, ask::campaign_put("spring", 9), vec![]).await;
    assert!(matches!(late, Err(Fault::Contract { .. })), "{late:?}");
    assert!(matches!(lane.end_restore(START, old).await, Err(Fault::Contract { .. })));
    lane.end_restore(START, new).await.expect("the same generation");
    assert_eq!(seats(&lane).await, "ssffpffffffb", "the sold seats stay sold");
    let campaign = lane.dump_campaign(&"spring".into()).await.expect("an answer").expect("the campaign");
    assert_eq!(campaign.stock, 3);
}

async fn newcomers_stand_behind(lane: Arc<dyn Lane>) {
    hall(&lane).await;
    let before = inside(&lane, START, "kim").await;
    let generation = next_generation();
    lane.begin_restore(START, generation, LogId(0)).await.expect("a new generation");
    let mut put = ask::put(HALL);
    put.room.capacity = 0;
    let restore = EventRestore {
        generation,
        put,
        epoch: 2,
        checkpoint: None,
        spent_draws: vec![],
        recover_ms: 0,
        orders: vec![],
    };
    lane.restore_event(START, restore).await.expect("while restoring");
    lane.end_restore(START, generation).await.expect("the same generation");
    let (newcomer, _) = entered(&lane, START, "lee").await;
    assert_eq!((newcomer.score, newcomer.round), (score(2, 1), 1));
    assert_eq!(polled(&lane, START, &before).await, PlaceState::Waiting { ahead: 0 });
    assert_eq!(polled(&lane, START, &newcomer).await, PlaceState::Waiting { ahead: 1 });
}

async fn a_campaign_comes_back_with_its_claims(lane: Arc<dyn Lane>) {
    let generation = next_generation();
    lane.begin_restore(START, generation, LogId(0)).await.expect("a new generation");
    let claims = [("a", "kim"), ("b", "lee")];
    let claims = (1..).zip(claims).map(|(number, (key, who))| Claim {
        version: 3,
        expires_ms: Some(START + SECOND),
        ..ask::claimed(key, number, who)
    });
    let claims: Vec<Claim> = claims.collect();
    for _ in 0..2 {
        let put = ask::campaign_put("spring", 3);
        lane.restore_campaign(START, generation, put, claims.clone()).await.expect("while restoring");
    }
    lane.end_restore(START, generation).await.expect("the same generation");
    let claim =
        async |key: &str, who: &str| lane.claim(START, ask::claim("spring", key, who)).await.expect("an answer");
    let repeated = ClaimOutcome::Repeated { claim: claims[0].clone(), stock_left: 1 };
    assert_eq!(claim("a", "kim").await, repeated);
    assert_eq!(claim("x", "lee").await, ClaimOutcome::AlreadyClaimed);
    assert_eq!(claim("c", "park").await, ClaimOutcome::Claimed { number: 3, stock_left: 0 });
    let dump = lane.dump_campaign(&"spring".into()).await.expect("an answer").expect("the campaign");
    assert_eq!(dump.claims[..2], claims[..]);
}
