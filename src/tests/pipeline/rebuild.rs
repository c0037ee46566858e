//! A lane that was rebuilt from the ledger answers repeats, and has everything that was accepted before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use stanchion::facts::ids::EventId;
use stanchion::facts::order::OrderStatus;
use stanchion::facts::place::{PlaceState, Token};
use stanchion::facts::room::{AdmissionOrder, Mode};
use stanchion::lane::rooms::{Enter, EnterOutcome, Entrant};
use stanchion::lane::{Lanes, redis};
use stanchion::ledger::store::between::{Between, DatabaseCall};
use stanchion::pipeline::Error;
use stanchion::{config, ledger};
use tokio::sync::Notify;

use crate::lane::conformance::ask;
use crate::pipeline::support::{self, House, LANE};
use crate::purchase::support::Buyer;
use crate::support::gateway::{Gateway, Store, eventually, small_hall};
use crate::support::servers::OwnRedis;

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_lane_answers_repeats() {
    let redis = OwnRedis::start().await;
    let gateway = Gateway::start_with(Store::Redis, |config| config.redis.url = redis.url()).await;
    gateway.put_event("again", &small_hall()).await;
    let kim = Buyer::enter(&gateway, "again", "kim").await;
    let hold_call = |seats: Value| kim.hold_call(&json!({ "seats": seats })).key("hold");
    let asked = || json!(["a-1-1", "a-1-3"]);
    let hold = hold_call(asked()).send().await.expect(201).text("id");
    let payment = json!({"payment": {"provider": "sandbox", "key": "ok"}});
    let order_call = || kim.order_call(&hold, payment.clone()).key("order");
    let order = order_call().send().await.expect(202).text("id");
    assert_eq!(gateway.concluded("kim", &order).await["status"], "confirmed");

    let refund_call = || kim.refund_call(&order, 1).key("refund");
    let refund = refund_call().send().await.expect(202).text("id");
    let path = format!("/v1/orders/{order}/refunds/{refund}");
    eventually("the refund is done", async || kim.get(&path).send().await.json["status"] == "done").await;

    redis.flush();
    eventually("the lane is rebuilt", async || hold_call(asked()).send().await.status != 503).await;
    let again = hold_call(asked()).send().await.expect(201);
    assert_eq!((again.text("id"), again.text("state")), (hold.clone(), "ordered".to_owned()));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    hold_call(json!(["a-1-2"])).send().await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    let again = order_call().send().await.expect(202);
    assert_eq!((again.text("id"), again.text("status")), (order.clone(), "partially_refunded".to_owned()));
    eventually("its refunds are known", async || refund_call().send().await.status == 202).await;
    let again = refund_call().send().await.expect(202);
    assert_eq!((again.text("id"), again.text("status")), (refund, "done".to_owned()));
}

/// Loses one key of a hall or a campaign at a time: what was sold stays sold, and nobody waits for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_lost_one_of_its_keys_is_rebuilt() {
    let redis = OwnRedis::start().await;
    let gateway = Gateway::start_with(Store::Redis, |config| config.redis.url = redis.url()).await;
    let mut hall = small_hall();
    hall["room"]["release_on"] = json!("exit");
    // The room recovers long enough for the visitors inside to come back by their passes.
    hall["room"]["recover_s"] = json!(3);
    gateway.put_event("holes", &hall).await;
    gateway.put_campaign("gift", &json!({"name": "x", "kind": "fixed", "amount": 10, "stock": 2})).await;
    let claim = async |user: &str| {
        let call = gateway.public.post("/v1/coupons/gift/claims").bearer(&gateway.token(user)).key("c");
        call.json(&json!({})).send().await
    };
    claim("kim").await.expect(201);
    let kim = Buyer::enter(&gateway, "holes", "kim").await;
    let order = kim.buy(&kim.hold(&["a-1-1"]).await, "ok").await;
    assert_eq!(order["status"], "confirmed");
    let lee = Buyer::enter(&gateway, "holes", "lee").await;
    let tag = |text: &str| text.split(['{', '}']).nth(1).expect("a tag").to_owned();
    let (hall, gift) = (tag(&redis.says("KEYS *e:holes:room")), tag(&redis.says("KEYS *c:gift:campaign")));
    let keys = ["room", "seats", "owners", "taken"].map(|key| format!("{{{hall}}}:e:holes:{key}"));
    for key in keys {
        assert!(redis.says(&format!("DEL {key}")).starts_with(":1"), "{key} was there");
        eventually("the hall is rebuilt", async || redis.says(&format!("EXISTS {key}")).starts_with(":1")).await;
        let taken = async || lee.hold_call(&json!({"seats": ["a-1-1"]})).send().await;
        eventually("the sale goes on", async || taken().await.status != 503).await;
        taken().await.expect_code(409, "SEATS_TAKEN");
        let free = lee.hold_call(&json!({"seats": ["a-1-2"]})).send().await.expect(201).text("id");
        lee.delete(&format!("/v1/events/holes/holds/{free}")).send().await.expect(204);
    }
    for key in ["campaign", "numbers"] {
        let name = format!("{{{gift}}}:c:gift:{key}");
        assert!(redis.says(&format!("DEL {name}")).starts_with(":1"), "{key} was there");
        eventually("the campaign is served", async || claim("lee").await.status == 201).await;
        assert!(redis.says(&format!("EXISTS {name}")).starts_with(":1"), "{key} is back");
    }
    claim("park").await.expect_code(409, "SOLD_OUT");
}

/// A replica that lacks the last record takes over. The lane is behind, but the orders that it still has were accepted,
/// and the writer has not seen them yet.
#[tokio::test]
async fn what_a_lane_still_has_after_a_rollback_is_not_lost() {
    let server = OwnRedis::start().await;
    let mut house = House::open(support::Store::Embedded).await;
    let config =
        config::RedisConfig { url: server.url(), pool: 2, timeout_ms: 20_000, wait_replicas: 0, skew_max_ms: 0 };
    house.lanes = Lanes::new(redis::connect(&config, house.lanes.count()).await.expect("the server is ready"));
    for lane in house.lanes.iter() {
        house.pipeline().rebuild(lane.id()).await.expect("a first boot");
    }
    let order = house.order("kim", &[0], None).await;
    house.lane().append(house.clock.now_ms(), vec![ask::expired("gone", "o")]).await.expect("answers");
    let last = house.lane().meta().await.expect("answers").log_last.0;
    let tag = redis::keys::tag(LANE);
    server.says(&format!("XDEL {{{tag}}}:log {last}-0"));
    server.says(&format!("HSET {{{tag}}}:meta log {}", last - 1));
    assert!(
        house.lane().meta().await.expect("answers").recovering,
        "the lane is behind what this process has seen of it"
    );

    house.start();
    house.until_whole().await;
    house.until(&order, OrderStatus::PendingPayment).await;
    assert_eq!(house.seats(0, 2).await, "pf");
    house.close().await;
}

/// A lane reports spent draws to the ledger change by change. A rebuilt lane knows all spent draws and reports its
/// changes from the first on again.
async fn who_is_through_by_a_draw(store: support::Store) {
    let house = House::open(store).await;
    house.set(|room| (room.order, room.mode) = (AdmissionOrder::Lottery, Mode::Scheduled));
    // Nobody has entered yet, so the rebuild makes a new room.
    let mut house = house.wiped().await;
    house.pipeline().rebuild(LANE).await.expect("of a lottery");
    let now_ms = house.clock.now_ms();
    let draws = [("a", -9), ("b", -8), ("c", -7)];
    let entrant = |(who, draw)| Entrant { visitor: ask::visitor(who), draw: Some(draw) };
    let enter = Enter { visitors: draws.map(entrant).into(), ..ask::enter_all(support::HALL, &[]) };
    house.lane().enter(now_ms, enter).await.expect("answers");
    house.set(|room| room.mode = Mode::Open);
    house.lane().put_event(now_ms, house.hall().await).await.expect("answers");
    house.lane().pulse(now_ms, ask::pulse(support::HALL)).await.expect("answers");

    let token = |(who, score)| Token { score, ..ask::token(support::HALL, who, 1) };
    for through in 1..=draws.len() {
        assert!(house.lane().leave(now_ms, token(draws[through - 1])).await.expect("answers"));
        // If the lane is whole, its rooms are saved before the rebuild. If it is lost, the last save counts.
        for is_lost in [false, true] {
            if is_lost {
                house = house.wiped().await;
            }
            house.pipeline().rebuild(LANE).await.expect("of a lottery");
            for (at, draw) in draws.into_iter().enumerate() {
                let place = house.lane().poll(now_ms, token(draw)).await.expect("answers").expect("the hall");
                assert_eq!(place.state == PlaceState::Done, at < through, "{draw:?} when {through} are through");
            }
        }
    }
}

#[tokio::test]
async fn who_is_through_by_a_draw_in_the_embedded_lane_stays_so() {
    who_is_through_by_a_draw(support::Store::Embedded).await;
}

#[tokio::test]
async fn who_is_through_by_a_draw_on_redis_stays_so() {
    who_is_through_by_a_draw(support::Store::Servers).await;
}

/// The lane was told that a sale is closed. While it is lost, the next sale begins.
async fn a_sale_begun_while_the_lane_is_lost(store: support::Store) {
    let house = House::open(store).await;
    let event: EventId = support::HALL.into();
    let now_ms = house.clock.now_ms();
    let enter = async |house: &House, who: &str| {
        let entered = house.lane().enter(now_ms, ask::enter(support::HALL, who)).await.expect("answers");
        let Some(EnterOutcome::Entered { score, place }) = entered.into_iter().next() else { panic!("{who} enters") };
        Token { event: event.clone(), visitor: ask::visitor(who), score, round: place.counts.round }
    };
    let room = async |house: &House| house.lane().room(now_ms, &event).await.expect("answers").expect("the hall");
    let kim = enter(&house, "kim").await;
    house.pipeline().rebuild(LANE).await.expect("of an open room");
    assert_eq!(room(&house).await.round, 1);

    house.set(|room| room.mode = Mode::Closed);
    house.lane().put_event(now_ms, house.hall().await).await.expect("the lane is told");
    // The rebuild first saves the room as it is.
    house.pipeline().rebuild(LANE).await.expect("of a closed room");
    assert_eq!((room(&house).await.round, room(&house).await.inside), (1, 1), "a closed room stays closed");

    house.set(|room| room.mode = Mode::Open);
    let house = house.wiped().await;
    house.pipeline().rebuild(LANE).await.expect("of a room that is not closed any more");
    let now = room(&house).await;
    assert_eq!((now.round, now.inside, now.admitted_total), (2, 0, 1));
    let place = house.lane().poll(now_ms, kim.clone()).await.expect("answers").expect("the hall");
    assert_eq!(place.state, PlaceState::Done, "the place is of the sale before");
    let lee = enter(&house, "lee").await;
    assert!(lee.score > kim.score, "scores only grow");
    house.pipeline().rebuild(LANE).await.expect("once more");
    assert_eq!(room(&house).await.round, 2, "one sale, one round");
}

#[tokio::test]
async fn a_sale_begun_while_the_embedded_lane_is_lost_is_a_new_round() {
    a_sale_begun_while_the_lane_is_lost(support::Store::Embedded).await;
}

#[tokio::test]
async fn a_sale_begun_while_the_lane_on_redis_is_lost_is_a_new_round() {
    a_sale_begun_while_the_lane_is_lost(support::Store::Servers).await;
}

/// The policy of Redis may change while it serves, or another server may answer to the same name.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_may_forget_is_noticed_with_the_next_connection() {
    let redis = OwnRedis::start().await;
    let gateway = Gateway::start_with(Store::Redis, |config| config.redis.url = redis.url()).await;
    let becomes = async |policy: &str, status: u16| {
        assert!(redis.says(&format!("CONFIG SET maxmemory-policy {policy}")).starts_with("+OK"));
        redis.says("CLIENT KILL TYPE normal");
        eventually("it is noticed", async || {
            let ready = gateway.admin.get("/readyz").send().await;
            ready.status == status && ready.json["store_fit"] == (status == 200)
        })
        .await;
    };
    becomes("allkeys-lru", 503).await;
    let metrics = gateway.admin.get("/metrics").send().await.expect(200).body;
    let metrics = String::from_utf8(metrics.to_vec()).expect("text");
    assert!(metrics.contains("stanchion_lane_store_unfit{what=\"eviction\"} 1"));
    becomes("noeviction", 200).await;
}

/// Lets calls to the ledger pass, but holds the call of this number, counted from 0, until `goes_on`.
#[derive(Clone)]
struct Held(Arc<Gate>);

struct Gate {
    number: usize,
    calls: AtomicUsize,
    reached: Notify,
    goes_on: Notify,
}

impl Held {
    fn at(number: usize) -> Self {
        Self(Arc::new(Gate { number, calls: AtomicUsize::new(0), reached: Notify::new(), goes_on: Notify::new() }))
    }
}

impl Between for Held {
    fn before(&self) -> ledger::Result<()> {
        Ok(())
    }

    fn at_commit(&self) -> ledger::Result<()> {
        Ok(())
    }

    fn after(&self) -> ledger::Result<()> {
        Ok(())
    }

    fn carry<'c>(&self, call: DatabaseCall<'c>) -> DatabaseCall<'c> {
        let gate = self.0.clone();
        Box::pin(async move {
            if gate.calls.fetch_add(1, Ordering::Relaxed) == gate.number {
                gate.reached.notify_one();
                gate.goes_on.notified().await;
            }
            call.await;
        })
    }
}

/// While one writer rebuilds a lane, another overtakes it. The first then finds the lane open, with an order that only
/// its log has, and must not wipe it.
async fn who_was_overtaken_wipes_nothing(store: support::Store) {
    let mut house = House::open(store).await.wiped().await;
    // Holds the third call of the rebuild. The calls are: the lane's mark, the mark again to see whether the lane is
    // whole, and once more after its log was saved.
    let held = Held::at(2);
    let ledger = house.ledger.clone();
    house.ledger = ledger.clone().through(Arc::new(held.clone()));
    let slow = house.pipeline();
    house.ledger = ledger;
    let slow = tokio::spawn(async move { slow.rebuild(LANE).await });
    held.0.reached.notified().await;
    house.clock.advance(Duration::from_millis(house.settings.lease_ms.unsigned_abs() + 1));
    house.pipeline().rebuild(LANE).await.expect("the lease has run out");
    let order = house.order("kim", &[0], None).await;

    held.0.goes_on.notify_one();
    let ended = slow.await.expect("no panic");
    assert!(matches!(ended, Err(Error::Leased(LANE))), "{ended:?}");
    let known = house.lane().orders(std::slice::from_ref(&order)).await.expect("open");
    assert!(known[0].is_some(), "the order is there");
    house.start();
    house.until(&order, OrderStatus::PendingPayment).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_overtaken_wipes_nothing_embedded() {
    who_was_overtaken_wipes_nothing(support::Store::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_overtaken_wipes_nothing_on_servers() {
    who_was_overtaken_wipes_nothing(support::Store::Servers).await;
}

/// A process that has just begun has seen nothing of a lane. The ledger has seen more than an older copy of the lane
/// contains.
#[tokio::test]
async fn who_begins_on_an_older_copy_opens_no_doors() {
    let server = OwnRedis::start().await;
    let mut house = House::open(support::Store::Embedded).await;
    let config =
        config::RedisConfig { url: server.url(), pool: 2, timeout_ms: 20_000, wait_replicas: 0, skew_max_ms: 0 };
    let count = house.lanes.count();
    let connect = async || Lanes::new(redis::connect(&config, count).await.expect("the server is ready"));
    house.lanes = connect().await;
    for lane in house.lanes.iter() {
        house.pipeline().rebuild(lane.id()).await.expect("a first boot");
    }
    let before = house.lane().meta().await.expect("answers").log_last.0;
    house.start();
    let order = house.order("kim", &[0], None).await;
    house.until(&order, OrderStatus::PendingPayment).await;
    house.stop().await;
    house.pipeline().close_behind().await.expect("the stores answer");
    assert!(!house.lane().meta().await.expect("answers").recovering, "the lane has all that the ledger has seen");

    server.says(&format!("HSET {{{}}}:meta log {before}", redis::keys::tag(LANE)));
    house.lanes = connect().await;
    assert!(!house.lane().meta().await.expect("answers").recovering, "nobody knows better yet");
    house.pipeline().close_behind().await.expect("the stores answer");
    assert!(house.lane().meta().await.expect("answers").recovering, "the lane serves nobody");
    house.start();
    house.until_whole().await;
    house.until(&order, OrderStatus::PendingPayment).await;
    assert_eq!(house.seats(0, 2).await, "pf");
    house.close().await;
}
