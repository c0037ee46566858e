//! The Redis lane when Redis dies, hangs, forgets or loses an answer. Tests of a lane whose Redis is well belong to the
//! conformance suite.

use std::sync::Arc;

use stanchion::config;
use stanchion::facts::fault::Fault;
use stanchion::facts::ids::LogId;
use stanchion::facts::record::Entry;
use stanchion::lane::coupons::{ClaimOutcome, PutCampaign};
use stanchion::lane::orders::CheckoutOutcome;
use stanchion::lane::redis::{ConnectError, RedisServer, connect};
use stanchion::lane::seats::HoldOutcome;
use stanchion::lane::{Keep, Lane, Result};

use crate::lane::conformance::ask::{self, START};
use crate::lane::conformance::hand::stage::{HALL, hall, hall_with, held, inside, placed, seats};
use crate::support::proxy::{Mode, Proxy};
use crate::support::servers::{self, OwnRedis};

fn config(url: String) -> config::RedisConfig {
    config::RedisConfig { url, pool: 1, timeout_ms: 20_000, wait_replicas: 0, skew_max_ms: 0 }
}

/// Lane 0, as it is on the server.
async fn lane(config: &config::RedisConfig) -> Arc<dyn Lane> {
    connect(config, 1).await.expect("the server is ready").remove(0)
}

/// Lane 0, empty and built.
async fn built(config: &config::RedisConfig) -> Arc<dyn Lane> {
    let lane = lane(config).await;
    lane.begin_restore(START, 1, LogId(0)).await.expect("a new generation");
    lane.end_restore(START, 1).await.expect("the same one");
    lane
}

/// Asks again until there is an answer, at most a hundred times, as every caller may.
async fn answered<T>(ask: impl AsyncFn() -> Result<T>) -> T {
    for _ in 0..100 {
        match ask().await {
            Ok(answer) => return answer,
            Err(Fault::Unavailable { .. }) => {}
            Err(fault) => panic!("{fault:?}"),
        }
    }
    panic!("no answer in a hundred times");
}

fn is_unavailable<T: std::fmt::Debug>(result: &Result<T>) -> bool {
    matches!(result, Err(Fault::Unavailable { .. }))
}

async fn records(lane: &Arc<dyn Lane>) -> Vec<Entry> {
    lane.read_log(LogId(0), 100).await.expect("an answer")
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_a_repeat_has_one_effect() {
    let redis = OwnRedis::start().await;
    let sure = built(&config(redis.url())).await;
    hall(&sure).await;
    assert_eq!(sure.put_campaign(START, ask::campaign_put("c", 5)).await.expect("an answer"), PutCampaign::Done);
    inside(&sure, START, "kim").await;
    let proxy = Proxy::to(redis.address()).await;
    let lane = lane(&config(format!("redis://{}/0", proxy.addr))).await;

    proxy.set(Mode::CutAnswer);
    let hold = || lane.hold(START, ask::hold(HALL, "h", "kim", ask::named(&[0, 1])));
    assert!(is_unavailable(&hold().await), "an answer that never came");
    assert_eq!(seats(&sure).await, "hhffffffffff", "but the step was taken");
    proxy.set(Mode::Pass);
    let repeated = answered(async || hold().await).await;
    assert!(matches!(repeated, HoldOutcome::Repeated(_)), "{repeated:?}");

    proxy.set(Mode::CutAnswer);
    let checkout = || lane.checkout(START, ask::checkout(HALL, "o", "h", "kim", START));
    assert!(is_unavailable(&checkout().await));
    proxy.set(Mode::Pass);
    let repeated = answered(async || checkout().await).await;
    assert!(matches!(repeated, CheckoutOutcome::Repeated(_)), "{repeated:?}");

    proxy.set(Mode::CutAnswer);
    let claim = || lane.claim(START, ask::claim("c", "k", "kim"));
    assert!(is_unavailable(&claim().await));
    proxy.set(Mode::Pass);
    let repeated = answered(async || claim().await).await;
    assert_eq!(repeated, ClaimOutcome::Repeated { claim: ask::claimed("k", 1, "kim"), stock_left: 4 });

    assert_eq!(seats(&sure).await, "ppffffffffff");
    assert_eq!(records(&sure).await.len(), 2, "one record of the order, one of the claim");
}

#[tokio::test]
async fn a_network_that_swallows_is_a_fault_in_time() {
    let redis = OwnRedis::start().await;
    built(&config(redis.url())).await;
    let proxy = Proxy::to(redis.address()).await;
    let lane = lane(&config::RedisConfig { timeout_ms: 200, ..config(format!("redis://{}/0", proxy.addr)) }).await;
    proxy.set(Mode::Swallow);
    assert!(is_unavailable(&lane.meta().await));
    proxy.set(Mode::Pass);
    assert_eq!(answered(async || lane.meta().await).await.generation, 1);
}

#[tokio::test]
async fn what_was_answered_survives_a_kill_and_scripts_come_back() {
    let mut redis = OwnRedis::start().await;
    let lane = built(&config(redis.url())).await;
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    placed(&lane, START, "o", &hold, "h").await;
    redis.kill();
    redis.restart();
    // A Redis that has just started knows no script. The lane meets NOSCRIPT and loads the scripts on the way.
    let checkout = ask::checkout(HALL, "o", "h", "kim", START);
    let repeated = answered(async || lane.checkout(START, checkout.clone()).await).await;
    assert!(matches!(repeated, CheckoutOutcome::Repeated(_)), "{repeated:?}");
    assert!(redis.says("SCRIPT FLUSH").starts_with("+OK"));
    assert_eq!(records(&lane).await.len(), 1);
}

#[tokio::test]
async fn a_wiped_lane_recovers_before_it_sells() {
    let redis = OwnRedis::start().await;
    let lane = built(&config(redis.url())).await;
    hall(&lane).await;
    let token = inside(&lane, START, "kim").await;
    held(&lane, START, "h", "kim", &[0]).await;
    redis.flush();

    let answer = lane.hold(START, ask::hold(HALL, "h2", "kim", ask::named(&[1]))).await;
    assert!(matches!(answer, Err(Fault::Recovering(_))), "{answer:?}");
    assert!(matches!(lane.enter(START, ask::enter(HALL, "lee")).await, Err(Fault::Recovering(_))));
    assert!(matches!(lane.put_event(START, ask::put(HALL)).await, Err(Fault::Recovering(_))));
    let meta = lane.meta().await.expect("answers always");
    assert_eq!((meta.generation, meta.recovering), (0, true));

    lane.begin_restore(START, 2, LogId(0)).await.expect("a new generation");
    lane.end_restore(START, 2).await.expect("the same one");
    hall(&lane).await;
    lane.poll(START, token).await.expect("an answer").expect("the event");
}

#[tokio::test]
async fn a_lane_rolled_back_recovers_for_whoever_has_seen_more() {
    let redis = OwnRedis::start().await;
    let config = config(redis.url());
    let (lane, stranger) = (built(&config).await, lane(&config).await);
    let key = format!("{{{}}}:meta", stanchion::lane::redis::keys::tag(lane.id()));
    lane.append(START, vec![ask::expired("a", "o"), ask::expired("b", "o")]).await.expect("an answer");
    redis.says(&format!("HSET {key} log 1"));
    assert!(matches!(lane.read_log(LogId(0), 9).await, Err(Fault::Recovering(_))));
    assert!(lane.meta().await.expect("answers always").recovering);
    assert!(!stranger.meta().await.expect("answers always").recovering, "a process that has seen nothing cannot tell");

    // Another process has rebuilt the lane. This one learns the new generation, though the new log is shorter.
    stranger.begin_restore(START, 2, LogId(0)).await.expect("a new generation");
    stranger.end_restore(START, 2).await.expect("the same one");
    assert_eq!(records(&lane).await, vec![]);
    redis.says(&format!("HSET {key} generation 1"));
    assert!(matches!(lane.read_log(LogId(0), 9).await, Err(Fault::Recovering(_))), "an old generation is behind");
}

#[tokio::test]
async fn a_wiped_lane_rebuilt_under_its_old_generation_counts_on() {
    let redis = OwnRedis::start().await;
    let lane = built(&config(redis.url())).await;
    lane.append(START, vec![ask::expired("a", "o"), ask::expired("b", "o")]).await.expect("an answer");
    redis.flush();
    assert!(matches!(lane.begin_restore(START, 0, LogId(0)).await, Err(Fault::Contract { .. })));
    lane.begin_restore(START, 1, LogId(1)).await.expect("the lane is gone");
    lane.end_restore(START, 1).await.expect("the same one");
    assert_eq!(lane.meta().await.expect("an answer").log_last, LogId(2), "no id is given twice");
}

#[tokio::test]
async fn a_redis_that_may_forget_is_refused() {
    let redis = OwnRedis::with(&["--maxmemory-policy", "allkeys-lru"]).await;
    let refused = RedisServer::connect(&config(redis.url()), Keep::default()).await.err().expect("it may forget");
    assert!(matches!(&refused, ConnectError::Eviction(policy) if policy == "allkeys-lru"), "{refused:?}");
    assert!(refused.to_string().contains("maxmemory-policy noeviction"), "says what to set: {refused}");

    let address = redis.url();
    drop(redis);
    let refused = RedisServer::connect(&config(address), Keep::default()).await.err().expect("nobody is there");
    assert!(matches!(refused, ConnectError::Unreachable(_)), "{refused:?}");
    let refused =
        RedisServer::connect(&config("nonsense".to_owned()), Keep::default()).await.err().expect("no address");
    assert!(matches!(refused, ConnectError::Url(_)), "{refused:?}");
}

#[tokio::test]
async fn an_order_is_answered_when_the_replicas_have_it() {
    let redis = OwnRedis::with(&["--repl-diskless-sync-delay", "0"]).await;
    let wanted = config::RedisConfig { wait_replicas: 1, timeout_ms: 400, ..config(redis.url()) };
    let lane = built(&wanted).await;
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    held(&lane, START, "h", "kim", &[0]).await;
    let checkout = ask::checkout(HALL, "o", "h", "kim", START);
    assert!(is_unavailable(&lane.checkout(START, checkout.clone()).await), "there is no replica");

    let port = redis.address().port().to_string();
    let _replica = OwnRedis::with(&["--replicaof", "127.0.0.1", &port]).await;
    let repeated = answered(async || lane.checkout(START, checkout.clone()).await).await;
    assert!(matches!(repeated, CheckoutOutcome::Repeated(_)), "{repeated:?}");
}

#[tokio::test]
async fn the_servers_time_is_told() {
    let server =
        RedisServer::connect(&config(servers::redis_url().await), Keep::default()).await.expect("the server is ready");
    let (first, _) = server.time().await.expect("an answer");
    let (second, _) = server.time().await.expect("an answer");
    assert!(START / 2 < first && first <= second, "milliseconds: {first}");
}

#[tokio::test]
async fn more_than_one_call_can_do_is_done_in_several() {
    let lane = built(&config(servers::redis_url().await)).await;
    hall_with(&lane, |put| put.seats = 1_200).await;
    inside(&lane, START, "kim").await;
    for seat in 0..1_100 {
        let ask = stanchion::lane::seats::HoldAsk {
            seats_per_user: 5_000,
            ..ask::hold(HALL, &seat.to_string(), "kim", ask::named(&[seat]))
        };
        assert!(matches!(lane.hold(START, ask).await, Ok(HoldOutcome::Held(_))));
    }
    // All holds have expired by now, and the place inside, which lasts 60 s, has not.
    let later = START + ask::HOLD_TTL_MS;
    let outcome = lane.hold(later, ask::hold(HALL, "late", "kim", ask::named(&[0, 1]))).await.expect("an answer");
    assert!(matches!(outcome, HoldOutcome::Held(_)), "{outcome:?}");
    assert_eq!(lane.room(later, &ask::event(HALL)).await.expect("an answer").expect("the event").held, 2);

    let many: Vec<_> = (0..4_500).map(|n| ask::expired(&format!("r{n}"), "o")).collect();
    lane.append(START, many.clone()).await.expect("an answer");
    assert_eq!(lane.read_log(LogId(0), 9_999).await.expect("an answer").len(), 4_500);
    lane.conclude(START, &ask::event(HALL), vec![], Some(LogId(4_201))).await.expect("an answer");
    assert_eq!(lane.meta().await.expect("an answer").backlog, 300);
    lane.append(START, many).await.expect("an answer");
    assert_eq!(lane.meta().await.expect("an answer").backlog, 4_500, "those still in the log are left out");
    lane.trim(LogId(8_701)).await.expect("an answer");
    assert_eq!(lane.meta().await.expect("an answer").backlog, 0);
}

/// A key that was evicted, deleted or is missing in a backup looks like one that was never written. The counters beside
/// it show that it was.
#[tokio::test]
async fn a_key_that_is_gone_closes_its_lane() {
    let redis = OwnRedis::start().await;
    let of_hall = |key: &str| format!("{{l00-13}}:e:{HALL}:{key}");
    let lanes_own = |key: &str| format!("{{l00-13}}:{key}");
    let of_event =
        ["seats", "owners", "taken", "holds", "hold_states", "expiry", "placed", "waiting", "seen", "inside", "scores"];
    for key in of_event.map(of_hall).into_iter().chain(["orders", "log"].map(lanes_own)) {
        redis.flush();
        let lane = built(&config(redis.url())).await;
        hall_with(&lane, |put| put.room.capacity = 2).await;
        for visitor in ["kim", "lee", "waits"] {
            lane.enter(START, ask::enter(HALL, visitor)).await.expect("an answer");
        }
        let hold = held(&lane, START, "h", "kim", &[0]).await;
        held(&lane, START, "i", "lee", &[1]).await;
        placed(&lane, START, "o", &hold, "h").await;
        lane.pulse(START, ask::pulse(HALL)).await.expect("an answer").expect("the event");
        assert_eq!(lane.meta().await.expect("an answer").lost, None);

        assert!(redis.says(&format!("DEL {key}")).starts_with(":1"), "{key} was there");
        let pulsed = lane.pulse(START, ask::pulse(HALL)).await;
        assert!(matches!(pulsed, Err(Fault::Recovering(_))), "{key}: {pulsed:?}");
        let meta = lane.meta().await.expect("an answer");
        assert!(meta.recovering && meta.lost.is_some(), "{key}: {meta:?}");
        let refused = lane.hold(START, ask::hold(HALL, "j", "lee", ask::named(&[2]))).await;
        assert!(matches!(refused, Err(Fault::Recovering(_))), "{key}: nothing is sold from here on: {refused:?}");
    }
}

#[tokio::test]
async fn what_is_put_again_is_not_taken_for_new() {
    let redis = OwnRedis::start().await;
    let lost = async |delete: &str, put: &dyn Fn(Arc<dyn Lane>) -> futures_util::future::BoxFuture<'static, bool>| {
        redis.flush();
        let lane = built(&config(redis.url())).await;
        hall(&lane).await;
        lane.put_campaign(START, ask::campaign_put("c", 5)).await.expect("an answer");
        lane.claim(START, ask::claim("c", "k", "kim")).await.expect("an answer");
        assert!(redis.says(&format!("DEL {{l00-13}}:{delete}")).starts_with(":1"), "{delete}");
        assert!(put(lane.clone()).await, "{delete}: the lane is closed");
        assert!(lane.meta().await.expect("an answer").lost.is_some(), "{delete}");
    };
    let is_closed = |fault: Option<Fault>| matches!(fault, Some(Fault::Recovering(_)));
    let event = move |lane: Arc<dyn Lane>| {
        Box::pin(async move { is_closed(lane.put_event(START, ask::put(HALL)).await.err()) }) as _
    };
    let campaign = move |lane: Arc<dyn Lane>| {
        Box::pin(async move { is_closed(lane.put_campaign(START, ask::campaign_put("c", 5)).await.err()) }) as _
    };
    let claim = move |lane: Arc<dyn Lane>| {
        Box::pin(async move { is_closed(lane.claim(START, ask::claim("c", "l", "lee")).await.err()) }) as _
    };
    lost(&format!("e:{HALL}:room"), &event).await;
    lost(&format!("e:{HALL}:seats"), &event).await;
    lost("c:c:campaign", &campaign).await;
    lost("c:c:campaign", &claim).await;
    lost("c:c:numbers", &claim).await;
    lost("c:c:claimants", &claim).await;
}

/// What was restored from half a backup is of another rebuilding than the lane.
#[tokio::test]
async fn what_is_of_another_generation_closes_its_lane() {
    let redis = OwnRedis::start().await;
    let is_closed = |fault: Option<Fault>| matches!(fault, Some(Fault::Recovering(_)));
    for key in [format!("e:{HALL}:room"), "c:c:campaign".to_owned()] {
        for asks in [true, false] {
            redis.flush();
            let lane = built(&config(redis.url())).await;
            hall(&lane).await;
            lane.put_campaign(START, ask::campaign_put("c", 5)).await.expect("an answer");
            lane.claim(START, ask::claim("c", "k", "kim")).await.expect("an answer");
            assert!(redis.says(&format!("HSET {{l00-13}}:{key} generation 7")).starts_with(":0"), "{key} has one");
            let answer = match (key.starts_with('e'), asks) {
                (true, true) => lane.pulse(START, ask::pulse(HALL)).await.err(),
                (true, false) => lane.put_event(START, ask::put(HALL)).await.err(),
                (false, true) => lane.claim(START, ask::claim("c", "l", "lee")).await.err(),
                (false, false) => lane.put_campaign(START, ask::campaign_put("c", 5)).await.err(),
            };
            assert!(is_closed(answer), "{key}");
            assert!(lane.meta().await.expect("an answer").lost.is_some(), "{key}");
        }
    }
}

/// A gateway whose machine's time is wrong would end everybody's holds too early, or keep them too long.
#[tokio::test]
async fn a_caller_whose_time_is_off_changes_nothing() {
    let redis = OwnRedis::start().await;
    let clock = stanchion::clock::Clock::system();
    let lane = built(&config(redis.url())).await;
    let now_ms = clock.now_ms();
    lane.put_event(now_ms, ask::put(HALL)).await.expect("an answer");
    lane.enter(now_ms, ask::enter(HALL, "kim")).await.expect("an answer");
    held_at(&lane, now_ms, "h", &[0]).await;

    let strict = connect(&config::RedisConfig { skew_max_ms: 2_000, ..config(redis.url()) }, 1).await;
    let strict = strict.expect("the server is ready").remove(0);
    let day = ask::DAY;
    for off_ms in [-day, -3_000, 3_000, day] {
        let at = clock.now_ms() + off_ms;
        let pulsed = strict.pulse(at, ask::pulse(HALL)).await;
        assert!(is_unavailable(&pulsed), "{off_ms}: {pulsed:?}");
        assert!(is_unavailable(&strict.hold(at, ask::hold(HALL, "i", "kim", ask::named(&[1]))).await), "{off_ms}");
        assert!(is_unavailable(&strict.lease(at, "a", 1_000).await), "{off_ms}");
        assert_eq!(seats(&lane).await, "hfffffffffff", "{off_ms}: nothing has ended and nothing begun");
    }
    assert!(strict.room(clock.now_ms() + day, &ask::event(HALL)).await.is_ok(), "looking changes nothing");
    let pulsed = strict.pulse(clock.now_ms() + 1_000, ask::pulse(HALL)).await.expect("an answer").expect("the event");
    assert_eq!(pulsed.holds_expired, 0);
}

async fn held_at(lane: &Arc<dyn Lane>, now_ms: i64, key: &str, named: &[u32]) {
    let outcome = lane.hold(now_ms, ask::hold(HALL, key, "kim", ask::named(named))).await.expect("an answer");
    assert!(matches!(outcome, HoldOutcome::Held(_)), "{outcome:?}");
}

/// Only the writer can make room in a full Redis. So its lease, its answers and its reading go on while buyers are
/// refused.
#[tokio::test]
async fn a_full_redis_lets_its_writer_work() {
    let redis = OwnRedis::start().await;
    let lane = built(&config(redis.url())).await;
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    placed(&lane, START, "o", &hold, "h").await;
    assert!(redis.says("CONFIG SET maxmemory 1").starts_with("+OK"));
    let full = lane.enter(START, ask::enter(HALL, "lee")).await;
    assert!(is_unavailable(&full), "{full:?}");
    assert!(lane.lease(START, "writer", 5_000).await.expect("a lease").is_some());
    lane.append(START, vec![ask::expired("o.expired.1", "o")]).await.expect("an answer of the provider is taken");
    let log = records(&lane).await;
    assert_eq!(log.len(), 2, "{log:?}");
    lane.trim(log[1].log).await.expect("what is written goes");
    assert_eq!(records(&lane).await.len(), 0);
}
