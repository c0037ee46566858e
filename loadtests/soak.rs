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
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value as Json, json};
use sqlx::Connection as _;
use support::client::{Answer, Client};
use support::gateway::{Bearers, Gateway, House};
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
const UNDER_WAY_MAX: u64 = 3_000;
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
    series("outbox_sent", "outbox, sent", Rows("SELECT COUNT(*) FROM outbox WHERE sent_ms > 0"), LevelWithin(0.0)),
    series("room_inside", "room_inside", Rows("SELECT COUNT(*) FROM room_inside"), LevelWithin(UNDER_WAY_ROWS)),
    series("dead_letter", "dead_letter", Rows("SELECT COUNT(*) FROM dead_letter"), LevelWithin(0.0)),
    series("payments_open", "payment, open", Rows(OPEN_PAYMENTS), LevelWithin(UNDER_WAY_ROWS)),
    series("orders_open", "orders not at their end", Rows(OPEN_ORDERS), LevelWithin(UNDER_WAY_ROWS)),
    series("prepared", "ledger, prepared statements", Rows(PREPARED), Shown),
    series("outbox_unsent", "outbox, not sent, about", RowsAbout("outbox"), Shown),
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
    crowd: &'a Crowd,
    ledger: sqlx::MySqlConnection,
    began: Instant,
    /// When the last look was, and how many orders had been placed by then.
    before: (Instant, u64),
}

impl Eyes<'_> {
    async fn look(&mut self) -> Sample {
        let at = Instant::now();
        let ordered = of(&self.crowd.ordered);
        let per_second = (ordered - self.before.1) as f64 / at.duration_since(self.before.0).as_secs_f64().max(1e-3);
        self.before = (at, ordered);
        let keys = blocking(|| self.keys());
        let roles = blocking(|| self.roles(&keys));
        let mut values = Vec::with_capacity(SERIES.len());
        for series in SERIES {
            values.push(match series.source {
                OrdersPerSecond => per_second,
                Buyers => of(&self.crowd.under_way) as f64,
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
                    "room": {"mode": "open", "capacity": 20_000, "rate_per_min": 60_000},
                }),
            );
        });
    }
    let crowd = Arc::new(Crowd::new(Client::new(format!("http://{}", gateway.address))));
    let ledger = sqlx::MySqlConnection::connect(&house.ledger_url).await.expect("the ledger is there");
    println!("{minutes} minutes, {rate} orders a second");
    let began = Instant::now();
    let mut eyes = Eyes { house: &house, gateway: &gateway, crowd: &crowd, ledger, began, before: (began, 0) };
    let length = Duration::from_secs(minutes * 60);
    let coming = tokio::spawn(crowd.clone().come(rate, length));
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
    coming.await.expect("no panic");
    let took_s = began.elapsed().as_secs_f64();
    // Gives all buyers under way three minutes to come to their end.
    let patience = Instant::now();
    while of(&crowd.under_way) > 0 && patience.elapsed() < Duration::from_secs(180) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut left = of(&crowd.under_way);
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
    let mut waits_ms = std::mem::take(&mut *crowd.waits_ms.lock());
    waits_ms.sort_unstable();
    let load = Load {
        minutes,
        rate,
        took_s,
        placed: of(&crowd.ordered),
        not_sent: of(&crowd.not_sent),
        ends: [&crowd.refunded, &crowd.cancelled, &crowd.released].map(of),
        again: of(&crowd.again),
        wrong: of(&crowd.wrong) + left,
        waits_ms,
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

fn of(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

// --- The buyers ---

/// What a buyer comes for.
#[derive(Clone, Copy, PartialEq)]
enum Intent {
    /// Pays, and has everything refunded.
    Buy,
    /// Orders, does not pay, and cancels.
    Cancel,
    /// Holds and releases.
    Release,
}

/// Of twenty buyers one releases and one cancels. Four are regulars, among them the one who releases.
fn intent_of(n: u64) -> Intent {
    match n % 20 {
        0 => Intent::Release,
        10 => Intent::Cancel,
        _ => Intent::Buy,
    }
}

fn user_of(n: u64) -> String {
    match n % 20 {
        0..=3 => format!("regular-{}-{}", event_of(n), n / 20 % REGULARS),
        _ => format!("buyer-{n}"),
    }
}

struct Crowd {
    client: Client,
    bearers: Bearers,
    under_way: AtomicU64,
    ordered: AtomicU64,
    refunded: AtomicU64,
    cancelled: AtomicU64,
    released: AtomicU64,
    /// Buyers who were not sent because [`UNDER_WAY_MAX`] were under way.
    not_sent: AtomicU64,
    /// Requests sent again, because the answer was 503 or none came.
    again: AtomicU64,
    wrong: AtomicU64,
    /// From the order to its confirmation, ms.
    waits_ms: parking_lot::Mutex<Vec<u32>>,
}

/// A buyer stopped before the end. The reason is counted already.
struct Broken;

impl Crowd {
    fn new(client: Client) -> Self {
        let none = || AtomicU64::new(0);
        Self {
            client,
            bearers: Bearers::new(),
            under_way: none(),
            ordered: none(),
            refunded: none(),
            cancelled: none(),
            released: none(),
            not_sent: none(),
            again: none(),
            wrong: none(),
            waits_ms: parking_lot::Mutex::default(),
        }
    }

    /// An open loop: buyers arrive often enough to place `rate` orders a second, however long each buyer takes.
    async fn come(self: Arc<Self>, rate: u64, length: Duration) {
        let began = Instant::now();
        let per_second = rate as f64 * 20.0 / 19.0;
        let mut beats = tokio::time::interval(Duration::from_millis(10));
        let mut n = 0;
        while began.elapsed() < length {
            beats.tick().await;
            let due = (began.elapsed().as_secs_f64() * per_second) as u64;
            while n < due {
                n += 1;
                if of(&self.under_way) >= UNDER_WAY_MAX {
                    self.not_sent.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                self.under_way.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(self.clone().visit(n));
            }
        }
    }

    async fn visit(self: Arc<Self>, n: u64) {
        // A wrong answer has been counted where it was seen.
        let _ = self.buy(n).await;
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// One buyer, from entering to leaving.
    async fn buy(&self, n: u64) -> Result<(), Broken> {
        let event = event_of(n);
        let queue = format!("/v1/events/{event}/queue");
        let (token, pass) = self.wait_in_line(&queue).await?;
        let user = format!("Bearer {}", self.bearers.of(&user_of(n)));
        let (user, key) = (("authorization", user.as_str()), format!("key-{n}"));
        let key = ("idempotency-key", key.as_str());
        let seats = 1 + n / 20 % 2;
        let holds = format!("/v1/events/{event}/holds");
        let ask = json!({"section": "ga", "quantity": seats});
        let held = self.ask(201, Method::POST, &holds, &[user, key, ("stanchion-pass", &pass)], Some(&ask)).await?;
        let hold = text(&held, "id");
        match intent_of(n) {
            Intent::Release => {
                self.ask(204, Method::DELETE, &format!("{holds}/{hold}"), &[user], None).await?;
                self.released.fetch_add(1, Ordering::Relaxed);
            }
            intent => {
                let payment =
                    if intent == Intent::Buy { json!({"provider": "sandbox", "key": "ok"}) } else { Json::Null };
                let ask =
                    json!({"event": event, "hold": hold, "expected_cash": PRICE * seats as i64, "payment": payment});
                let began = Instant::now();
                let placed = self.ask(202, Method::POST, "/v1/orders", &[user, key], Some(&ask)).await?;
                self.ordered.fetch_add(1, Ordering::Relaxed);
                let order = format!("/v1/orders/{}", text(&placed, "id"));
                if intent == Intent::Buy {
                    self.until(&order, user, "confirmed").await?;
                    self.waits_ms.lock().push(began.elapsed().as_millis() as u32);
                    self.give_back(&order, user, key, seats).await?;
                    self.refunded.fetch_add(1, Ordering::Relaxed);
                } else {
                    self.until(&order, user, "pending_payment").await?;
                    self.ask(202, Method::DELETE, &order, &[user], None).await?;
                    self.until(&order, user, "rejected").await?;
                    self.cancelled.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        self.ask(204, Method::DELETE, &queue, &[("stanchion-queue", &token)], None).await?;
        Ok(())
    }

    /// Waits for the buyer's turn. Returns token and pass.
    async fn wait_in_line(&self, queue: &str) -> Result<(String, String), Broken> {
        let entered = self.ask(201, Method::POST, queue, &[], Some(&json!({}))).await?;
        let token = text(&entered, "token").to_owned();
        let mut place = entered;
        loop {
            match place.json["state"].as_str() {
                Some("waiting") => {}
                Some("admitted") => return Ok((token, text(&place, "pass").to_owned())),
                _ => return Err(self.wrong("place", Some(&place))),
            }
            tokio::time::sleep(Duration::from_millis(500 + u64::from(rand::random::<u8>()))).await;
            place = self.ask(200, Method::GET, queue, &[("stanchion-queue", &token)], None).await?;
        }
    }

    /// Waits until the order has this status.
    async fn until(&self, order: &str, user: (&str, &str), wanted: &str) -> Result<(), Broken> {
        let path = format!("{order}?wait_s=20");
        for _ in 0..10 {
            let answer = self.ask(200, Method::GET, &path, &[user], None).await?;
            match text(&answer, "status") {
                status if status == wanted => return Ok(()),
                "accepted" | "paying" => {}
                // The cancellation is not decided yet.
                "pending_payment" if wanted == "rejected" => {}
                _ => return Err(self.wrong("status", Some(&answer))),
            }
        }
        Err(self.wrong("an order that does not end", None))
    }

    /// Refunds all lines and waits until the refund is done.
    async fn give_back(&self, order: &str, user: (&str, &str), key: (&str, &str), seats: u64) -> Result<(), Broken> {
        let lines: Vec<Json> = (1..=seats).map(|line| json!({"line": line})).collect();
        let refunds = format!("{order}/refunds");
        let ask = json!({"lines": lines, "reason": "soak"});
        let asked = self.ask(202, Method::POST, &refunds, &[user, key], Some(&ask)).await?;
        let refund = format!("{refunds}/{}", text(&asked, "id"));
        // Asks no earlier than the `Retry-After` of the 202 says, then less and less often.
        for wait_s in [1, 2, 4].into_iter().chain(std::iter::repeat_n(8, 50)) {
            tokio::time::sleep(Duration::from_millis(wait_s * 1_000 + u64::from(rand::random::<u8>()))).await;
            let answer = self.ask(200, Method::GET, &refund, &[user], None).await?;
            match text(&answer, "status") {
                "requested" | "sent" => {}
                "done" => return Ok(()),
                _ => return Err(self.wrong("refund", Some(&answer))),
            }
        }
        Err(self.wrong("a refund that does not end", None))
    }

    /// Sends a request. Sends it again while the answer is 503 or none comes, twenty times in all.
    async fn ask(
        &self,
        wanted: u16,
        method: Method,
        path: &str,
        with: &[(&str, &str)],
        body: Option<&Json>,
    ) -> Result<Answer, Broken> {
        let mut last = None;
        for _ in 0..20 {
            let mut call = self.client.call(method.clone(), path);
            for (name, value) in with {
                call = call.header(name, value);
            }
            if let Some(body) = body {
                call = call.json(body);
            }
            last = call.try_send().await.ok();
            match &last {
                Some(answer) if answer.status == wanted => return Ok(last.expect("it is there")),
                Some(answer) if answer.status != 503 => break,
                _ => {}
            }
            self.again.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Err(self.wrong(&format!("{method} {path}"), last.as_ref()))
    }

    fn wrong(&self, what: &str, answer: Option<&Answer>) -> Broken {
        if self.wrong.fetch_add(1, Ordering::Relaxed) < 10 {
            let told = answer.map_or("no answer".to_owned(), |answer| format!("{} {}", answer.status, answer.json));
            println!("{what}: {told}");
        }
        Broken
    }
}

fn text<'a>(answer: &'a Answer, field: &str) -> &'a str {
    answer.json[field].as_str().unwrap_or_default()
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
    again: u64,
    wrong: u64,
    /// Ascending.
    waits_ms: Vec<u32>,
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
        let Load { took_s, placed, not_sent, ends: [refunded, cancelled, released], again, wrong, .. } = self.load;
        let wait = |share: f64| {
            let last = self.load.waits_ms.len().saturating_sub(1);
            self.load.waits_ms.get((last as f64 * share) as usize).map_or(0.0, |ms| f64::from(*ms) / 1e3)
        };
        println!(
            "\n{placed} orders in {took_s:.0} s: {:.1} a second of {} wanted; {not_sent} buyers not sent because \
             {UNDER_WAY_MAX} were under way",
            placed as f64 / took_s,
            self.load.rate
        );
        println!(
            "{refunded} refunded, {cancelled} cancelled, {released} holds released; from order to confirmation {:.1} s \
             (half), {:.1} s (99 of 100), {:.1} s (longest)",
            wait(0.5),
            wait(0.99),
            wait(1.0)
        );
        println!(
            "requests sent again: {again}; answers that should not be: {wrong}; audit {} in {:.0} s",
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
            panel("Grows by right (as the database estimates)", &["orders", "refund", "outbox_unsent"]),
        ];
        svg(&panels, None, &Time { until: self.load.minutes as f64, unit: "min" })
    }
}
