//! Audits a hall of 100,000 sold seats while seats in it are held and given back. Shows the longest step of each script
//! inside Redis, and how long a hold takes meanwhile.
//!
//! `cargo run --release --example audit`. README.md says how it is measured.

mod support;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stanchion::clock::Clock;
use stanchion::facts::ids::LogId;
use stanchion::lane::redis::scripts::ScriptLimits;
use stanchion::lane::{Lane, Lanes};
use stanchion::{config, lane};
use support::hall::{self, Crowd, SOLD};
use support::redis::{Commands, Slow, info};
use support::servers::OwnRedis;
use support::table::grouped;
use support::{machine, table};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A round is one window without the audit and one with it.
const ROUNDS: usize = 4;
const WINDOW: Duration = Duration::from_secs(5);

/// A step must take less than this, ms.
const WANTED_MS: f64 = 10.0;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(audit())
}

async fn audit() -> ExitCode {
    println!("{}", machine::line());
    let redis = OwnRedis::start().await;
    let lane = connect(&redis).await;
    let clock = Clock::system();
    let began = Instant::now();
    hall::fill(&*lane, clock.now_ms()).await;
    println!("{} seats sold, in {:.0} s", grouped(f64::from(SOLD), 0), began.elapsed().as_secs_f64());
    let mut slow = Slow::start(&redis, ScriptLimits::default());
    hall::lay_out_again(&*lane, clock.now_ms()).await;
    alone(&redis, &lane, &mut slow).await;

    let stop = Arc::new(AtomicBool::new(false));
    let crowd = Crowd::start(&lane, &clock, &stop).await;
    settled(&redis).await;
    slow.take(&redis);
    slow.calls.clear();
    let (mut without, mut with) = (Steps::default(), Steps::default());
    let mut rounds = Vec::new();
    for n in 1..=ROUNDS {
        let quiet = window(&redis, &crowd, &mut slow, &mut without, None).await;
        let audited = window(&redis, &crowd, &mut slow, &mut with, Some(&lane)).await;
        println!(
            "round {n}: a hold's p99 {:.2} ms without the audit ({} holds), {:.2} ms with {} audits ({} holds); load {}",
            quiet.p99_ms(),
            quiet.holds.len(),
            audited.p99_ms(),
            audited.audits,
            audited.holds.len(),
            machine::load(),
        );
        rounds.push((quiet, audited));
    }
    stop.store(true, Ordering::Relaxed);
    crowd.end().await;

    let of = |figure: &dyn Fn(&(Window, Window)) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
    table::head(&format!("{ROUNDS} rounds of {} s", 2 * WINDOW.as_secs()));
    table::row("audits a second", of(&|(_, with)| with.audits as f64 / WINDOW.as_secs_f64()), 2);
    table::row("hold, p50 without the audit, ms", of(&|(without, _)| without.p50_ms()), 2);
    table::row("hold, p50 with it, ms", of(&|(_, with)| with.p50_ms()), 2);
    table::row("hold, p99 without the audit, ms", of(&|(without, _)| without.p99_ms()), 2);
    table::row("hold, p99 with it, ms", of(&|(_, with)| with.p99_ms()), 2);
    table::row("ratio of the p50", of(&|(without, with)| with.p50_ms() / without.p50_ms()), 2);
    table::row("ratio of the p99", of(&|(without, with)| with.p99_ms() / without.p99_ms()), 2);
    without.print("the longest step inside Redis without the audit");
    with.print("the longest step inside Redis with it");
    let audit = verdict("the longest step of the audit", with.longest(|script| script.starts_with("dump_")));
    let good = verdict("the longest of all steps while it ran", with.longest(|_| true)) && audit;
    ExitCode::from(u8::from(!good))
}

/// Prints whether the step took less than [`WANTED_MS`], and returns it.
fn verdict(what: &str, (script, longest_ms): (&str, f64)) -> bool {
    let good = longest_ms < WANTED_MS;
    let word = if good { "kept" } else { "MISSED" };
    println!("{what}: {longest_ms:.2} ms ({script}); wanted: below {WANTED_MS} ms: {word}");
    good
}

async fn connect(redis: &OwnRedis) -> Arc<dyn Lane> {
    // `Slow` recognizes a script by the digest of its text, in which the bound on skew is 0.
    let config =
        config::RedisConfig { url: redis.url(), pool: 4, timeout_ms: 20_000, wait_replicas: 0, skew_max_ms: 0 };
    let lanes = Lanes::new(lane::redis::connect(&config, 1).await.expect("the server is ready"));
    let lane = lanes.iter().next().expect("one lane").clone();
    lane.begin_restore(0, 1, LogId(0)).await.expect("begun");
    lane
}

/// Prints what one audit costs Redis while nobody else asks anything.
async fn alone(redis: &OwnRedis, lane: &Arc<dyn Lane>, slow: &mut Slow) {
    settled(redis).await;
    slow.take(redis);
    slow.calls.clear();
    let (commands, bytes) = (Commands::of(redis), info(redis, "stats", "total_net_output_bytes"));
    let began = Instant::now();
    hall::check(&**lane).await;
    let took = began.elapsed();
    let steps = Commands::of(redis).sent_since(&commands);
    let bytes = info(redis, "stats", "total_net_output_bytes") - bytes;
    let mut audit = Steps::default();
    audit.take(redis, slow);
    println!(
        "one audit alone: {} steps, {} bytes answered, {:.2} s, of which Redis {:.2} s",
        grouped(steps as f64, 0),
        grouped(bytes, 0),
        took.as_secs_f64(),
        audit.all_ms() / 1_000.0,
    );
    audit.print("its longest steps");
}

/// Waits until Redis is no longer rewriting its append-only file.
async fn settled(redis: &OwnRedis) {
    while info(redis, "persistence", "aof_rewrite_in_progress") > 0.0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

struct Window {
    /// How long each hold took, ms, ascending.
    holds: Vec<f64>,
    audits: u32,
}

impl Window {
    fn p99_ms(&self) -> f64 {
        quantile(&self.holds, 0.99)
    }

    fn p50_ms(&self) -> f64 {
        quantile(&self.holds, 0.5)
    }
}

/// Lets the crowd go on for [`WINDOW`]. If `audited` is given, that lane is audited again and again in that time.
async fn window(
    redis: &OwnRedis,
    crowd: &Crowd,
    slow: &mut Slow,
    steps: &mut Steps,
    audited: Option<&Arc<dyn Lane>>,
) -> Window {
    crowd.take_holds();
    let until = Instant::now() + WINDOW;
    let mut audits = 0;
    while Instant::now() < until {
        match audited {
            Some(lane) => {
                hall::check(&**lane).await;
                audits += 1;
            }
            None => tokio::time::sleep(until - Instant::now()).await,
        }
    }
    let mut holds = crowd.take_holds();
    holds.sort_by(f64::total_cmp);
    steps.take(redis, slow);
    Window { holds, audits }
}

/// How long the steps of each script took inside Redis, ms. Steps shorter than [`Slow::LEAST_US`] are not noted.
#[derive(Default)]
struct Steps(BTreeMap<&'static str, Vec<f64>>);

impl Steps {
    fn take(&mut self, redis: &OwnRedis, slow: &mut Slow) {
        slow.take(redis);
        for (script, calls) in std::mem::take(&mut slow.calls) {
            self.0.entry(script).or_default().extend(calls.into_iter().map(|us| us as f64 / 1_000.0));
        }
    }

    fn all_ms(&self) -> f64 {
        self.0.values().flatten().sum()
    }

    fn longest(&self, of: impl Fn(&str) -> bool) -> (&'static str, f64) {
        let longest = self.0.iter().filter(|(script, _)| of(script)).map(|(script, calls)| (*script, most(calls)));
        longest.max_by(|a, b| a.1.total_cmp(&b.1)).expect("some step took as long as is noted")
    }

    fn print(&self, title: &str) {
        println!("\n{title:<60} {:>8} {:>10} {:>10} {:>10}", "noted", "p50 ms", "p99 ms", "max ms");
        let mut scripts: Vec<_> = self.0.iter().collect();
        scripts.sort_by(|a, b| most(b.1).total_cmp(&most(a.1)));
        for (script, calls) in scripts {
            let mut calls = calls.clone();
            calls.sort_by(f64::total_cmp);
            let (p50, p99) = (quantile(&calls, 0.5), quantile(&calls, 0.99));
            println!("{script:<60} {:>8} {p50:>10.2} {p99:>10.2} {:>10.2}", calls.len(), most(&calls));
        }
    }
}

fn quantile(sorted: &[f64], of: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * of).round() as usize]
}

fn most(calls: &[f64]) -> f64 {
    calls.iter().copied().fold(0.0, f64::max)
}
