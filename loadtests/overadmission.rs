//! Checks that there are never more visitors inside than the capacity. Meanwhile two gateways are killed and started
//! again, Redis is killed once and emptied once, and a crowd leaves, falls silent, holds seats and comes back.
//!
//! `cargo run --release --example overadmission`. README.md says how it is measured.

mod support;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use parking_lot::{Mutex, RwLock};
use serde_json::{Value as Json, json};
use support::client::{Answer, Client};
use support::gateway::{Gateway, House, bearer};
use support::order::{self, Turn};
use support::redis::{says, value};
use support::{machine, part, table};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENT: &str = "hall";
const CAPACITY: i64 = 200;
const RATE_PER_MIN: i64 = 6_000;
/// The rate's bucket holds the admissions of one second.
const BURST: i64 = RATE_PER_MIN / 60;
const PASS_TTL_S: u64 = 8;

/// Visitors at any time. One who is through comes again as a new visitor.
const CROWD: usize = 2_000;
/// Time between two polls of a visitor.
const POLL_EVERY: Duration = Duration::from_millis(1_000);
const SAMPLE_EVERY: Duration = Duration::from_millis(50);
/// By this time after Redis was emptied, the lane is rebuilt and every gateway has looked at it again, s.
const PUT_RIGHT_S: f64 = 3.0;

/// How old a gateway's board may be, s: a second, and the moment that it takes to fetch it.
const BOARD_S: f64 = 1.2;
/// Longest time that a request waits for its answer.
const PATIENCE: Duration = Duration::from_secs(3);
const SECONDS: u64 = 72;

/// What is done to the servers, and at which second.
const FAULTS: [(u64, Fault); 9] = [
    (6, Fault::Gateway(0)),
    (12, Fault::Gateway(1)),
    (18, Fault::Gateway(0)),
    (24, Fault::RedisKilled),
    (32, Fault::Gateway(1)),
    (38, Fault::Gateway(0)),
    (44, Fault::RedisEmptied),
    (58, Fault::Gateway(1)),
    (64, Fault::Gateway(0)),
];

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Killed (SIGKILL) and started again.
    Gateway(usize),
    /// SIGKILL and started again on its files.
    RedisKilled,
    /// FLUSHALL.
    RedisEmptied,
}

fn main() -> ExitCode {
    if let Some(part) = part::played() {
        return part::play(&part);
    }
    order::check();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut house = runtime.block_on(House::start());
    println!("{}", machine::line());
    let mut gateways: Vec<Option<Gateway>> = (0..2).map(|_| Some(gateway(&house))).collect();
    let first = gateways[0].as_ref().expect("started");
    first.put_event_with(
        EVENT,
        &json!({
            "sections": [{"id": "ga", "name": "Standing", "price": 1000, "capacity": 50_000}], "hold_ttl_s": 6,
            "room": {
                "mode": "open", "capacity": CAPACITY, "rate_per_min": RATE_PER_MIN, "pass_ttl_s": PASS_TTL_S,
                "claim_ttl_s": 6, "absent_after_s": 8, "late_grace_s": 10, "recover_s": 5,
            },
        }),
    );
    gateways[1].as_ref().expect("started").until_there(EVENT);

    let crowd = Arc::new(Crowd::default());
    *crowd.doors.write() = gateways.iter().flatten().map(door).collect();
    let key = |name: &str| {
        let found = value(&house.redis.says(&format!("KEYS *:e:{EVENT}:room")));
        found.list()[0].text().trim_end_matches("room").to_owned() + name
    };
    let keys = ["inside", "room", "late"].map(key);
    let (address, over) = (house.redis.address(), crowd.over.clone());
    let began = Instant::now();
    let sampler = std::thread::spawn(move || sample(address, &keys, began, &over));
    for n in 0..CROWD {
        runtime.spawn(live(crowd.clone(), n, began));
    }
    for _ in 0..8 {
        runtime.spawn(doubt(crowd.clone(), began));
    }
    let mut emptied = None;
    for (second, fault) in FAULTS {
        std::thread::sleep(Duration::from_secs(second).saturating_sub(began.elapsed()));
        let from = began.elapsed().as_secs_f64();
        match fault {
            Fault::Gateway(n) => {
                drop(gateways[n].take());
                let again = gateway(&house);
                crowd.doors.write()[n] = door(&again);
                gateways[n] = Some(again);
            }
            Fault::RedisKilled => {
                house.redis.kill();
                house.redis.restart();
            }
            Fault::RedisEmptied => {
                emptied = Some(from);
                house.redis.flush();
            }
        }
        println!("{from:>6.2} s {fault:?}, there again at {:.2} s", began.elapsed().as_secs_f64());
    }
    std::thread::sleep(Duration::from_secs(SECONDS).saturating_sub(began.elapsed()));
    crowd.over.store(true, Ordering::Relaxed);
    let samples = sampler.join().expect("the sampler does not panic");
    runtime.block_on(crowd.ask_all_again(began));
    let audit = gateways[0].as_ref().expect("started").audit();
    let broken = tell(&crowd, &samples, emptied) + u64::from(audit["ok"] != true);
    println!("audit: {}", if audit["ok"] == true { "nothing violated".to_owned() } else { audit.to_string() });
    ExitCode::from(u8::from(broken > 0))
}

fn gateway(house: &House) -> Gateway {
    house.gateway(&[("STANCHION__LIMITS__VISITOR_RPS", "0"), ("STANCHION__LOG__LEVEL", "off")])
}

fn door(gateway: &Gateway) -> Client {
    Client::new(format!("http://{}", gateway.address))
}

// --- What Redis says ---

/// What Redis held at one instant.
struct Sample {
    /// Since the test began.
    at_s: f64,
    /// Redis' own clock, µs.
    redis_us: i64,
    inside: Vec<String>,
    late: Vec<String>,
    /// From the room's settings and counters; `None`: there was no room at that instant.
    room: Option<Room>,
}

struct Room {
    capacity: i64,
    admitted: i64,
    epoch: i64,
}

/// Takes samples until `over`. One script reads members and settings, so that they are of one instant.
fn sample(redis: SocketAddr, [inside, room, late]: &[String; 3], began: Instant, over: &AtomicBool) -> Vec<Sample> {
    let script = "local r=redis.call return {r('ZRANGE',KEYS[1],0,-1),r('HGET',KEYS[2],'settings') or '',\
                  r('HGET',KEYS[2],'counters') or '',r('ZRANGE',KEYS[3],0,-1),r('TIME')}";
    let command = format!("EVAL \"{script}\" 3 {inside} {room} {late}");
    let (mut samples, mut due) = (Vec::new(), began);
    while !over.load(Ordering::Relaxed) {
        due += SAMPLE_EVERY;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let answer = value(&says(redis, &command));
        let [inside, settings, counters, late, time] = answer.list() else { continue };
        let texts = |list: &support::redis::Value| list.list().iter().map(|v| v.text().to_owned()).collect();
        let word = |text: &str, nth: usize| text.split(' ').nth(nth).and_then(|word| word.parse::<i64>().ok());
        let room = word(settings.text(), 3).map(|capacity| Room {
            capacity,
            admitted: word(counters.text(), 3).expect("a room has counters"),
            epoch: word(counters.text(), 1).expect("a room has counters"),
        });
        let time: Vec<i64> = time.list().iter().filter_map(support::redis::Value::number).collect();
        samples.push(Sample {
            at_s: began.elapsed().as_secs_f64(),
            redis_us: time[0] * 1_000_000 + time[1],
            inside: texts(inside),
            late: texts(late),
            room,
        });
    }
    samples
}

// --- The crowd ---

#[derive(Default)]
struct Crowd {
    over: Arc<AtomicBool>,
    doors: RwLock<Vec<Client>>,
    visitors: Mutex<Vec<Visitor>>,
    /// Visitors who left and were told so (204).
    gone: Mutex<Vec<Gone>>,
    came_back: Mutex<Vec<CameBack>>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    answers: AtomicU64,
    no_answers: AtomicU64,
    holds: AtomicU64,
    doubts: AtomicU64,
    by_old_boards: AtomicU64,
}

struct Visitor {
    id: String,
    asked_ns: u64,
    answered_ns: u64,
    /// Whether the visitor is never silent for long while waiting.
    steady: bool,
}

#[derive(Clone)]
struct Gone {
    token: String,
    visitor: String,
    at_s: f64,
}

/// Somebody who had left and was not told `done`.
struct CameBack {
    gone: Gone,
    at_s: f64,
    state: String,
}

/// What a visitor does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Leaves,
    HoldsAndBuysNothing,
    SilentInside,
    SilentInLine,
    /// Sleeps past its turn, and comes back.
    Sleeps,
}

impl Manner {
    fn any() -> Self {
        match rand::random::<u8>() % 20 {
            0..11 => Manner::Leaves,
            11..14 => Manner::HoldsAndBuysNothing,
            14..16 => Manner::SilentInside,
            16..18 => Manner::SilentInLine,
            _ => Manner::Sleeps,
        }
    }

    fn is_steady(self) -> bool {
        !matches!(self, Manner::SilentInLine | Manner::Sleeps)
    }
}

impl Crowd {
    /// Sends a request through a gateway chosen at random; `None`: no answer.
    async fn ask(&self, method: Method, path: &str, with: &[(&str, &str)], body: Option<&Json>) -> Option<Answer> {
        let client = {
            let doors = self.doors.read();
            doors[rand::random::<u32>() as usize % doors.len()].clone()
        };
        let mut call = client.call(method, path);
        for (name, value) in with {
            call = call.header(name, value);
        }
        if let Some(body) = body {
            call = call.json(body);
        }
        let answer = tokio::time::timeout(PATIENCE, call.try_send()).await.ok().and_then(Result::ok);
        let count = if answer.is_some() { &self.counts.answers } else { &self.counts.no_answers };
        count.fetch_add(1, Ordering::Relaxed);
        answer
    }

    async fn poll(&self, token: &str) -> Option<Json> {
        let answer = self.ask(Method::GET, &queue(""), &[("stanchion-queue", token)], None).await?;
        (answer.status == 200).then_some(answer.json)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Polls with the token of a visitor who has left, and notes a wrong answer.
    async fn doubt(&self, gone: Gone, began: Instant) {
        let Some(place) = self.poll(&gone.token).await else { return };
        self.counts.doubts.fetch_add(1, Ordering::Relaxed);
        // While the lane is being rebuilt, the answer says only that.
        let state = place["state"].as_str().unwrap_or_default();
        let at_s = began.elapsed().as_secs_f64();
        if state == "done" || place["room"] == "recovering" {
            return;
        }
        if state == "waiting" && at_s < gone.at_s + BOARD_S {
            // The other gateway's board may be older than their leaving, and still show them in line.
            self.counts.by_old_boards.fetch_add(1, Ordering::Relaxed);
        } else {
            self.came_back.lock().push(CameBack { gone, at_s, state: format!("{state} {}", place["position"]) });
        }
    }

    /// Polls once more for everybody who left.
    async fn ask_all_again(self: &Arc<Self>, began: Instant) {
        let gone = self.gone.lock().clone();
        for some in gone.chunks(32) {
            let asking: Vec<_> = some
                .iter()
                .cloned()
                .map(|gone| {
                    let crowd = self.clone();
                    tokio::spawn(async move { crowd.doubt(gone, began).await })
                })
                .collect();
            for task in asking {
                task.await.expect("no panic");
            }
        }
    }
}

fn queue(rest: &str) -> String {
    format!("/v1/events/{EVENT}/queue{rest}")
}

/// Plays one visitor after another until the test is over.
async fn live(crowd: Arc<Crowd>, n: usize, began: Instant) {
    // The crowd comes within two seconds.
    tokio::time::sleep(Duration::from_millis(n as u64)).await;
    while !crowd.is_over() {
        if visit(&crowd, n, began).await.is_none() {
            tokio::time::sleep(POLL_EVERY).await;
        }
    }
}

/// Polls again and again with tokens of visitors who left.
async fn doubt(crowd: Arc<Crowd>, began: Instant) {
    while !crowd.is_over() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let gone = {
            let gone = crowd.gone.lock();
            // Mostly takes a visitor who left just now, because a fault can lose only the latest departures.
            let back = (rand::random::<f64>().powi(3) * gone.len() as f64) as usize;
            gone.len().checked_sub(back + 1).map(|at| gone[at].clone())
        };
        if let Some(gone) = gone {
            crowd.doubt(gone, began).await;
        }
    }
}

/// One visitor from entering to the end; `None`: could not enter.
async fn visit(crowd: &Crowd, n: usize, began: Instant) -> Option<()> {
    let manner = Manner::any();
    let ns = || began.elapsed().as_nanos() as u64;
    let asked_ns = ns();
    let entered = crowd.ask(Method::POST, &queue(""), &[], Some(&json!({}))).await?;
    if entered.status != 201 {
        return None;
    }
    let mut place = entered.json;
    let (token, id) = (text(&place, "token"), text(&place, "visitor"));
    let steady = manner.is_steady();
    crowd.visitors.lock().push(Visitor { id: id.clone(), asked_ns, answered_ns: ns(), steady });
    if manner == Manner::SilentInLine {
        tokio::time::sleep(POLL_EVERY * 3).await;
        return Some(());
    }
    let mut slept = false;
    loop {
        match place["state"].as_str() {
            Some("admitted") => break,
            Some("waiting") => {}
            _ => return Some(()),
        }
        let rank = place["position"].as_i64();
        if manner == Manner::Sleeps && !slept && rank.is_some_and(|rank| rank < 300) {
            slept = true;
            tokio::time::sleep(Duration::from_secs(12)).await;
        }
        tokio::time::sleep(POLL_EVERY.mul_f64(0.8 + 0.4 * rand::random::<f64>())).await;
        if crowd.is_over() {
            return Some(());
        }
        place = crowd.poll(&token).await.unwrap_or(json!({"state": "waiting"}));
    }
    match manner {
        Manner::SilentInside => {
            tokio::time::sleep(Duration::from_secs(PASS_TTL_S + 2)).await;
        }
        Manner::HoldsAndBuysNothing => {
            let (user, pass) = (bearer(&format!("user-{n}-{id}")), text(&place, "pass"));
            let (user, ask) = (format!("Bearer {user}"), json!({"section": "ga", "quantity": 1}));
            let with = [("authorization", user.as_str()), ("stanchion-pass", &pass), ("idempotency-key", &id)];
            let held = crowd.ask(Method::POST, &format!("/v1/events/{EVENT}/holds"), &with, Some(&ask)).await;
            crowd.counts.holds.fetch_add(u64::from(held.is_some_and(|held| held.status == 201)), Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(PASS_TTL_S + 2)).await;
        }
        Manner::Leaves | Manner::Sleeps | Manner::SilentInLine => {
            tokio::time::sleep(Duration::from_millis(300 + u64::from(rand::random::<u16>() % 1_200))).await;
            // Asks until the answer is certain.
            while !crowd.is_over() {
                let left = crowd.ask(Method::DELETE, &queue(""), &[("stanchion-queue", &token)], None).await;
                if left.is_some_and(|left| left.status == 204) {
                    let at_s = began.elapsed().as_secs_f64();
                    crowd.gone.lock().push(Gone { token, visitor: id, at_s });
                    break;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
    Some(())
}

fn text(json: &Json, field: &str) -> String {
    json[field].as_str().unwrap_or_default().to_owned()
}

// --- What came of it ---

/// Prints the results. Returns the number of violations.
fn tell(crowd: &Crowd, samples: &[Sample], emptied: Option<f64>) -> u64 {
    let rooms = || samples.iter().filter_map(|sample| Some((sample, sample.room.as_ref()?)));
    let above: Vec<_> = rooms().filter(|(sample, room)| sample.inside.len() as i64 > room.capacity).collect();
    let most = samples.iter().map(|sample| sample.inside.len()).max().unwrap_or(0);
    let full = rooms().filter(|(sample, room)| sample.inside.len() as i64 == room.capacity).count();

    // Counts pairs of samples of one epoch between which more were admitted than the rate gave and the bucket held.
    let mut too_fast = 0_u64;
    let mut excess = i64::MIN;
    let points: Vec<(i64, i64, i64)> = rooms().map(|(s, room)| (s.redis_us, room.admitted, room.epoch)).collect();
    for (n, (from_us, from, epoch)) in points.iter().enumerate() {
        for (to_us, to, _) in points[n + 1..].iter().take_while(|(_, _, other)| other == epoch) {
            let allowed = BURST + (to_us - from_us) * RATE_PER_MIN / 60_000_000 + 1;
            excess = excess.max(to - from - allowed);
            too_fast += u64::from(to - from > allowed);
        }
    }

    let mut called: HashMap<&str, i64> = HashMap::new();
    let mut late: HashSet<&str> = HashSet::new();
    let mut last_inside: HashMap<&str, usize> = HashMap::new();
    for (n, sample) in samples.iter().enumerate() {
        for visitor in &sample.inside {
            called.entry(visitor).or_insert(n as i64);
            last_inside.insert(visitor, n);
        }
        late.extend(sample.late.iter().map(String::as_str));
    }
    let left: HashMap<String, f64> = crowd.gone.lock().iter().map(|gone| (gone.visitor.clone(), gone.at_s)).collect();
    // Visitors who were told that they left, and who are inside in a later sample. A lane that is rebuilt from a
    // checkpoint of the second before still has their places, until its gateways tell it again at their next look.
    let mut put_right_s: f64 = 0.0;
    let mut put_right = 0;
    let mut again: HashSet<&str> = HashSet::new();
    for (visitor, n) in last_inside {
        let Some(left_s) = left.get(visitor).filter(|left_s| samples[n].at_s > **left_s + 0.1) else { continue };
        match emptied {
            Some(at) if (at - 1.5..at + 0.1).contains(left_s) && samples[n].at_s < at + PUT_RIGHT_S => {
                put_right += 1;
                put_right_s = put_right_s.max(samples[n].at_s - at);
            }
            Some(_) | None => drop(again.insert(visitor)),
        }
    }
    let visitors = crowd.visitors.lock();
    let turns: Vec<Turn> = visitors
        .iter()
        .filter(|visitor| visitor.steady && !late.contains(visitor.id.as_str()))
        .map(|visitor| Turn {
            asked_ns: visitor.asked_ns,
            answered_ns: visitor.answered_ns,
            turn: called.get(visitor.id.as_str()).copied().unwrap_or(i64::MAX),
        })
        .collect();
    let came_back = crowd.came_back.lock();
    for back in came_back.iter().take(10) {
        let flush = emptied.map_or(String::new(), |at| format!(", {:+.2} s from the emptying", back.gone.at_s - at));
        println!("left at {:.2} s{flush}; at {:.2} s: {}", back.gone.at_s, back.at_s, back.state);
    }
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
    let distinct: HashSet<&str> = came_back.iter().map(|back| back.gone.visitor.as_str()).collect();
    let wrong: HashSet<&str> = distinct.union(&again).copied().collect();
    // The ledger's copy of a room is at most a second old. What only Redis knew is lost when it is emptied.
    let is_late = |visitor: &&&str| {
        emptied.is_some_and(|at| left.get(**visitor).is_some_and(|left| (at - 1.0..at + 0.1).contains(left)))
    };
    let lately = wrong.iter().filter(is_late).count();
    let order = order::violations(&turns);
    println!("\ntwo gateways, one run of {SECONDS} s");
    let row = |what: &str, figure: f64| println!("{what:<48} {:>10}", table::grouped(figure, 0));
    row("answers", of(&crowd.counts.answers));
    row("requests without an answer", of(&crowd.counts.no_answers));
    row("visitors who entered", visitors.len() as f64);
    row("visitors seen inside", called.len() as f64);
    row("visitors seen late", late.len() as f64);
    row("holds that nobody bought", of(&crowd.counts.holds));
    row("samples", samples.len() as f64);
    row("samples with a room", rooms().count() as f64);
    row("samples with every place taken", full as f64);
    row("most inside at once", most as f64);
    row("samples above the capacity", above.len() as f64);
    row("spans with more admissions than the rate", too_fast as f64);
    row("most admissions above the rate's bound", excess as f64);
    row("visitors who left", left.len() as f64);
    row("asked for again", of(&crowd.counts.doubts));
    row("told to wait by a board of before they left", of(&crowd.counts.by_old_boards));
    row("visitors who left and were told another thing", distinct.len() as f64);
    row("visitors who left and were seen inside", again.len() as f64);
    row("left in the last second before the emptying, put right", f64::from(put_right));
    println!("the last of them {put_right_s:.2} s after it");
    row("of both, left within a second before the emptying", lately as f64);
    row("steady visitors whose order is compared", turns.len() as f64);
    row("pairs, one answered before the other asked", order::pairs(&turns) as f64);
    row("of these let in the other way round", order as f64);
    for (sample, room) in above.iter().take(10) {
        println!("at {:.2} s {} inside of {}", sample.at_s, sample.inside.len(), room.capacity);
    }
    above.len() as u64 + too_fast + wrong.len() as u64 + order
}
