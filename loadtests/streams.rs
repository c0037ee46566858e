//! Event streams: how many one gateway holds, what each costs it, and how soon a turn is seen.
//!
//! `cargo run --release --example streams`. README.md says how it is measured.

mod support;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stanchion::clock::Clock;
use stanchion::facts::time::Millis;
use support::gateway::{Gateway, House};
use support::load::{self, Ask, Entry, Plan, Until};
use support::part::Part;
use support::redis::Commands;
use support::{machine, part, table};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENT: &str = "hall";
const STREAMS: usize = 20_000;
/// Files that a process needs besides its streams' sockets.
const OTHER_FILES: usize = 100;
const HOLDERS: usize = 2;
/// Connections a holder opens at once.
const OPENING: usize = 64;

/// Seconds with the line standing still, and with it moving.
const STILL_S: u64 = 60;
const MOVING_S: u64 = 30;
/// Seconds for the pause before many are called at once, and until all of them are seen.
const CALLED_S: u64 = 25;
/// Visitors let in a minute while the line moves.
const MOVING_PER_MIN: i64 = 6_000;
/// Visitors called at once.
const CALLED: i64 = 1_000;

/// What a process that holds streams is told.
#[derive(Debug, Serialize, Deserialize)]
struct Hold {
    address: String,
    /// The address from which it connects. Each process has another one, because an address has only some 28,000 ports.
    from: String,
    visitors: String,
    first: usize,
    count: usize,
    seconds: u64,
}

/// What became of the streams of such a process.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Held {
    /// When a stream was refused or ended, ms; an entry for each.
    dropped: Vec<Millis>,
    /// Events, by the second in which they came.
    events: BTreeMap<i64, u64>,
    quiet: u64,
    bytes: u64,
    /// When each stream told its visitor's turn, ms.
    admitted: Vec<Millis>,
}

fn main() -> ExitCode {
    match part::played().as_deref() {
        Some("streams") => return hold(),
        Some(part) => return part::play(part),
        None => {}
    }
    let count = STREAMS.min(files() - OTHER_FILES);
    if count < STREAMS {
        println!("only {count} streams: a process may open {} files here (ulimit -n)", files());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let house = runtime.block_on(House::start());
    println!("{}", machine::line());
    let gateway = house.gateway(&[]);
    gateway.put_event(EVENT, &json!({"mode": "open", "capacity": 0, "rate_per_min": 0}));
    let visitors = house.path("visitors");
    let filled = load::play(&Plan {
        addresses: vec![gateway.address.clone()],
        connections: 64,
        ask: Ask::Enter { event: EVENT.to_owned() },
        until: Until::Requests(count as u64),
        keep: Some(visitors.clone()),
        ours: true,
    });
    filled.must_be_clean();

    let memory = machine::memory(gateway.id());
    let (began, used_s) = (now_ms(), machine::used_s(gateway.id()));
    let mut holders: Vec<Part> = (0..HOLDERS).map(|n| holder(&gateway, &visitors, n, count)).collect();
    let opened: usize = holders.iter_mut().map(|part| part.told("opened ").parse::<usize>().expect("a number")).sum();
    let seconds = (now_ms() - began) as f64 / 1000.0;
    println!("{opened} streams opened in {seconds:.1} s, {:.1} s of processor", machine::used_s(gateway.id()) - used_s);
    std::thread::sleep(Duration::from_secs(5));
    let each = machine::memory(gateway.id()).saturating_sub(memory) as f64 / opened as f64;
    println!(
        "gateway: {} bytes of memory a stream, {} MB in all\n",
        table::grouped(each, 0),
        machine::memory(gateway.id()) >> 20
    );

    let still = Span::measure(&house, &gateway, STILL_S);
    gateway.patch_room(EVENT, &json!({"capacity": 1_000_000, "rate_per_min": MOVING_PER_MIN}));
    std::thread::sleep(Duration::from_secs(2));
    let moving = Span::measure(&house, &gateway, MOVING_S);
    let (asked_ms, called_ms) = call_at_once(&gateway);

    let held: Vec<Held> =
        holders.iter_mut().map(|part| serde_json::from_str(&part.told("held ")).expect("a report")).collect();
    still.tell("the line stands still", &held, opened);
    moving.tell(&format!("{MOVING_PER_MIN} a minute are let in"), &held, opened);
    let mut seen: Vec<i64> =
        held.iter().flat_map(|held| &held.admitted).copied().filter(|at| *at >= asked_ms).collect();
    seen.sort_unstable();
    let after = |share: f64, from: Millis| seen.get((seen.len() as f64 * share) as usize).map_or(0, |at| at - from);
    println!(
        "{} called at once: seen by their streams {} ms (half), {} ms (all but a hundredth), {} ms (last) after they were let in;\n\
         {} ms (last) after the operator's call; {} of {CALLED} seen",
        CALLED,
        after(0.5, called_ms),
        after(0.99, called_ms),
        after(0.999_999, called_ms),
        after(0.999_999, asked_ms),
        seen.len(),
    );
    let dropped: usize = held.iter().map(|held| held.dropped.len()).sum();
    println!("dropped: {dropped} of {opened}");
    if dropped == 0 && opened == count && seen.len() >= CALLED as usize { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lets [`CALLED`] visitors in at once. Returns when that was asked for, and when the room said that they are in.
fn call_at_once(gateway: &Gateway) -> (Millis, Millis) {
    gateway.patch_room(EVENT, &json!({"mode": "paused", "rate_per_min": CALLED * 60}));
    // In this time the bucket fills up, and the streams see the turns that came before.
    std::thread::sleep(Duration::from_secs(5));
    let admitted = |room: &Value| room["admitted_total"].as_i64().unwrap_or(0);
    let before = gateway.room(EVENT);
    let capacity = before["inside"].as_i64().unwrap_or(0) + CALLED;
    let asked_ms = now_ms();
    gateway.patch_room(EVENT, &json!({"mode": "open", "capacity": capacity}));
    while admitted(&gateway.room(EVENT)) < admitted(&before) + CALLED {
        std::thread::sleep(Duration::from_millis(5));
    }
    (asked_ms, now_ms())
}

/// What a span of time cost.
struct Span {
    from_ms: Millis,
    to_ms: Millis,
    gateway_s: f64,
    sent: u64,
    inside: u64,
}

impl Span {
    fn measure(house: &House, gateway: &Gateway, seconds: u64) -> Self {
        let (from_ms, used_s, commands) = (now_ms(), machine::used_s(gateway.id()), Commands::of(&house.redis));
        std::thread::sleep(Duration::from_secs(seconds));
        let after = Commands::of(&house.redis);
        Self {
            from_ms,
            to_ms: now_ms(),
            gateway_s: machine::used_s(gateway.id()) - used_s,
            sent: after.sent_since(&commands),
            inside: after.inside_since(&commands),
        }
    }

    fn tell(&self, what: &str, held: &[Held], streams: usize) {
        let seconds = (self.to_ms - self.from_ms) as f64 / 1000.0;
        // Whole seconds within the span.
        let (first, last) = (self.from_ms / 1000 + 1, self.to_ms / 1000 - 1);
        let events: u64 = held.iter().flat_map(|held| held.events.range(first..=last)).map(|(_, n)| n).sum();
        println!(
            "{what}, {seconds:.0} s: {} events a second; gateway {:.3} of a processor, {:.1} µs a stream and second; \
             Redis {:.1} commands a second, {:.1} called by scripts; load {}",
            table::grouped(events as f64 / (last - first + 1) as f64, 0),
            self.gateway_s / seconds,
            self.gateway_s * 1e6 / seconds / streams as f64,
            self.sent as f64 / seconds,
            self.inside as f64 / seconds,
            machine::load(),
        );
    }
}

fn holder(gateway: &Gateway, visitors: &str, n: usize, count: usize) -> Part {
    let share = count.div_ceil(HOLDERS);
    let plan = Hold {
        address: gateway.address.clone(),
        from: format!("127.0.0.{}", n + 2),
        visitors: visitors.to_owned(),
        first: n * share,
        count: share.min(count - n * share),
        seconds: 5 + STILL_S + 2 + MOVING_S + CALLED_S,
    };
    let plan = serde_json::to_string(&plan).expect("plain data");
    Part::start("streams", &[], [("LOADTEST_PLAN", plan)])
}

/// How many files this process may open. The gateway may open as many.
fn files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    line.split_whitespace().nth(3).and_then(|text| text.parse().ok()).unwrap_or(1_024)
}

fn now_ms() -> Millis {
    Clock::system().now_ms()
}

// --- The process that holds streams ---

fn hold() -> ExitCode {
    let plan: Hold = serde_json::from_str(&std::env::var("LOADTEST_PLAN").expect("a plan")).expect("a plan");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let held = runtime.block_on(hold_all(plan));
    println!("held {}", serde_json::to_string(&held).expect("plain data"));
    ExitCode::SUCCESS
}

async fn hold_all(plan: Hold) -> Held {
    let text = std::fs::read_to_string(&plan.visitors).expect("the visitors' file");
    let lines = text.lines().skip(plan.first).take(plan.count);
    let tokens: Vec<String> = lines.map(|line| serde_json::from_str::<Entry>(line).expect("an entry").token).collect();
    let (plan, held, opening) =
        (Arc::new(plan), Arc::new(Mutex::new(Held::default())), Arc::new(Semaphore::new(OPENING)));
    for token in tokens {
        let (plan, held) = (plan.clone(), held.clone());
        let permit = opening.clone().acquire_owned().await.expect("never closed");
        tokio::spawn(async move {
            // The permit is held until the first event has come. Then another stream may open.
            let opened = open(&plan, &token, &held).await;
            drop(permit);
            if let Some(stream) = opened {
                read_on(stream, &held).await;
            }
            held.lock().dropped.push(now_ms());
        });
    }
    let _all = opening.acquire_many(OPENING as u32).await.expect("never closed");
    println!("opened {}", plan.count - held.lock().dropped.len());
    tokio::time::sleep(Duration::from_secs(plan.seconds)).await;
    std::mem::take(&mut *held.lock())
}

async fn open(plan: &Hold, token: &str, held: &Mutex<Held>) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(format!("{}:0", plan.from).parse().ok()?).ok()?;
    let mut stream = socket.connect(plan.address.parse().ok()?).await.ok()?;
    let request = format!(
        "GET /v1/events/{EVENT}/queue/stream HTTP/1.1\r\nhost: {}\r\nstanchion-queue: {token}\r\n\r\n",
        plan.address
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut first = Vec::new();
    while !first.windows(6).any(|window| window == b"data: ") {
        if stream.read_buf(&mut first).await.ok()? == 0 {
            return None;
        }
    }
    held.lock().bytes += first.len() as u64;
    first.starts_with(b"HTTP/1.1 200 ").then_some(stream)
}

/// Reads the stream until it ends.
async fn read_on(mut stream: TcpStream, held: &Mutex<Held>) {
    // An event is a little over half a kilobyte and comes in one piece, so it is not put together here.
    let mut bytes = [0_u8; 4096];
    let mut inside = false;
    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
        let text = &bytes[..read];
        let now_ms = now_ms();
        let has = |what: &[u8]| text.windows(what.len()).any(|window| window == what);
        let mut held = held.lock();
        held.bytes += read as u64;
        if has(b"data: ") {
            *held.events.entry(now_ms / 1000).or_default() += 1;
            if has(b"\"state\":\"admitted\"") && !inside {
                inside = true;
                held.admitted.push(now_ms);
            }
        } else {
            held.quiet += 1;
        }
    }
}
