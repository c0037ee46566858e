//! What the scripts of a sale cost Redis, in multiples of a bare script of three commands in the same server: alone, and
//! when many go to the lane together.
//!
//! `cargo run --release --example scripts [runs]`. README.md says how it is measured.

mod support;

use std::collections::BTreeMap;

use fred::interfaces::ClientLike as _;
use fred::types::config::Config;
use fred::types::{Builder, ClusterHash, CustomCommand};
use futures_util::future::join_all;
use stanchion::clock::Clock;
use stanchion::config::{self, load_from};
use stanchion::facts::ids::{CampaignId, ClaimId, FactKind, LaneId, LogId, Scope, UserId, fact_id};
use stanchion::facts::record::{Record, RecordBody, VERSION};
use stanchion::lane;
use stanchion::lane::Lane;
use stanchion::lane::coupons::{CampaignPut, ClaimAsk, ClaimOutcome, PutCampaign};
use support::servers::OwnRedis;
use support::table::grouped;
use support::{machine, table};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: usize = 5;
/// Operations of one measurement.
const MANY: usize = 10_000;
/// Operations under way at once, where they may go together.
const TOGETHER: usize = 100;
/// The measure of all others.
const BARE: &str =
    "redis.call('HINCRBY',KEYS[1],'n',1)redis.call('HSET',KEYS[1],'k',ARGV[1])return redis.call('HGET',KEYS[1],'k')";

/// What one run found: by name, µs and commands of Redis for one operation.
type Costs = BTreeMap<&'static str, (f64, f64)>;

#[tokio::main]
async fn main() {
    println!("{}", machine::line());
    let runs = std::env::args().nth(1).map_or(RUNS, |text| text.parse().expect("how many runs"));
    let mut found: Vec<Costs> = Vec::new();
    for run in 1..=runs {
        found.push(once().await);
        println!("run {run} of {runs}; load {}", machine::load());
    }
    table::head(&format!("{runs} runs of {} operations", grouped(MANY as f64, 0)));
    let of = |name: &str| found.iter().map(|costs| costs[name]).collect::<Vec<_>>();
    table::row("a bare script of three commands, µs", of("bare").into_iter().map(|(micros, _)| micros), 2);
    for name in ["claim, alone", "claim, together"] {
        let bare = found.iter().map(|costs| costs["bare"].0);
        table::row(&format!("{name}, µs"), of(name).into_iter().map(|(micros, _)| micros), 2);
        table::row(&format!("{name}, bare scripts"), of(name).into_iter().zip(bare).map(|((m, _), bare)| m / bare), 2);
        table::row(&format!("{name}, commands"), of(name).into_iter().map(|(_, commands)| commands), 2);
    }
}

async fn once() -> Costs {
    // Its work is to be seen by itself, without the writing of a log.
    let server = OwnRedis::with(&["--appendonly", "no"]).await;
    let config = load_from("", std::iter::empty()).expect("the defaults are good").redis;
    let config = config::RedisConfig { url: server.url(), pool: 1, skew_max_ms: 0, ..config };
    let lane = lane::redis::connect(&config, 1).await.expect("the server is ready").remove(0);
    let now_ms = Clock::system().now_ms();
    lane.begin_restore(now_ms, 1, LogId(0)).await.expect("a new generation");
    lane.end_restore(now_ms, 1).await.expect("the same one");
    assert_eq!(lane.id(), LaneId(0));

    let mut costs = Costs::new();
    let before = Spent::of(&server);
    let client = Builder::from_config(Config::from_url(&server.url()).expect("an address")).build().expect("a client");
    client.init().await.expect("the server is ready");
    for n in 0..MANY {
        // EVAL finds the script that it compiled before, as EVALSHA does.
        let eval = CustomCommand::new_static("EVAL", ClusterHash::FirstKey, false);
        let words = [BARE, "1", "bare", &format!("value-{n}")].map(str::to_owned).to_vec();
        let _: String = client.custom(eval, words).await.expect("an answer");
    }
    costs.insert("bare", before.until_now(&server, MANY));
    for (name, together) in [("claim, alone", 1), ("claim, together", TOGETHER)] {
        costs.insert(name, claims(lane.as_ref(), &server, now_ms, together).await);
    }
    costs
}

/// Claims of one campaign, `together` of them at once.
async fn claims(lane: &dyn Lane, server: &OwnRedis, now_ms: i64, together: usize) -> (f64, f64) {
    let campaign = CampaignId::from(format!("c{together}"));
    let put = CampaignPut {
        campaign: campaign.clone(),
        version: 1,
        stock: 1_000_000,
        per_user: 1,
        opens_at_ms: 0,
        closes_at_ms: 0,
        expires_at_ms: 0,
    };
    assert_eq!(lane.put_campaign(now_ms, put).await.expect("an answer"), PutCampaign::Done);
    let ask = |n: usize| {
        let user = format!("user-{n}");
        let scope = Scope { user: &user, method: "POST", path: campaign.as_str(), key: "1" };
        let claim = ClaimId::from(fact_id(FactKind::Claim, lane.id(), scope));
        let (user, digest) = (UserId::from(&*user), "d".repeat(64));
        let body = RecordBody::CouponClaimed {
            v: VERSION,
            claim: claim.clone(),
            campaign: campaign.clone(),
            user: user.clone(),
            digest: digest.clone(),
            version: 1,
            expires_ms: None,
        };
        let record = Record { id: claim.to_string(), body };
        let (campaign, log_max) = (campaign.clone(), 10_000_000);
        ClaimAsk { campaign, claim, digest, user, version: 1, expires_ms: None, record, log_max }
    };
    let all: Vec<usize> = (0..MANY).collect();
    let before = Spent::of(server);
    for some in all.chunks(together) {
        for outcome in join_all(some.iter().map(|n| lane.claim(now_ms, ask(*n)))).await {
            assert!(matches!(outcome, Ok(ClaimOutcome::Claimed { .. })), "{outcome:?}");
        }
    }
    before.until_now(server, MANY)
}

/// What scripts have cost a server since it started.
struct Spent {
    /// Time of the scripts, with the commands inside them, µs.
    micros: f64,
    /// Commands that scripts called.
    commands: f64,
}

impl Spent {
    fn of(server: &OwnRedis) -> Self {
        let mut spent = Self { micros: 0.0, commands: 0.0 };
        for line in server.says("INFO commandstats").lines() {
            let Some((name, facts)) = line.strip_prefix("cmdstat_").and_then(|line| line.split_once(':')) else {
                continue;
            };
            let of = |fact: &str| -> f64 {
                let found = facts.split(',').find_map(|part| part.strip_prefix(fact)?.strip_prefix('='));
                found.and_then(|number| number.trim().parse().ok()).expect("a number")
            };
            if matches!(name, "evalsha" | "eval") {
                spent.micros += of("usec");
            } else if !["info", "quit", "time", "ping"].contains(&name) {
                spent.commands += of("calls");
            }
        }
        spent
    }

    /// µs and commands of each of `many` operations since then.
    fn until_now(&self, server: &OwnRedis, many: usize) -> (f64, f64) {
        let now = Self::of(server);
        ((now.micros - self.micros) / many as f64, (now.commands - self.commands) / many as f64)
    }
}
