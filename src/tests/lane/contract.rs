//! What holds for the Redis lane's scripts. Each refuses arguments that its header does not allow, and then changes
//! nothing. Ended holds and orders take a bounded space. The audit reads in pages.

use std::sync::Arc;

use fred::interfaces::ClientLike as _;
use fred::prelude::{Builder, Client, Config};
use fred::types::{ClusterHash, CustomCommand, Value};
use stanchion::config;
use stanchion::facts::conclusion::SeatTarget;
use stanchion::facts::ids::{CampaignId, EventId, LaneId, LogId};
use stanchion::facts::order::OrderStatus;
use stanchion::lane::recovery::EventDump;
use stanchion::lane::redis::header::Argument;
use stanchion::lane::redis::scripts::{Arity, Script};
use stanchion::lane::redis::{connect, keys, scripts};
use stanchion::lane::seats::{HoldAsk, HoldOutcome};
use stanchion::lane::{Lane, RECENT_MAX, memory};

use crate::lane::conformance::ask::{self, START};
use crate::lane::conformance::hand::stage::{HALL, hall, hall_with, held, inside, placed};
use crate::support::servers::OwnRedis;

/// A value that passes every check of range.
fn valid(argument: &Argument) -> String {
    match argument.name {
        "want" => "adjacent",
        "settings" => "open 0 0 1 1 1 1 1 1 order fifo fixed",
        "status" => "confirmed",
        "generation" | "log" | "conclusions" | "places" | "chunks" => "0",
        "now_ms" => "1800000000000",
        "fact" | "hold_fact" | "body" => "{}",
        "seats" if !argument.is_integer => "0:4;",
        _ if argument.is_integer => "1",
        _ => "x",
    }
    .to_owned()
}

async fn eval(client: &Client, script: &Script, keys: Vec<String>, args: Vec<String>) -> Result<Value, String> {
    let command = CustomCommand::new_static("EVAL", ClusterHash::FirstKey, false);
    let mut all = vec![script.source(), keys.len().to_string()];
    all.extend(keys);
    all.extend(args);
    client.custom(command, all).await.map_err(|error: fred::error::Error| error.details().to_owned())
}

#[tokio::test]
async fn wrong_arguments_change_nothing() {
    let redis = OwnRedis::with(&["--enable-debug-command", "yes"]).await;
    let config =
        config::RedisConfig { url: redis.url(), pool: 1, timeout_ms: 20_000, wait_replicas: 0, skew_max_ms: 0 };
    let lane = connect(&config, 1).await.expect("the server is ready").remove(0);
    lane.begin_restore(START, 1, LogId(0)).await.expect("a new generation");
    lane.end_restore(START, 1).await.expect("the same one");
    hall(&lane).await;
    lane.put_campaign(START, ask::campaign_put("c", 5)).await.expect("an answer");
    lane.claim(START, ask::claim("c", "k", "kim")).await.expect("an answer");
    inside(&lane, START, "kim").await;
    let hold = held(&lane, START, "h", "kim", &[0]).await;
    placed(&lane, START, "o", &hold, "h").await;

    let client = Builder::from_config(Config::from_url(&redis.url()).expect("an address")).build().expect("a client");
    client.init().await.expect("the server is ready");
    let before = redis.says("DEBUG DIGEST");
    let tag = keys::tag(LaneId(0));
    for script in scripts::ALL {
        let path = script.path;
        let (event, campaign) = (EventId::from(HALL), CampaignId::from("c"));
        let about = if path.contains("campaign") || path.contains("claim") {
            keys::KeyOwner::Campaign(&campaign)
        } else {
            keys::KeyOwner::Event(&event)
        };
        let names: Vec<String> = script.header().keys.iter().map(|key| keys::name(&tag, about, *key)).collect();
        let arguments = &script.header().arguments;
        let good: Vec<String> = arguments.iter().map(valid).collect();

        let mut wrong: Vec<(String, Vec<String>, Vec<String>)> = vec![
            ("ARITY".to_owned(), names[1..].to_vec(), good.clone()),
            ("ARITY".to_owned(), [&names[..], &names[..1]].concat(), good.clone()),
            ("ARITY".to_owned(), names.clone(), good[..good.len() - 1].to_vec()),
        ];
        if matches!(script.header().arity(), Arity::Exactly(_)) {
            wrong.push(("ARITY".to_owned(), names.clone(), [&good[..], &["1".to_owned()]].concat()));
        }
        for at in (0..arguments.len()).filter(|at| arguments[*at].is_integer) {
            for bad in ["", "x", "1.5", "1e3", "0x1", " 1", "100000000000000000000", "-100000000000000000000"] {
                let mut args = good.clone();
                args[at] = bad.to_owned();
                wrong.push((format!("RANGE argument {}", at + 1), names.clone(), args));
            }
        }
        for at in (0..arguments.len()).filter(|at| arguments[*at].name == "settings") {
            for bad in ["", "open", "shut 0 0 1 1 1 1 1 1 order fifo fixed", "open 0 0 1 1 1 1 1 x order fifo fixed"] {
                let mut args = good.clone();
                args[at] = bad.to_owned();
                wrong.push((format!("RANGE argument {}", at + 1), names.clone(), args));
            }
        }
        for (refusal, names, args) in wrong {
            let answer = eval(&client, script, names.clone(), args.clone()).await;
            let error = answer.expect_err(&format!("{path} with {names:?} {args:?}"));
            assert!(error.starts_with(&refusal), "{path} with {args:?}: {error}, not {refusal}");
            assert_eq!(redis.says("DEBUG DIGEST"), before, "{path} changed something: {args:?}");
        }
    }
}

/// How many bytes all keys take, as the server counts them.
async fn bytes(client: &Client) -> i64 {
    let ask = async |command: &'static str, args: &[&str]| -> Value {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        client.custom(CustomCommand::new_static(command, ClusterHash::FirstKey, false), args).await.expect("an answer")
    };
    let mut sum = 0;
    for key in ask("KEYS", &["*"]).await.into_array() {
        let key = key.into_string().expect("keys are text");
        sum += ask("MEMORY", &["USAGE", &key, "SAMPLES", "0"]).await.as_i64().expect("a size");
    }
    sum
}

#[tokio::test]
async fn who_gives_back_again_and_again_fills_nothing() {
    let redis = OwnRedis::with(&[]).await;
    let config =
        config::RedisConfig { url: redis.url(), pool: 1, timeout_ms: 20_000, wait_replicas: 0, skew_max_ms: 0 };
    let lane = connect(&config, 1).await.expect("the server is ready").remove(0);
    lane.begin_restore(START, 1, LogId(0)).await.expect("a new generation");
    lane.end_restore(START, 1).await.expect("the same one");
    hall(&lane).await;
    inside(&lane, START, "kim").await;
    let client = Builder::from_config(Config::from_url(&redis.url()).expect("an address")).build().expect("a client");
    client.init().await.expect("the server is ready");
    let more = 500;

    let give_back = async |n: usize, from: usize| {
        for at in from..from + n {
            held(&lane, START, &format!("h{at}"), "kim", &[0, 1, 2, 3]).await;
            lane.release(START, ask::release(HALL, &format!("h{at}"), "kim")).await.expect("an answer");
        }
    };
    give_back(RECENT_MAX, 0).await;
    let before = bytes(&client).await;
    give_back(more, RECENT_MAX).await;
    let each = (bytes(&client).await - before) / i64::try_from(more).expect("few");
    assert!((1..=350).contains(&each), "{each} bytes a hold that ended");

    let cancel = async |n: usize, from: usize| {
        for at in from..from + n {
            let key = format!("o{at}");
            let hold = held(&lane, START, &key, "kim", &[0, 1, 2, 3]).await;
            let order = placed(&lane, START, &key, &hold, &key).await;
            let rejected = ask::conclusion(&hold, &order, 1, OrderStatus::Rejected, SeatTarget::Free);
            let trim = lane.meta().await.expect("an answer").log_last;
            lane.conclude(START, &hold.event, vec![rejected], Some(trim)).await.expect("an answer");
        }
    };
    cancel(RECENT_MAX, 0).await;
    let before = bytes(&client).await;
    cancel(more, RECENT_MAX).await;
    let each = (bytes(&client).await - before) / i64::try_from(more).expect("few");
    assert!((1..=1_000).contains(&each), "{each} bytes an order that was cancelled, with its hold");
}

/// Builds the lane with a hall where 600 holds have 1,200 seats, every second hold ordered, and a campaign with 1,100
/// claims.
async fn crowd(lane: &Arc<dyn Lane>) {
    lane.begin_restore(START, 1, LogId(0)).await.expect("a new generation");
    lane.end_restore(START, 1).await.expect("the same one");
    hall_with(lane, |put| {
        put.seats = 1_300;
        (put.room.capacity, put.room.rate_per_min) = (1_000, 600_000);
    })
    .await;
    for at in 0..600u32 {
        let key = format!("h{at}");
        let want = ask::named(&[2 * at, 2 * at + 1]);
        let ask =
            HoldAsk { user: ask::user(&format!("u{at}")), seats_per_user: 2, ..ask::hold(HALL, &key, "kim", want) };
        // A place is bound to its first user, so each hold comes from a place of its own.
        let visitor = format!("v{at}");
        inside(lane, START, &visitor).await;
        let ask = HoldAsk { visitor: ask::visitor(&visitor), ..ask };
        let HoldOutcome::Held(hold) = lane.hold(START, ask).await.expect("an answer") else { panic!("seats are free") };
        if at % 2 == 0 {
            placed(lane, START, &key, &hold, &key).await;
        }
    }
    lane.put_campaign(START, ask::campaign_put("c", 2_000)).await.expect("an answer");
    for at in 0..1_100 {
        let claim = ask::claim("c", &format!("k{at}"), &format!("u{at}"));
        lane.claim(START, claim).await.expect("an answer");
    }
}

#[tokio::test]
async fn what_the_audit_reads_comes_in_pages_and_is_all_there_is() {
    let redis = OwnRedis::with(&[]).await;
    let config =
        config::RedisConfig { url: redis.url(), pool: 1, timeout_ms: 20_000, wait_replicas: 0, skew_max_ms: 0 };
    let lane = connect(&config, 1).await.expect("the server is ready").remove(0);
    let model = memory::volatile(1).get(LaneId(0)).expect("the only one").clone();
    crowd(&lane).await;
    crowd(&model).await;

    let client = Builder::from_config(Config::from_url(&redis.url()).expect("an address")).build().expect("a client");
    client.init().await.expect("the server is ready");
    let before = steps(&client).await;
    let (event, campaign) = (ask::event(HALL), CampaignId::from("c"));
    let (here, there) = (lane.dump_event(&event).await, model.dump_event(&event).await);
    let (here, there) = (here.expect("an answer").expect("the hall"), there.expect("an answer").expect("the hall"));
    assert_eq!((here.orders.len(), here.holds.len(), here.torn), (300, 600, false));
    let text = |dump: &EventDump| {
        let dump = EventDump { owners: sorted(&dump.owners), ..dump.clone() };
        serde_json::to_string(&dump).expect("plain data")
    };
    assert!(text(&here) == text(&there), "the pages are not the whole");
    let here = lane.dump_campaign(&campaign).await.expect("an answer").expect("the campaign");
    let there = model.dump_campaign(&campaign).await.expect("an answer").expect("the campaign");
    assert_eq!(here, there);
    // Of the event: its head, three pages of seats, and at least one page each of holds, orders and users. Of the
    // campaign: its head, and three pages of claims.
    let least = (1 + 3 + 3) + (1 + 3);
    let steps = steps(&client).await - before;
    assert!(steps >= least, "{steps} steps for {least} pages at least");
}

/// How many script calls (`EVALSHA`) the server has counted.
pub async fn steps(client: &Client) -> i64 {
    let command = CustomCommand::new_static("INFO", ClusterHash::FirstKey, false);
    let stats: String = client.custom(command, vec!["commandstats".to_owned()]).await.expect("an answer");
    let calls = |line: &str| line.split_once(":calls=")?.1.split(',').next()?.parse::<i64>().ok();
    stats.lines().filter(|line| line.starts_with("cmdstat_evalsha")).filter_map(calls).sum()
}

fn sorted<T: Clone + Ord>(list: &[T]) -> Vec<T> {
    let mut list = list.to_vec();
    list.sort();
    list
}
