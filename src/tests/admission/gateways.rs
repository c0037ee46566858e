//! One line behind several gateways, with each poll through any of them, on both stores: what that costs the lane, and
//! what a gateway tells a visitor whom it has never seen.

use std::sync::Arc;

use stanchion::admission::{Entered, Newcomer, VisitorPlace, presence};
use stanchion::facts::draw::DrawKey;
use stanchion::facts::place::Token;
use stanchion::facts::room::{AdmissionOrder, Mode};
use stanchion::shutdown;

use crate::support::doors::{Crowd, Doors, On};
use crate::support::servers::redis_url;

/// More visitors than a board shows one by one. The board gives a position to every place behind those that it shows,
/// even to one that was given up.
const MANY: usize = 600;
/// The index of a visitor behind those whom a board shows one by one.
const FAR: usize = 502;
/// The longest that a batch waits, ms.
const BATCH_MS: u64 = 2_000;
/// Most commands to the lane for each poll.
const WANTED: f64 = 0.02;

async fn costs_little(on: On, gateways: usize, many: usize, seconds: usize) {
    let doors = Doors::open(&on, gateways, |room| room.capacity = 100_000).await;
    doors.enter(1).await;
    let mut crowd = Crowd::enter(&doors, many).await;
    let before = doors.asked();
    let played = crowd.poll(&doors, seconds).await;
    let asked = doors.asked().since(before);
    let each = asked.all() as f64 / played.polls as f64;
    println!("{many} by {gateways} gateways, {seconds} s: {each:.4} commands a poll; {played:?}, {asked:?}");
    assert!(each < WANTED, "{each} commands a poll: {played:?}, {asked:?}");
    assert!(played.admitted > 0 && played.waiting > many as u64, "{played:?}");
}

#[tokio::test]
async fn fifty_thousand_by_ten_gateways_cost_the_model_little() {
    costs_little(On::Memory, 10, 50_000, 30).await;
}

#[tokio::test]
async fn fifty_thousand_by_ten_gateways_cost_redis_little() {
    costs_little(On::Redis(redis_url().await), 10, 50_000, 30).await;
}

#[tokio::test]
async fn five_thousand_cost_little_by_two_gateways_and_by_ten() {
    costs_little(On::Memory, 2, 5_000, 60).await;
    costs_little(On::Memory, 10, 5_000, 60).await;
}

fn is_done(place: &VisitorPlace) -> bool {
    matches!(place, VisitorPlace::Done { .. })
}

/// A visitor leaves through one gateway and polls at another.
async fn who_left_is_told_so_after_one_batch(on: On) {
    let doors = Doors::open(&on, 3, |_| ()).await;
    let tokens = doors.enter(MANY).await;
    let before = doors.asked();
    let gone = &tokens[FAR];
    doors.leave(0, gone).await;
    assert!(is_done(&doors.poll(0, gone).await), "told at once where they left");
    assert_eq!(doors.asked().since(before).poll, 1);
    assert!(is_done(&doors.enter_with(2, gone).await), "and told so when they ask for a new place with the old token");
    let before = doors.asked();
    // The other gateway cannot tell yet that the place was given up.
    let ahead = doors.ahead(1, gone).await;
    assert!((FAR as i64 - ahead).abs() <= 6, "{ahead}");
    assert_eq!(doors.asked().since(before).poll, 0, "the board answered");
    doors.pass(BATCH_MS);
    presence::tell_ripe(&doors.gateways[1]).await;
    for _ in 0..3 {
        assert!(is_done(&doors.poll(1, gone).await), "and every later poll says so");
    }
    let counts = doors.lane.room(doors.clock.now_ms(), &doors.room.event).await.expect("an answer").expect("the room");
    assert_eq!(counts.waiting, MANY as i64 - 1, "nobody put them back");
}

/// The place is spent directly in the lane, so the gateway does not know of it.
async fn a_spent_token_is_told_so_after_one_batch(on: On) {
    let doors = Doors::open(&on, 1, |_| ()).await;
    let tokens = doors.enter(MANY).await;
    assert!(doors.lane.leave(doors.clock.now_ms(), tokens[FAR].clone()).await.expect("an answer"));
    doors.ahead(0, &tokens[FAR]).await;
    doors.tell(0).await;
    assert!(is_done(&doors.poll(0, &tokens[FAR]).await));
}

/// Visitors who were away when called come back at a gateway that has never seen them.
async fn who_is_late_comes_back(on: On) {
    let doors = Doors::open(&on, 3, |room| (room.capacity, room.rate_per_min) = (1, 60)).await;
    let tokens = doors.enter(4).await;
    doors.sleep(61_000).await;
    // The boards of these gateways are from before the call.
    for gateway in [1, 2] {
        doors.poll(gateway, &tokens[3]).await;
    }
    doors.tell(1).await;
    assert!(doors.lane.leave(doors.clock.now_ms(), tokens[0].clone()).await.expect("an answer"));
    let pulsed = doors.pulse().await;
    assert_eq!((pulsed.absent, pulsed.admitted), (2, 1), "two slept, one polled");

    // A board from after the call shows that they were called: the gateway asks the lane, which has them back.
    assert_eq!(doors.ahead(0, &tokens[1]).await, 0);
    // By a board from before the call they wait. The batch brings them back.
    assert_eq!(doors.ahead(2, &tokens[2]).await, 1);
    doors.tell(2).await;
    let late = doors.poll(2, &tokens[2]).await;
    assert!(matches!(late, VisitorPlace::Waiting { ahead: 0, .. } | VisitorPlace::Late { .. }), "{late:?}");
    for back in &tokens[1..3] {
        let inside = doors.lane.leave(doors.clock.now_ms(), tokens[3].clone()).await.expect("an answer");
        doors.pass(1_000);
        assert_eq!(doors.pulse().await.admitted, 1, "{inside}");
        let place = doors.poll(0, back).await;
        assert!(matches!(place, VisitorPlace::Admitted { .. }), "nobody lost their place: {place:?}");
        assert!(doors.lane.leave(doors.clock.now_ms(), back.clone()).await.expect("an answer"));
    }
}

/// A visitor who comes back after a long sleep just before their turn is seen at once, not with a batch.
async fn whose_turn_is_near_is_seen_at_once(on: On) {
    let doors = Doors::open(&on, 2, |room| (room.capacity, room.rate_per_min) = (1, 60)).await;
    let tokens = doors.enter(2).await;
    doors.sleep(61_000).await;
    assert_eq!(doors.ahead(0, &tokens[1]).await, 0);
    doors.leave(1, &tokens[0]).await;
    assert_eq!(doors.pulse().await.admitted, 1, "no batch was told, and nobody is absent");
}

/// A gateway that dies has not told the lane of its last polls. The gateway that the visitor polls next tells it.
async fn a_gateway_that_dies_costs_nobody_their_place(on: On) {
    let mut doors = Doors::open(&on, 2, |room| room.mode = Mode::Paused).await;
    let tokens = doors.enter(1).await;
    doors.pass(40_000);
    doors.ahead(1, &tokens[0]).await;
    doors.gateways.pop();
    doors.pass(15_000);
    doors.ahead(0, &tokens[0]).await;
    doors.pass(BATCH_MS);
    presence::tell_ripe(&doors.gateways[0]).await;
    doors.pass(10_000);
    doors.set(2, |room| room.capacity = 1).await;
    assert_eq!(doors.pulse().await.admitted, 1);
}

async fn a_gateway_that_stops_tells_what_it_knows(on: On) {
    let doors = Doors::open(&on, 1, |room| room.mode = Mode::Paused).await;
    let tokens = doors.enter(1).await;
    doors.pass(61_000);
    doors.ahead(0, &tokens[0]).await;
    let (stop, stopping) = shutdown::channel();
    stop.now();
    presence::run(doors.gateways[0].clone(), stopping).await;
    doors.set(2, |room| room.capacity = 1).await;
    assert_eq!(doors.pulse().await.admitted, 1);
}

/// Before a draw opens, every gateway shows the same place: also to a visitor who has left, once the gateway has told
/// the lane of them, and to one who comes back.
async fn a_draw_is_told_alike_by_every_gateway(on: On) {
    let scheduled = |room: &mut stanchion::facts::room::RoomSettings| {
        (room.mode, room.order, room.rate_per_min) = (Mode::Scheduled, AdmissionOrder::Lottery, 0);
    };
    let mut doors = Doors::open(&on, 2, scheduled).await;
    doors.room.draw = Some(DrawKey([7; 32]));
    let kim = drawn(&doors, "kim").await;
    let before = doors.asked();
    assert!(matches!(doors.poll(1, &kim).await, VisitorPlace::Scheduled { .. }));
    assert_eq!(doors.asked().since(before).poll, 0, "the board answered");
    doors.leave(0, &kim).await;
    assert!(
        matches!(doors.poll(1, &kim).await, VisitorPlace::Scheduled { .. }),
        "this gateway's board is from before they left"
    );
    doors.tell(1).await;
    assert!(is_done(&doors.poll(1, &kim).await));
    assert_eq!(drawn(&doors, "kim").await, kim, "one person, one draw");
    let before = doors.asked();
    for _ in 0..3 {
        assert!(matches!(doors.poll(1, &kim).await, VisitorPlace::Scheduled { .. }));
    }
    assert_eq!(
        doors.asked().since(before).poll,
        1,
        "the lane is asked once and says that they wait again; the board answers the other polls"
    );
}

async fn drawn(doors: &Doors, user: &str) -> Token {
    let gateway: &Arc<_> = &doors.gateways[0];
    match gateway.enter(&doors.room, Newcomer::User(&user.into())).await.expect("an answer") {
        Entered::New(standing) => gateway.read_token(&doors.room, &standing.token).expect("ours"),
        other => panic!("{other:?}"),
    }
}

/// A room without grace spends a late place at once: for a visitor who slept, a batch would come too late. So the lane
/// is asked about every stranger.
async fn without_a_grace_strangers_are_asked_for(on: On) {
    let doors = Doors::open(&on, 1, |room| (room.capacity, room.late_grace_s) = (1, 0)).await;
    let tokens = doors.enter(MANY).await;
    let before = doors.asked();
    doors.ahead(0, &tokens[FAR]).await;
    assert_eq!(doors.asked().since(before).poll, 1);
}

macro_rules! on_both_stores {
    ($($case:ident: $model:ident, $redis:ident;)+) => {
        $(#[tokio::test]
        async fn $model() {
            $case(On::Memory).await;
        }

        #[tokio::test]
        async fn $redis() {
            $case(On::Redis(redis_url().await)).await;
        })+
    };
}

on_both_stores! {
    who_left_is_told_so_after_one_batch: who_left_on_the_model, who_left_on_redis;
    a_spent_token_is_told_so_after_one_batch: spent_on_the_model, spent_on_redis;
    who_is_late_comes_back: late_on_the_model, late_on_redis;
    whose_turn_is_near_is_seen_at_once: near_on_the_model, near_on_redis;
    a_gateway_that_dies_costs_nobody_their_place: dies_on_the_model, dies_on_redis;
    a_gateway_that_stops_tells_what_it_knows: stops_on_the_model, stops_on_redis;
    a_draw_is_told_alike_by_every_gateway: draw_on_the_model, draw_on_redis;
    without_a_grace_strangers_are_asked_for: no_grace_on_the_model, no_grace_on_redis;
}
