//! A soak: for an hour, buyers order and have their orders refunded at a steady rate. Checks that what the gateway,
//! Redis and the ledger keep stays level.
//!
//! `cargo run --release --example soak`. README.md says how it is measured. Writes `loadtests/results/soak.csv`
//! and `soak.svg`.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::Connection as _;
use stanchion::demo::latency::Quantiles;
use stanchion::demo::persona::{Cancels, Intent, Persona, Regret};
use stanchion::demo::tally::{Count, CrowdTally, End};
use support::crowd::{self, Crowd};
use support::gateway::{Gateway, House};
use support::plot::{Curve, Panel, Time, svg};
use support::redis::{info, value, values};
use support::table::grouped;
use support::{machine, part};
// A call that blocks goes through this, so that the buyers still have threads.
use tokio::task::block_in_place as blocking;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Defaults and bounds of the two arguments.
const MINUTES: u64 = 60;
const MINUTES_MAX: u64 = 24 * 60;
const RATE: u64 = 200;
const RATE_MAX: u64 = 2_000;

/// Each event is in a lane of its own; there are sixteen lanes.
const EVENTS: [&str; 4] = ["hall-0", "hall-1", "hall-2", "hall-6"];
const PRICE: i64 = 10_000;
/// How long lanes and the ledger keep what is over, s. The shipped defaults are a day (lanes) and thirty days (ledger).
const KEEP_S: &str = "120";

const SAMPLE: Duration = Duration::from_secs(15);
/// Most buyers under way. A buyer who is due while so many are under way is not sent.
const UNDER_WAY_MAX: usize = 3_000;
/// Users of each event who come again and again.
const REGULARS: u64 = 10;

/// The mean of the last quarter may be above that of the second quarter by at most this share.
const GROWTH_MAX: f64 = 0.1;
/// Up to this many more rows are no growth. They belong to buyers under way, and on a slower machine more buyers are
/// under way.
const UNDER_WAY_ROWS: f64 = 200.0;

fn main() -> ExitCode {
    if let Some(part) = part::played() {
        return part::play(&part);
    }
    let minutes = argument(1, MINUTES, MINUTES_MAX);
    let rate = argument(2, RATE, RATE_MAX);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!("{}", machine::line());
    let run = runtime.block_on(run(minutes, rate));
    let results = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("loadtests/results");
    std::fs::create_dir_all(&results).expect("the repository can be written to");
    std::fs::write(results.join("soak.csv"), run.csv()).expect("room on the disk");
    std::fs::write(results.join("soak.svg"), run.picture()).expect("room on the disk");
    run.tell();
    ExitCode::from(u8::from(!run.is_well()))
}

/// A whole number from 1 to `max` on the command line.
fn argument(at: usize, default: u64, max: u64) -> u64 {
    let Some(text) = std::env::args().nth(at) else { return default };
    match text.parse() {
        Ok(number) if (1..=max).contains(&number) => number,
        _ => panic!("argument {at} is a number from 1 to {max}, not {text:?}"),
    }
}

// --- What is looked at ---

struct Series {
    /// Its column in the CSV.
    name: &'static str,
    text: &'static str,
    source: Source,
    wanted: Wanted,
}

enum Source {
    OrdersPerSecond,
    /// Buyers under way.
    Buyers,
    /// This figure of `INFO memory`, MB.
    RedisMemory(&'static str),
    RedisKeys,
    /// Members of all keys of this role, counted with this command.
    RedisMembers(&'static str, &'static str),
    /// Resident memory of the gateway's process, MB.
    GatewayMemory,
    /// Rows counted by this query.
    Rows(&'static str),
    /// Rows of this table as the database estimates them: counting millions would be a load of its own.
    RowsAbout(&'static str),
}

#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    /// Must be level; growth up to this much does not count.
    LevelWithin(f64),
    /// Is only shown, because it may grow or describes the load.
    Shown,
}

use Source::{Buyers, GatewayMemory, OrdersPerSecond, RedisKeys, RedisMembers, RedisMemory, Rows, RowsAbout};
use Wanted::{LevelWithin, Shown};

const fn series(name: &'static str, text: &'static str, source: Source, wanted: Wanted) -> Series {
    Series { name, text, source, wanted }
}

const SERIES: &[Series] = &[
    series("orders_per_s", "orders placed a second", OrdersPerSecond, Shown),
    series("buyers", "buyers under way", Buyers, Shown),
    series("redis_mb", "Redis, memory used, MB", RedisMemory("used_memory"), LevelWithin(0.0)),
    series("redis_keys", "Redis, keys", RedisKeys, LevelWithin(10.0)),
    series("holds", "Redis, holds", RedisMembers("holds", "HLEN"), LevelWithin(UNDER_WAY_ROWS)),
    series("hold_states", "Redis, states of holds", RedisMembers("hold_states", "HLEN"), LevelWithin(UNDER_WAY_ROWS)),
    series("ended", "Redis, ended holds", RedisMembers("ended", "ZCARD"), LevelWithin(UNDER_WAY_ROWS)),
    series("lane_orders", "Redis, orders", RedisMembers("orders", "HLEN"), LevelWithin(UNDER_WAY_ROWS)),
    series("log_ids", "Redis, records in the log", RedisMembers("log_ids", "HLEN"), LevelWithin(UNDER_WAY_ROWS)),
    series("bound", "Redis, users of passes", RedisMembers("bound", "HLEN"), LevelWithin(UNDER_WAY_ROWS)),
    series("gateway_mb", "gateway, resident memory, MB", GatewayMemory, LevelWithin(0.0)),
    series("record_done", "record_done", Rows("SELECT COUNT(*) FROM record_done"), LevelWithin(UNDER_WAY_ROWS)),
    series("outbox", "outbox", Rows("SELECT COUNT(*) FROM outbox"), LevelWithin(UNDER_WAY_ROWS)),
    series("room_inside", "room_inside", Rows("SELECT COUNT(*) FROM room_inside"), LevelWithin(UNDER_WAY_ROWS)),
    series("dead_letter", "dead_letter", Rows("SELECT COUNT(*) FROM dead_letter"), LevelWithin(0.0)),
    series("payments_open", "payment, open", Rows(OPEN_PAYMENTS), LevelWithin(UNDER_WAY_ROWS)),
    series("orders_open", "orders not at their end", Rows(OPEN_ORDERS), LevelWithin(UNDER_WAY_ROWS)),
    series("prepared", "ledger, prepared statements", Rows(PREPARED), Shown),
    series("room_spent", "room_spent", Rows("SELECT COUNT(*) FROM room_spent"), Shown),
    series("orders", "orders, about", RowsAbout("orders"), Shown),
    series("order_line", "order_line, about", RowsAbout("order_line"), Shown),
    series("ticket", "ticket, about", RowsAbout("ticket"), Shown),
    series("payment", "payment, about", RowsAbout("payment"), Shown),
    series("refund", "refund, about", RowsAbout("refund"), Shown),
    series("journal_entry", "journal_entry, about", RowsAbout("journal_entry"), Shown),
];

/// Names all sixteen lanes, because the index begins with the lane.
const OPEN_PAYMENTS: &str =
    "SELECT COUNT(*) FROM payment WHERE lane IN (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) AND opened = 1";
/// Names the events, because the index begins with the event.
const OPEN_ORDERS: &str = "SELECT COUNT(*) FROM orders WHERE event IN ('hall-0', 'hall-1', 'hall-2', 'hall-6') \
     AND status NOT IN ('refunded', 'rejected')";

/// Prepared statements of all connections. MariaDB and MySQL allow 16,382 unless they are told otherwise.
const PREPARED: &str = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status \
     WHERE variable_name = 'PREPARED_STMT_COUNT'";

/// All series at one moment, and the bytes that Redis uses for each role of key.
struct Sample {
    at_min: f64,
    values: Vec<f64>,
    roles: BTreeMap<String, f64>,
}

struct Eyes<'a> {
    house: &'a House,
    gateway: &'a Gateway,
    tally: Arc<CrowdTally>,
    ledger: sqlx::MySqlConnection,
    began: Instant,
    /// When the last look was, and how many orders had been placed by then.
    before: (Instant, u64),
}

impl Eyes<'_> {
    async fn look(&mut self) -> Sample {
        let at = Instant::now();
        let ordered = self.tally.get(Count::Ordered);
        let per_second = (ordered - self.before.1) as f64 / at.duration_since(self.before.0).as_secs_f64().max(1e-3);
        self.before = (at, ordered);
        let keys = blocking(|| self.keys());
        let roles = blocking(|| self.roles(&keys));
        let mut values = Vec::with_capacity(SERIES.len());
        for series in SERIES {
            values.push(match series.source {
                OrdersPerSecond => per_second,
                Buyers => (self.tally.get(Count::Arrived) - self.tally.get(Count::Finished)) as f64,
                RedisMemory(figure) => blocking(|| info(&self.house.redis, "memory", figure)) / 1e6,
                RedisKeys => keys.len() as f64,
                RedisMembers(role, command) => blocking(|| self.members(&keys, role, command)),
                GatewayMemory => machine::memory(self.gateway.id()) as f64 / 1e6,
                Rows(query) => self.number(query).await,
                RowsAbout(table) => self.rows_about(table).await,
            });
        }
        Sample { at_min: at.duration_since(self.began).as_secs_f64() / 60.0, values, roles }
    }

    fn keys(&self) -> Vec<String> {
        let keys = value(&self.house.redis.says("KEYS *"));
        keys.list().iter().map(|key| key.text().to_owned()).collect()
    }

    fn members(&self, keys: &[String], role: &str, command: &str) -> f64 {
        let asked = keys.iter().filter(|key| role_of(key) == role).map(|key| format!("{command} {key}"));
        self.numbers(asked).iter().sum()
    }

    /// Bytes by role. Redis estimates those of a key from 20 of its members.
    fn roles(&self, keys: &[String]) -> BTreeMap<String, f64> {
        let bytes = self.numbers(keys.iter().map(|key| format!("MEMORY USAGE {key} SAMPLES 20")));
        let mut roles = BTreeMap::new();
        for (key, bytes) in keys.iter().zip(bytes) {
            *roles.entry(role_of(key).to_owned()).or_default() += bytes;
        }
        roles
    }

    /// The answers to some commands, sent together; 0 for a key that has gone meanwhile.
    fn numbers(&self, commands: impl Iterator<Item = String>) -> Vec<f64> {
        let commands: Vec<String> = commands.collect();
        let answers = values(&self.house.redis.says(&commands.join("\r\n")));
        answers.iter().take(commands.len()).map(|answer| answer.number().unwrap_or(0) as f64).collect()
    }

    async fn number(&mut self, query: &'static str) -> f64 {
        let number: i64 = sqlx::query_scalar(query).fetch_one(&mut self.ledger).await.expect("the ledger answers");
        number as f64
    }

    async fn rows_about(&mut self, table: &str) -> f64 {
        let query = "SELECT CAST(table_rows AS SIGNED) FROM information_schema.tables \
                     WHERE table_schema = DATABASE() AND table_name = ?";
        let asked = sqlx::query_scalar(query).bind(table).fetch_one(&mut self.ledger);
        let rows: i64 = asked.await.expect("the ledger answers");
        rows as f64
    }
}

/// The last part of a key's name.
fn role_of(key: &str) -> &str {
    key.rsplit(':').next().unwrap_or(key)
}

// --- The run ---

async fn run(minutes: u64, rate: u64) -> Run {
    // The hash of an order's id says where its rows lie, so all pages are soon in use. With little memory, the hour
    // would measure how fast the disk finds these pages.
    let house = House::start_large().await;
    let gateway = blocking(|| {
        house.gateway(&[
            ("STANCHION__STORE__ENDED_KEEP_S", KEEP_S),
            ("STANCHION__PIPELINE__RECORD_KEEP_S", KEEP_S),
            ("STANCHION__LIMITS__VISITOR_RPS", "0"),
            ("STANCHION__LOG__LEVEL", "error"),
        ])
    });
    for event in EVENTS {
        blocking(|| {
            gateway.put_event_with(
                event,
                &json!({
                    "sections": [{"id": "ga", "name": "Standing", "price": PRICE, "capacity": 20_000}],
                    "seats_per_user": 100,
                    "room": {"mode": "open", "capacity": 20_000, "rate_per_min": 60_000, "release_on": "order"},
                }),
            );
        });
    }
    let mut crowd = Crowd::at(&gateway, &["ga"]);
    let tally = crowd.tally.clone();
    let ledger = sqlx::MySqlConnection::connect(&house.ledger_url).await.expect("the ledger is there");
    println!("{minutes} minutes, {rate} orders a second");
    let began = Instant::now();
    let mut eyes = Eyes { house: &house, gateway: &gateway, tally: tally.clone(), ledger, began, before: (began, 0) };
    let length = Duration::from_secs(minutes * 60);
    let coming = tokio::spawn(async move {
        let not_sent = come(&mut crowd, rate, length).await;
        (crowd, not_sent)
    });
    let mut beats = tokio::time::interval(SAMPLE);
    let (mut samples, mut told_min) = (Vec::new(), 0.0);
    beats.tick().await;
    while began.elapsed() < length {
        beats.tick().await;
        let sample = eyes.look().await;
        if sample.at_min >= told_min {
            told_min += 5.0;
            tell_sample(&sample);
        }
        samples.push(sample);
    }
    let (mut crowd, not_sent) = coming.await.expect("no panic");
    let took_s = began.elapsed().as_secs_f64();
    // Gives all buyers under way three minutes to come to their end.
    let patience = Instant::now();
    while crowd.under_way() > 0 && patience.elapsed() < Duration::from_secs(180) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut left = crowd.under_way() as u64;
    if left > 0 {
        println!("{left} buyers did not come to an end");
    }
    let open = eyes.number(OPEN_ORDERS).await as u64;
    if open > 0 {
        println!("{open} orders are not at their end");
    }
    left += open;
    let audit_began = Instant::now();
    let audit = blocking(|| house.audit());
    let audit_s = audit_began.elapsed().as_secs_f64();
    if audit["ok"] != true {
        println!("audit: {audit}");
    }
    let ends = [End::BoughtAndRefunded, End::Cancelled, End::GaveTheHoldBack];
    let load = Load {
        minutes,
        rate,
        took_s,
        placed: tally.get(Count::Ordered),
        not_sent,
        ends: ends.map(|end| crowd::ended(&tally, end)),
        wrong: crowd::wrong(&tally, &ends) + left,
        waits: tally.confirmation.quantiles(),
    };
    Run { load, samples, audit_ok: audit["ok"] == true, audit_s }
}

fn event_of(n: u64) -> &'static str {
    EVENTS[(n % EVENTS.len() as u64) as usize]
}

fn tell_sample(sample: &Sample) {
    let shown = ["orders_per_s", "buyers", "redis_mb", "gateway_mb", "record_done"];
    let figures = SERIES.iter().zip(&sample.values).filter(|(series, _)| shown.contains(&series.name));
    let figures: Vec<String> = figures.map(|(series, value)| format!("{} {value:.1}", series.text)).collect();
    println!("{:>5.1} min: {}; load {}", sample.at_min, figures.join("; "), machine::load());
}

// --- The buyers ---

/// Of twenty buyers one releases the hold, one cancels the order, and the others pay and have everything refunded.
fn buyer(n: u64) -> Persona {
    let buyer = Persona::buyer(n as usize, 1 + (n / 20 % 2) as usize);
    match n % 20 {
        0 => Persona { intent: Intent::Release, ..buyer },
        10 => Persona { intent: Intent::OrderOnly { cancels: Cancels::Yes }, ..buyer },
        _ => Persona { regret: Regret::Everything, ..buyer },
    }
}

/// Of twenty buyers four are regulars, among them the one who releases.
fn user_of(n: u64) -> String {
    match n % 20 {
        0..=3 => format!("regular-{}-{}", event_of(n), n / 20 % REGULARS),
        _ => format!("buyer-{n}"),
    }
}

/// An open loop: buyers arrive often enough to place `rate` orders a second, however long each buyer takes. Returns how
/// many were not sent, because [`UNDER_WAY_MAX`] were under way.
async fn come(crowd: &mut Crowd, rate: u64, length: Duration) -> u64 {
    let began = Instant::now();
    let per_second = rate as f64 * 20.0 / 19.0;
    let mut beats = tokio::time::interval(Duration::from_millis(10));
    let (mut n, mut not_sent) = (0, 0);
    while began.elapsed() < length {
        beats.tick().await;
        let due = (began.elapsed().as_secs_f64() * per_second) as u64;
        while n < due {
            n += 1;
            if crowd.under_way() >= UNDER_WAY_MAX {
                not_sent += 1;
                continue;
            }
            crowd.send(event_of(n), &user_of(n), buyer(n));
        }
    }
    not_sent
}

// --- What came of it ---

struct Load {
    minutes: u64,
    rate: u64,
    took_s: f64,
    placed: u64,
    not_sent: u64,
    /// Refunded, cancelled, released.
    ends: [u64; 3],
    wrong: u64,
    /// From the order's answer to its confirmation.
    waits: Quantiles,
}

struct Run {
    load: Load,
    samples: Vec<Sample>,
    audit_ok: bool,
    audit_s: f64,
}

impl Run {
    fn is_well(&self) -> bool {
        let level = (0..SERIES.len()).all(|at| self.is_level(at) != Some(false));
        level && self.audit_ok && self.load.wrong == 0
    }

    /// Whether a series is level; `None`: it need not be.
    fn is_level(&self, at: usize) -> Option<bool> {
        let LevelWithin(slack) = SERIES[at].wanted else { return None };
        let (second, last) = (self.mean(at, 0.25, 0.5), self.mean(at, 0.75, 1.0));
        Some(last <= second * (1.0 + GROWTH_MAX) + slack)
    }

    /// Samples between two shares of the time.
    fn between(&self, from: f64, to: f64) -> &[Sample] {
        let at = |share: f64| (self.samples.len() as f64 * share).round() as usize;
        &self.samples[at(from)..at(to)]
    }

    fn mean(&self, at: usize, from: f64, to: f64) -> f64 {
        let samples = self.between(from, to);
        samples.iter().map(|sample| sample.values[at]).sum::<f64>() / samples.len().max(1) as f64
    }

    /// The slope, a minute, of the straight line that is nearest to the second half.
    fn slope_per_min(&self, at: usize) -> f64 {
        let half = self.between(0.5, 1.0);
        let n = half.len().max(1) as f64;
        let mean_x = half.iter().map(|sample| sample.at_min).sum::<f64>() / n;
        let mean_y = half.iter().map(|sample| sample.values[at]).sum::<f64>() / n;
        let (mut up, mut along) = (0.0, 0.0);
        for sample in half {
            let x = sample.at_min - mean_x;
            up += x * (sample.values[at] - mean_y);
            along += x * x;
        }
        if along > 0.0 { up / along } else { 0.0 }
    }

    /// The sample at a share of the time.
    fn at(&self, share: f64) -> &Sample {
        let last = self.samples.len() - 1;
        &self.samples[(last as f64 * share).round() as usize]
    }

    fn tell(&self) {
        let titles = ["at 1/4", "at 1/2", "at the end", "mean of 2nd", "mean of 4th", "a minute"];
        print!("\n{:<34}", "");
        titles.iter().for_each(|title| print!(" {title:>12}"));
        println!();
        for (at, series) in SERIES.iter().enumerate() {
            let figures = [
                self.at(0.25).values[at],
                self.at(0.5).values[at],
                self.at(1.0).values[at],
                self.mean(at, 0.25, 0.5),
                self.mean(at, 0.75, 1.0),
                self.slope_per_min(at),
            ];
            print!("{:<34}", series.text);
            figures.iter().for_each(|figure| print!(" {:>12}", grouped(*figure, 1)));
            println!(
                "  {}",
                match self.is_level(at) {
                    Some(true) => "level",
                    Some(false) => "NOT LEVEL",
                    None => "",
                }
            );
        }
        self.tell_roles();
        self.tell_load();
    }

    /// Prints Redis' memory by role of key, for roles that have at least a hundredth of it.
    fn tell_roles(&self) {
        let moments = [self.at(0.25), self.at(0.5), self.at(1.0)];
        let all: f64 = moments[2].roles.values().sum();
        println!("\nRedis, KB by role of key");
        for (role, bytes) in &moments[2].roles {
            if *bytes < all / 100.0 {
                continue;
            }
            print!("{role:<34}");
            for moment in moments {
                print!(" {:>12}", grouped(moment.roles.get(role).copied().unwrap_or(0.0) / 1e3, 0));
            }
            println!();
        }
    }

    fn tell_load(&self) {
        let Load { took_s, placed, not_sent, ends: [refunded, cancelled, released], wrong, waits, .. } = &self.load;
        println!(
            "\n{placed} orders in {took_s:.0} s: {:.1} a second of {} wanted; {not_sent} buyers not sent because \
             {UNDER_WAY_MAX} were under way",
            *placed as f64 / took_s,
            self.load.rate
        );
        println!(
            "{refunded} refunded, {cancelled} cancelled, {released} holds released; from order to confirmation {:.1} s \
             (half), {:.1} s (99 of 100), {:.1} s (longest)",
            waits.p50.as_secs_f64(),
            waits.p99.as_secs_f64(),
            waits.max.as_secs_f64()
        );
        println!(
            "answers that should not be: {wrong}; audit {} in {:.0} s",
            if self.audit_ok { "clean" } else { "NOT clean" },
            self.audit_s
        );
        println!("{}", if self.is_well() { "level" } else { "NOT WELL" });
    }

    fn csv(&self) -> String {
        let names: Vec<&str> = SERIES.iter().map(|series| series.name).collect();
        let mut text = format!("minute,{}\n", names.join(","));
        for sample in &self.samples {
            let _ = write!(text, "{:.2}", sample.at_min);
            for value in &sample.values {
                let _ = write!(text, ",{}", (value * 100.0).round() / 100.0);
            }
            text.push('\n');
        }
        text
    }

    fn picture(&self) -> String {
        const COLOURS: [&str; 4] = ["#0b63b5", "#c2410c", "#15803d", "#7c3aed"];
        let panel = |title, names: &[&str]| {
            let curves = names.iter().zip(COLOURS).map(|(name, colour)| {
                let at = SERIES.iter().position(|series| series.name == *name).expect("a series");
                let points = self.samples.iter().map(|sample| (sample.at_min, sample.values[at])).collect();
                Curve { name: SERIES[at].text, colour, dashed: false, points }
            });
            Panel { title, curves: curves.collect() }
        };
        let panels = [
            panel("Orders placed a second", &["orders_per_s"]),
            panel("Memory, MB", &["redis_mb", "gateway_mb"]),
            panel("What is kept for two minutes here", &["record_done", "lane_orders", "ended"]),
            panel("Under way", &["orders_open", "payments_open", "room_inside"]),
            panel("Grows by right (as the database estimates)", &["orders", "refund"]),
        ];
        svg(&panels, None, &Time { until: self.load.minutes as f64, unit: "min" })
    }
}
