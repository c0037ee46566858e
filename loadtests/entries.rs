//! Entries: how many new visitors a second get a durable place, compared with a bare hyper server that answers with as
//! many bytes. Also whether those who enter first through one of two gateways are let in first.
//!
//! `cargo run --release --example entries`. README.md says how it is measured.

mod support;

use std::collections::{HashMap, HashSet};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::json;
use support::beside::Beside;
use support::gateway::{Gateway, House};
use support::load::{self, Ask, Entry, Plan, Until};
use support::order::{self, Turn};
use support::{machine, part, table};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTIONS: [usize; 3] = [64, 256, 1024];

/// Entries whose order is checked, and the connections on which they come. Half of the connections go to each gateway.
const ORDERED: u64 = 100_000;
const ORDERED_CONNECTIONS: usize = 128;

/// How often the test looks who is inside. A gateway pulses only every 250 ms (`queue.pulse_ms`).
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The test fails when not everybody is let in within this time.
const ADMITTED_WITHIN: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    if let Some(part) = part::played() {
        return part::play(&part);
    }
    order::check();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let house = runtime.block_on(House::start());
    println!("{}", machine::line());
    let gateway = house.gateway(&[]);
    let order = Order { house: &house, gateway: &gateway };
    // Each run has a room of its own, so that every run finds an empty one.
    let ask = |event: String| {
        gateway.put_event(&event, &json!({"mode": "open", "capacity": 0, "rate_per_min": 0}));
        Ask::Enter { event }
    };
    let beside = Beside::new(&house, &gateway, "entry", 201, ask("warm-up".to_owned()));
    for connections in CONNECTIONS {
        beside.compare(connections, |run| ask(format!("hall-{connections}-{run}")));
    }
    drop(beside);
    let violations = order.violations(&house.gateway(&[]));
    ExitCode::from(u8::from(violations > 0))
}

struct Order<'a> {
    house: &'a House,
    gateway: &'a Gateway,
}

impl Order<'_> {
    /// Visitors enter through two gateways, then everybody is let in. Returns how many pairs are the other way round,
    /// by their places and by when they were let in.
    fn violations(&self, other: &Gateway) -> u64 {
        let event = "order";
        let room = json!({
            "mode": "open", "capacity": 0, "rate_per_min": 0,
            // These times are so long that nobody becomes late: only the order counts.
            "absent_after_s": 86_400, "claim_ttl_s": 86_400,
        });
        self.gateway.put_event(event, &room);
        other.until_there(event);
        let kept = self.house.path("entries");
        let entered = load::play(&Plan {
            addresses: vec![self.gateway.address.clone(), other.address.clone()],
            connections: ORDERED_CONNECTIONS,
            ask: Ask::Enter { event: event.to_owned() },
            until: Until::Requests(ORDERED),
            keep: Some(kept.clone()),
            ours: true,
        });
        entered.must_be_clean();
        let entries = load::entries(&kept);
        self.gateway.patch_room(event, &json!({"capacity": ORDERED, "rate_per_min": 600_000}));
        let called = self.called(event);
        assert_eq!(called.len(), entries.len(), "everybody is let in, once");
        let (by_place, by_call) = self.turns(&entries, &called);
        let (places, calls) = (order::violations(&by_place), order::violations(&by_call));
        table::head("order, one run");
        table::row("entries through two gateways", [entries.len() as f64], 0);
        table::row("entries a second", [entered.per_second()], 0);
        table::row("pairs, one answered before the other asked", [order::pairs(&by_place) as f64], 0);
        let looks = called.values().collect::<HashSet<_>>().len();
        table::row("looks that saw somebody come in", [looks as f64], 0);
        table::row("of these with the places the other way round", [places as f64], 0);
        table::row("of these let in the other way round", [calls as f64], 0);
        places + calls
    }

    /// The turn of each entry: first by its place, then by when it was let in.
    fn turns(&self, entries: &[Entry], called: &HashMap<String, i64>) -> (Vec<Turn>, Vec<Turn>) {
        let turn = |entry: &Entry, turn| Turn { asked_ns: entry.asked_ns, answered_ns: entry.answered_ns, turn };
        let turns = entries
            .iter()
            .map(|entry| (turn(entry, self.house.score(&entry.token)), turn(entry, called[&entry.visitor])));
        turns.unzip()
    }

    /// Looks who is inside until everybody is. Returns the number of the first look that saw each visitor. A look is
    /// one command, so it sees one moment. Visitors whom the same look saw first count as let in together.
    fn called(&self, event: &str) -> HashMap<String, i64> {
        let texts = |command: &str| -> Vec<String> {
            let answer = self.house.redis.says(command);
            // The answers are arrays of bulk strings: each text has a line of its own after the line with its length.
            answer.lines().filter(|line| !line.starts_with(['*', '$', '+'])).map(str::to_owned).collect()
        };
        let (began, mut called) = (Instant::now(), HashMap::new());
        for look in 0.. {
            if called.len() as u64 == ORDERED {
                break;
            }
            assert!(began.elapsed() < ADMITTED_WITHIN, "not all are let in: {}", self.gateway.room(event));
            std::thread::sleep(LOOK_EVERY);
            if let Some(key) = texts(&format!("KEYS *:e:{event}:inside")).pop() {
                for visitor in texts(&format!("ZRANGE {key} 0 -1")) {
                    called.entry(visitor).or_insert(look);
                }
            }
        }
        called
    }
}
