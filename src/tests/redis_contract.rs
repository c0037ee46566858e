//! What every script refuses when it is called wrongly, read off its own header: nothing is changed.

use std::path::Path;

use fred::interfaces::ClientLike as _;
use fred::prelude::{Builder, Client, Config};
use fred::types::{ClusterHash, CustomCommand, Value};
use stanchion::config;
use stanchion::ids::{CampaignId, EventId, LaneId, LogId};
use stanchion::lane::RECENT_MAX;
use stanchion::lane::order::{OrderStatus, SeatTarget};
use stanchion::lane::redis::scripts::{self, Arity, Script};
use stanchion::lane::redis::{connect, keys};

use crate::conformance::ask::{self, START};
use crate::conformance::hand::stage::{HALL, hall, held, inside, placed};
use crate::support::servers::OwnRedis;

/// An argument as the header has it.
struct Argument {
    name: String,
    is_integer: bool,
}

fn arguments(script: &Script) -> Vec<Argument> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("lua").join(format!("{}.lua", script.path));
    let text = std::fs::read_to_string(file).expect("every script has its file");
    let lines = text.lines().filter(|line| line.starts_with("-- ARGV["));
    let words = lines.map(|line| line.split_whitespace().skip(2).take(2).collect::<Vec<_>>());
    words.map(|words| Argument { name: words[0].to_owned(), is_integer: words[1] == "integer" }).collect()
}

/// A value that passes every check of range.
fn valid(argument: &Argument) -> String {
    match argument.name.as_str() {
        "want" => "adjacent",
        "mode" => "open",
        "release_on" => "order",
        "order" => "fifo",
        "control" => "fixed",
        "status" => "confirmed",
        "generation" | "log" | "settlements" | "places" | "chunks" => "0",
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
    let config = config::Redis { url: redis.url(), pool: 1, timeout_ms: 20_000, wait_replicas: 0, skew_max_ms: 0 };
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
            keys::About::Campaign(&campaign)
        } else {
            keys::About::Event(&event)
        };
        let names: Vec<String> = script.keys.iter().map(|key| keys::name(&tag, about, *key)).collect();
        let arguments = arguments(script);
        let good: Vec<String> = arguments.iter().map(valid).collect();

        let mut wrong: Vec<(String, Vec<String>, Vec<String>)> = vec![
            ("ARITY".to_owned(), names[1..].to_vec(), good.clone()),
            ("ARITY".to_owned(), [&names[..], &names[..1]].concat(), good.clone()),
            ("ARITY".to_owned(), names.clone(), good[..good.len() - 1].to_vec()),
        ];
        if matches!(script.arity, Arity::Exactly(_)) {
            wrong.push(("ARITY".to_owned(), names.clone(), [&good[..], &["1".to_owned()]].concat()));
        }
        for at in (0..arguments.len()).filter(|at| arguments[*at].is_integer) {
            for bad in ["", "x", "1.5", "1e3", "0x1", " 1", "100000000000000000000", "-100000000000000000000"] {
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

/// Bytes that all keys take, as the server counts them.
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
    let config = config::Redis { url: redis.url(), pool: 1, timeout_ms: 20_000, wait_replicas: 0, skew_max_ms: 0 };
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
            let rejected = ask::settlement(&hold, &order, 1, OrderStatus::Rejected, SeatTarget::Free);
            let trim = lane.meta().await.expect("an answer").log_last;
            lane.settle(START, &hold.event, vec![rejected], Some(trim)).await.expect("an answer");
        }
    };
    cancel(RECENT_MAX, 0).await;
    let before = bytes(&client).await;
    cancel(more, RECENT_MAX).await;
    let each = (bytes(&client).await - before) / i64::try_from(more).expect("few");
    assert!((1..=1_000).contains(&each), "{each} bytes an order that was cancelled, with its hold");
}
