//! Waiting polls: how many a second a gateway answers, compared with a bare hyper server that answers with as many
//! bytes, and what they cost Redis.
//!
//! `cargo run --release --example polls`. README.md says how it is measured.

mod support;

use std::process::ExitCode;

use serde_json::json;
use support::beside::Beside;
use support::gateway::House;
use support::load::{self, Ask, Plan, Until};
use support::{machine, part, table};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENT: &str = "hall";
const WAITING: u64 = 100_000;
const CONNECTIONS: [usize; 2] = [64, 256];

fn main() -> ExitCode {
    if let Some(part) = part::played() {
        return part::play(&part);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let house = runtime.block_on(House::start());
    println!("{}", machine::line());
    let gateway = house.gateway(&[]);
    gateway.put_event(EVENT, &json!({"mode": "open", "capacity": 0, "rate_per_min": 0}));

    let visitors = house.path("visitors");
    let filled = load::play(&Plan {
        addresses: vec![gateway.address.clone()],
        connections: 256,
        ask: Ask::Enter { event: EVENT.to_owned() },
        until: Until::Requests(WAITING),
        keep: Some(visitors.clone()),
        ours: true,
    });
    filled.must_be_clean();
    println!("{} visitors entered in {:.1} s, nobody is let in", table::grouped(filled.all as f64, 0), filled.seconds);

    let ask = || Ask::Poll { event: EVENT.to_owned(), visitors: visitors.clone() };
    let beside = Beside::new(&house, &gateway, "poll", 200, ask());
    for connections in CONNECTIONS {
        beside.compare(connections, |_| ask());
    }
    ExitCode::SUCCESS
}
