//! A million visitors wait. Measures what each of them costs Redis and a gateway, how long the pulse, the board and
//! presence take inside Redis while the line moves and is polled, and whether the positions shown are true.
//!
//! `cargo run --release --example million`. README.md says how it is measured.

mod support;

use std::collections::{HashMap, HashSet, VecDeque};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::json;
use stanchion::admission::tokens::random_visitor;
use stanchion::clock::Clock;
use stanchion::facts::ids::EventId;
use stanchion::facts::place::Token;
use stanchion::lane::Lane;
use stanchion::lane::rooms::{ENTER_MAX, Enter, EnterOutcome, Entrant};
use support::client::Client;
use support::gateway::{Gateway, House};
use support::load::{self, Ask, Entry, Plan, Report, Until};
use support::redis::{Slow, info, value};
use support::table::grouped;
use support::{machine, part, table};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENT: &str = "hall";
const WAITING: usize = 1_000_000;
/// Visitors who leave from the midst of the line: this many in a row, this many times. In a line without gaps,
/// positions between two knots of the board would look better than they are.
const GAP: usize = 300;
const GAPS: usize = 100;
/// Visitors at the front: those whose turn comes within the test, and some more. The load polls for the visitors behind
/// them.
const FRONT: usize = 30_000;

const RATE_PER_MIN: i64 = 10_000;
const CAPACITY: i64 = 5_000;
/// A lane is told of a visitor who polls once in a third of this. The load takes longer than that to come round, so the
/// lane is told of every poll.
const ABSENT_AFTER_S: i64 = 150;

const POLLS_PER_SECOND: f64 = 15_000.0;
const CONNECTIONS: usize = 64;

const WINDOWS: usize = 5;
const WINDOW: Duration = Duration::from_secs(12);

/// How many of those nearest to their turn poll, and how often each of them does.
const NEAR: usize = 1_500;
const NEAR_EVERY: Duration = Duration::from_millis(1_500);
const NEAR_TASKS: usize = 16;

/// An answer is not older than this. A gateway keeps a board for a second; the rest is margin.
const BOARD_AGE_MAX: Duration = Duration::from_millis(2_100);
/// Positions up to this one must be exact.
const EXACT: i64 = 500;
/// How many visitors behind the front are compared as well.
const SPREAD: usize = 1_000;

fn main() -> ExitCode {
    if let Some(part) = part::played() {
        return part::play(&part);
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let house = runtime.block_on(House::start());
    println!("{}", machine::line());
    let gateway = house.gateway(&[("STANCHION__LIMITS__VISITOR_RPS", "0"), ("STANCHION__LOG__LEVEL", "off")]);
    gateway.put_event(
        EVENT,
        &json!({
            "mode": "open", "capacity": 0, "rate_per_min": 0, "absent_after_s": ABSENT_AFTER_S, "claim_ttl_s": 60,
        }),
    );
    let lane = runtime.block_on(house.lane_of(EVENT));
    let crowd = Crowd::enter(&house, &lane, &runtime);
    crowd.make_known(&house, &gateway);
    let clean = runtime.block_on(crowd.move_on(&house, &gateway));
    ExitCode::from(u8::from(!clean))
}

/// Everybody, in the order of their places.
struct Crowd {
    entries: Arc<Vec<Entry>>,
    everybody: String,
    /// The file of all entries but the front.
    rest: String,
}

impl Crowd {
    /// Takes a million places and prints what they cost Redis.
    fn enter(house: &House, lane: &Arc<dyn Lane>, runtime: &tokio::runtime::Runtime) -> Self {
        let (tokens, event) = (house.tokens(), EventId::from(EVENT.to_owned()));
        let empty = settled_memory(house);
        let began = Instant::now();
        let mut entries = Vec::with_capacity(WAITING);
        let all = WAITING + GAPS * GAP;
        while entries.len() < all {
            let visitors: Vec<_> = (0..ENTER_MAX).map(|_| Entrant { visitor: random_visitor(), draw: None }).collect();
            let names: Vec<_> = visitors.iter().map(|entrant| entrant.visitor.clone()).collect();
            let enter = Enter { event: event.clone(), round: 0, visitors, waiting_max: all as i64 };
            let places = runtime.block_on(lane.enter(Clock::system().now_ms(), enter)).expect("the lane answers");
            for (visitor, place) in names.into_iter().zip(places) {
                let EnterOutcome::Entered { score, place } = place else { panic!("a new place: {place:?}") };
                let token = Token { event: event.clone(), visitor, score, round: place.counts.round };
                let text = tokens.sign(&token, None);
                entries.push(Entry { visitor: token.visitor.into_string(), token: text, asked_ns: 0, answered_ns: 0 });
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        runtime.block_on(leave(house, lane, &mut entries));
        let each = (settled_memory(house) - empty) / WAITING as f64;
        println!(
            "{} entered in {seconds:.1} s by Lane::enter, {ENTER_MAX} at a time; {} left, {GAP} in a row each time\n\
             Redis: {each:.1} bytes of memory a waiting visitor, {:.0} MB in all",
            grouped(all as f64, 0),
            grouped((GAPS * GAP) as f64, 0),
            settled_memory(house) / 1e6,
        );
        let (everybody, rest) = (house.path("everybody"), house.path("rest"));
        load::keep(&everybody, &entries);
        load::keep(&rest, &entries[FRONT..]);
        Self { entries: Arc::new(entries), everybody, rest }
    }

    /// Every visitor polls once. Prints what that costs the gateway.
    fn make_known(&self, house: &House, gateway: &Gateway) {
        let few = house.path("few");
        load::keep(&few, &self.entries[..CONNECTIONS]);
        // This first poll takes the memory for connections, boards and answers, so that it is not counted below.
        poll(gateway, &few, Until::Seconds(3.0)).must_be_clean();
        let before = machine::memory(gateway.id());
        let polled = poll(gateway, &self.everybody, Until::Requests(WAITING as u64));
        polled.must_be_clean();
        std::thread::sleep(Duration::from_secs(2));
        let after = machine::memory(gateway.id());
        println!(
            "{} polled once, by visitors the gateway had never seen: {}\n\
             gateway: {:.1} bytes of memory a waiting visitor, {} MB in all; Redis: {:.1} bytes\n",
            grouped(polled.all as f64, 0),
            load::told(&polled),
            after.saturating_sub(before) as f64 / WAITING as f64,
            after >> 20,
            settled_memory(house) / WAITING as f64,
        );
    }

    /// The line moves and is polled. Returns whether everything was as it should be.
    async fn move_on(&self, house: &House, gateway: &Gateway) -> bool {
        // After this poll nobody at the front counts as absent, however long it took until the gateway knew the
        // million.
        let front = house.path("front");
        load::keep(&front, &self.entries[..FRONT]);
        poll(gateway, &front, Until::Requests(FRONT as u64)).must_be_clean();
        let near = Near::start(gateway, self.entries.clone());
        tokio::time::sleep(2 * NEAR_EVERY).await;
        gateway.patch_room(EVENT, &json!({"capacity": CAPACITY, "rate_per_min": RATE_PER_MIN}));
        // Longer than the windows, because comparing positions may stretch them.
        let seconds = WINDOWS as f64 * WINDOW.as_secs_f64() + 15.0;
        let (address, rest) = (gateway.address.clone(), self.rest.clone());
        let until = Until::Paced { seconds, per_second: POLLS_PER_SECOND };
        let load = std::thread::spawn(move || load::play(&plan(address, &rest, until)));
        // The load has to read its file of visitors before it polls.
        let polls = || gateway.metric("stanchion_admission_polls_total", "");
        let before = polls();
        while polls() < before + 4.0 * POLLS_PER_SECOND {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut slow = Slow::start(&house.redis, Slow::of_gateways());
        let mut windows = Vec::new();
        for n in 1..=WINDOWS {
            let window = self.window(house, gateway, &mut slow).await;
            println!("window {n}: {}   load {}", window.told(), machine::load());
            windows.push(window);
        }
        let load = tokio::task::spawn_blocking(move || load.join()).await.expect("it ends").expect("no panic");
        gateway.patch_room(EVENT, &json!({"mode": "paused"}));
        tokio::time::sleep(BOARD_AGE_MAX).await;
        let still = self.compare(house, gateway, Duration::ZERO).await;
        let near = near.stop().await;
        tell(&windows, &load, still);
        println!(
            "near the front: {} polls, {} let in and left; answers that should not be: {}; absent at their turn: {}",
            near.polls,
            near.left,
            near.wrong,
            gateway.metric("stanchion_admission_absent_total", "")
        );
        if let Some(failure) = &load.first_failure {
            println!("an answer that should not be: {failure}");
        }
        let mut compared = windows.iter().map(|window| window.positions).chain([still]);
        let true_ones = compared.all(|p| p.exact > EXACT / 4 && p.exact_off == 0 && p.worst <= 0.01);
        load.failures == 0 && near.wrong == 0 && true_ones
    }

    async fn window(&self, house: &House, gateway: &Gateway, slow: &mut Slow) -> Window {
        let redis = info(&house.redis, "server", "process_id") as u32;
        let calls = |operation: &str| {
            gateway.metric("stanchion_lane_operation_seconds_count", &format!("operation=\"{operation}\""))
        };
        let polls = |source: &str| gateway.metric("stanchion_admission_polls_total", source);
        let now = || {
            let called = OPERATIONS.map(&calls);
            let admitted = gateway.room(EVENT)["admitted_total"].as_f64().unwrap_or(0.0);
            (called, polls("board"), polls("lane"), admitted, machine::used_s(redis), machine::used_s(gateway.id()))
        };
        slow.take(&house.redis);
        slow.calls.clear();
        let (before, began) = (now(), Instant::now());
        let positions = self.compare(house, gateway, BOARD_AGE_MAX).await;
        while began.elapsed() < WINDOW {
            tokio::time::sleep(Duration::from_millis(200).min(WINDOW.saturating_sub(began.elapsed()))).await;
            slow.take(&house.redis);
        }
        let (after, seconds) = (now(), began.elapsed().as_secs_f64());
        slow.take(&house.redis);
        let mut at = 0;
        let times = OPERATIONS.map(|operation| {
            let calls = (after.0[at] - before.0[at]) as usize;
            at += 1;
            Times::of(slow.calls.remove(operation).unwrap_or_default(), calls)
        });
        Window {
            times,
            board_polls: (after.1 - before.1) / seconds,
            lane_polls: (after.2 - before.2) / seconds,
            admitted: (after.3 - before.3) / seconds * 60.0,
            redis_s: (after.4 - before.4) / seconds,
            gateway_s: (after.5 - before.5) / seconds,
            seconds,
            positions,
        }
    }

    /// Compares what polls say with the true ranks. While the line moves, an answer counts as true if it was true at
    /// some moment of the last `age`.
    async fn compare(&self, house: &House, gateway: &Gateway, age: Duration) -> Positions {
        let key = waiting_key(house);
        let first = value(&house.redis.says(&format!("ZRANGE {key} 0 {}", 2 * EXACT - 1)));
        let first: Vec<String> = first.list().iter().map(|visitor| visitor.text().to_owned()).collect();
        let tokens: HashMap<&str, &str> =
            self.entries[..FRONT].iter().map(|entry| (entry.visitor.as_str(), entry.token.as_str())).collect();
        let step = (WAITING - FRONT) / SPREAD;
        let others = (0..SPREAD).map(|n| &self.entries[FRONT + n * step]);
        let mut asked: Vec<(String, String)> =
            first.iter().filter_map(|v| Some((v.clone(), (*tokens.get(v.as_str())?).to_owned()))).collect();
        asked.extend(others.map(|entry| (entry.visitor.clone(), entry.token.clone())));
        let before = ranks(house, &key, &asked);
        tokio::time::sleep(age).await;
        let client = Client::new(format!("http://{}", gateway.address));
        let polls = asked.iter().map(|(_, token)| {
            let poll = client.get(&format!("/v1/events/{EVENT}/queue")).queue(token).send();
            async move {
                let answer = poll.await;
                let waits = answer.json["state"] == "waiting";
                answer.json["position"].as_i64().filter(|_| waits).map(|position| position - 1)
            }
        });
        let shown: Vec<Option<i64>> = futures_util::stream::iter(polls).buffered(NEAR_TASKS).collect().await;
        let after = ranks(house, &key, &asked);
        let mut positions = Positions::default();
        for ((&before, &after), shown) in before.iter().zip(&after).zip(shown) {
            let Some(shown) = shown else { continue };
            // -1: the visitor does not wait any more, because their turn has come.
            let after = after.max(0);
            let off = (after - shown).max(shown - before).max(0);
            if shown < EXACT {
                positions.exact += 1;
                positions.exact_off += i64::from(off > 0);
            } else {
                positions.others += 1;
                positions.worst = positions.worst.max(off as f64 / after.max(1) as f64);
            }
        }
        positions
    }
}

/// Makes the gaps behind the front. Those who leave are removed from `entries`.
async fn leave(house: &House, lane: &Arc<dyn Lane>, entries: &mut Vec<Entry>) {
    let (tokens, step) = (house.tokens(), (entries.len() - FRONT) / GAPS);
    let from: HashSet<usize> =
        (0..GAPS).map(|n| FRONT + n * step + rand::random::<u32>() as usize % (step - GAP)).collect();
    let is_gap = |at: usize| (0..GAP).any(|back| at >= back && from.contains(&(at - back)));
    let (gone, stay): (Vec<_>, Vec<_>) = entries.drain(..).enumerate().partition(|(at, _)| is_gap(*at));
    let leaving = gone.into_iter().map(|(_, entry)| {
        let claim = tokens.verify(&entry.token).expect("signed here");
        let score = claim.score.expect("a room without a draw");
        let token = Token { event: claim.event, visitor: claim.visitor, score, round: claim.round };
        async move { lane.leave(Clock::system().now_ms(), token).await.expect("the lane answers") }
    });
    let left = futures_util::stream::iter(leaving).buffer_unordered(64).filter(|left| std::future::ready(*left));
    assert_eq!(left.count().await, GAPS * GAP, "all of them waited");
    entries.extend(stay.into_iter().map(|(_, entry)| entry));
}

const OPERATIONS: [&str; 4] = ["pulse", "board", "presence", "poll"];

fn plan(address: String, visitors: &str, until: Until) -> Plan {
    let ask = Ask::Poll { event: EVENT.to_owned(), visitors: visitors.to_owned() };
    Plan { addresses: vec![address], connections: CONNECTIONS, ask, until, keep: None, ours: true }
}

fn poll(gateway: &Gateway, visitors: &str, until: Until) -> Report {
    load::play(&plan(gateway.address.clone(), visitors, until))
}

/// Bytes that Redis uses while it is not rewriting its append-only file.
fn settled_memory(house: &House) -> f64 {
    while info(&house.redis, "persistence", "aof_rewrite_in_progress") > 0.0 {
        std::thread::sleep(Duration::from_millis(100));
    }
    info(&house.redis, "memory", "used_memory")
}

fn waiting_key(house: &House) -> String {
    let keys = value(&house.redis.says(&format!("KEYS *:e:{EVENT}:waiting")));
    keys.list().first().expect("somebody waits").text().to_owned()
}

/// How many stand before each visitor in line, including those who were late and are back; -1: does not wait.
fn ranks(house: &House, key: &str, asked: &[(String, String)]) -> Vec<i64> {
    const SCRIPT: &str = "local r,b={},redis.call('ZCARD',KEYS[2]) for i=1,#ARGV do \
                          local n=redis.call('ZRANK',KEYS[1],ARGV[i]) r[i]=n and n+b or -1 end return r";
    let back = key.replace("waiting", "back");
    let one = |some: &[(String, String)]| {
        let names: Vec<&str> = some.iter().map(|(visitor, _)| visitor.as_str()).collect();
        let found = value(&house.redis.says(&format!("EVAL \"{SCRIPT}\" 2 {key} {back} {}", names.join(" "))));
        found.list().iter().map(|rank| rank.number().expect("a rank")).collect::<Vec<_>>()
    };
    asked.chunks(1_000).flat_map(one).collect()
}

/// Answers compared with the truth.
#[derive(Debug, Clone, Copy, Default)]
struct Positions {
    /// Positions up to [`EXACT`], and how many of them were not exact.
    exact: i64,
    exact_off: i64,
    others: i64,
    /// The largest error of the others, as a share of the rank.
    worst: f64,
}

/// Times of a script's calls inside Redis, ms.
struct Times {
    calls: usize,
    p50: f64,
    p99: f64,
    max: f64,
    noted: Vec<i64>,
}

impl Times {
    /// `noted` are those of the `calls` that took long enough to be noted. Each of the others counts as
    /// [`Slow::LEAST_US`].
    fn of(mut noted: Vec<i64>, calls: usize) -> Self {
        noted.sort_unstable();
        let calls = calls.max(noted.len());
        let short = calls - noted.len();
        let at = |share: f64| {
            let nth = ((calls as f64 * share).ceil() as usize).clamp(1, calls.max(1)) - 1;
            let us = if nth < short { Slow::LEAST_US } else { noted.get(nth - short).copied().unwrap_or(0) };
            us as f64 / 1e3
        };
        let (p50, p99, max) = (at(0.5), at(0.99), at(1.0));
        Self { calls, p50, p99, max, noted }
    }
}

struct Window {
    times: [Times; OPERATIONS.len()],
    board_polls: f64,
    lane_polls: f64,
    /// Visitors let in a minute.
    admitted: f64,
    /// Shares of a processor: Redis' and the gateway's.
    redis_s: f64,
    gateway_s: f64,
    seconds: f64,
    positions: Positions,
}

impl Window {
    fn told(&self) -> String {
        let [pulse, board, presence, _] = &self.times;
        format!(
            "{} polls/s, {:.0} let in a minute, pulse p99 {:.2} ms, board max {:.2} ms, presence p99 {:.2} ms, Redis {:.0} %",
            grouped(self.board_polls + self.lane_polls, 0),
            self.admitted,
            pulse.p99,
            board.max,
            presence.p99,
            self.redis_s * 100.0
        )
    }
}

fn tell(windows: &[Window], load: &Report, still: Positions) {
    let of = |figure: &dyn Fn(&Window) -> f64| windows.iter().map(figure).collect::<Vec<_>>();
    table::head(&format!("{WINDOWS} windows of {} s", WINDOW.as_secs()));
    table::row("polls a second, from the board", of(&|w| w.board_polls), 0);
    table::row("polls a second, from the lane", of(&|w| w.lane_polls), 0);
    table::row("let in a minute", of(&|w| w.admitted), 0);
    for (n, operation) in OPERATIONS.into_iter().enumerate() {
        table::row(&format!("{operation}, calls a second"), of(&|w| w.times[n].calls as f64 / w.seconds), 1);
        table::row(&format!("{operation}, p50 ms inside Redis"), of(&|w| w.times[n].p50), 2);
        table::row(&format!("{operation}, p99 ms inside Redis"), of(&|w| w.times[n].p99), 2);
        table::row(&format!("{operation}, max ms inside Redis"), of(&|w| w.times[n].max), 2);
    }
    table::row("Redis, share of a processor", of(&|w| w.redis_s), 3);
    table::row("gateway, share of a processor", of(&|w| w.gateway_s), 3);
    table::row("positions up to 500 compared, moving", of(&|w| w.positions.exact as f64), 0);
    table::row("of these not exact", of(&|w| w.positions.exact_off as f64), 0);
    table::row("others compared, moving", of(&|w| w.positions.others as f64), 0);
    table::row("their largest error, per cent of the rank", of(&|w| w.positions.worst * 100.0), 3);
    let noted = windows.iter().flat_map(|w| &w.times[0].noted).copied().collect();
    let pulses = Times::of(noted, windows.iter().map(|w| w.times[0].calls).sum());
    println!(
        "all {} pulses: p50 {:.2} ms, p99 {:.2} ms, the longest {:.2} ms; polls as the load saw them: {}\n\
         standing still: {} positions up to 500 compared, {} not exact; {} others, largest error {:.3} %",
        pulses.calls,
        pulses.p50,
        pulses.p99,
        pulses.max,
        load::told(load),
        still.exact,
        still.exact_off,
        still.others,
        still.worst * 100.0,
    );
}

// --- Visitors near the front: they poll, are let in, and leave ---

struct Near {
    over: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    did: Arc<Did>,
}

#[derive(Default)]
struct Did {
    polls: AtomicU64,
    left: AtomicU64,
    wrong: AtomicU64,
}

struct Done {
    polls: u64,
    left: u64,
    wrong: u64,
}

impl Near {
    fn start(gateway: &Gateway, entries: Arc<Vec<Entry>>) -> Self {
        let (over, did) = (Arc::new(AtomicBool::new(false)), Arc::new(Did::default()));
        let tasks = (0..NEAR_TASKS).map(|n| {
            let client = Client::new(format!("http://{}", gateway.address));
            let mine: VecDeque<String> =
                entries[..FRONT].iter().skip(n).step_by(NEAR_TASKS).map(|entry| entry.token.clone()).collect();
            tokio::spawn(serve(client, mine, over.clone(), did.clone()))
        });
        Self { tasks: tasks.collect(), over, did }
    }

    async fn stop(self) -> Done {
        self.over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("it does not panic");
        }
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Done { polls: of(&self.did.polls), left: of(&self.did.left), wrong: of(&self.did.wrong) }
    }
}

async fn serve(client: Client, mut mine: VecDeque<String>, over: Arc<AtomicBool>, did: Arc<Did>) {
    let path = format!("/v1/events/{EVENT}/queue");
    let mut rounds = tokio::time::interval(NEAR_EVERY);
    while !over.load(Ordering::Relaxed) {
        rounds.tick().await;
        let mut kept = 0;
        for _ in 0..(NEAR / NEAR_TASKS).min(mine.len()) {
            let token = mine.pop_front().expect("as many there are");
            let answer = client.get(&path).queue(&token).send().await;
            did.polls.fetch_add(1, Ordering::Relaxed);
            match answer.json["state"].as_str() {
                Some("waiting") => {
                    mine.push_back(token);
                    kept += 1;
                }
                Some("admitted") => {
                    let gone = client.delete(&path).queue(&token).send().await.status == 204;
                    did.left.fetch_add(u64::from(gone), Ordering::Relaxed);
                    did.wrong.fetch_add(u64::from(!gone), Ordering::Relaxed);
                }
                _ => {
                    println!("near the front: {} {}", answer.status, answer.json);
                    did.wrong.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        // Those who still wait go back before those who were behind them.
        mine.rotate_right(kept);
    }
}
