//! Entries: how many new visitors a second get a durable place, beside a bare hyper that answers as many
//! bytes; and whether who comes first is let in first, through two gateways.
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

/// Entries whose order is looked at, and the connections they come by, half to either gateway.
const ORDERED: u64 = 100_000;
const ORDERED_CONNECTIONS: usize = 128;

/// How often it is looked who is inside: pulses come more often than that.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// All of them are let in within this, or the test is over.
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
    // A room of its own for a run, so that all find it empty.
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
    /// Entries through two gateways, then everybody is let in; how many were let in before somebody whose
    /// place was theirs before they asked.
    fn violations(&self, other: &Gateway) -> u64 {
        let event = "order";
        let room = json!({
            "mode": "open", "capacity": 0, "rate_per_min": 0,
            // Nobody is called in vain: all that counts is the order.
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

    /// Each entry's turn by its place, and by when it was let in.
    fn turns(&self, entries: &[Entry], called: &HashMap<String, i64>) -> (Vec<Turn>, Vec<Turn>) {
        let turn = |entry: &Entry, turn| Turn { asked_ns: entry.asked_ns, answered_ns: entry.answered_ns, turn };
        let turns = entries
            .iter()
            .map(|entry| (turn(entry, self.house.score(&entry.token)), turn(entry, called[&entry.visitor])));
        turns.unzip()
    }

    /// Looks again and again who is inside, until all are: of each the first look that saw them. A look is
    /// one command, so it sees one moment; who was first seen by the same look came in together.
    fn called(&self, event: &str) -> HashMap<String, i64> {
        let texts = |command: &str| -> Vec<String> {
            let answer = self.house.redis.says(command);
            // Arrays of bulk strings: a line of length, one of text.
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
