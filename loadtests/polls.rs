//! Waiting polls: how many a second, beside a bare hyper that answers as many bytes, and what they cost Redis.
//!
//! `cargo run --release --example polls`. README.md says how it is measured.

mod support;

use std::process::ExitCode;

use serde_json::json;
use support::gateway::{Gateway, House};
use support::load::{self, Ask, Plan, Report, Until};
use support::peer::Peer;
use support::redis::Commands;
use support::{machine, part, table};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENT: &str = "hall";
const WAITING: u64 = 100_000;
const CONNECTIONS: [usize; 2] = [64, 256];
const RUNS: usize = 5;
const SECONDS: f64 = 5.0;

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

    let bench = Bench { house: &house, gateway: &gateway, visitors };
    let each = bench.run(&gateway.address, 64, true, 1.0).bytes_each();
    let peer = Peer::start(200, each.round() as usize);
    for connections in CONNECTIONS {
        bench.compare(&peer, connections);
    }
    ExitCode::SUCCESS
}

struct Bench<'a> {
    house: &'a House,
    gateway: &'a Gateway,
    visitors: String,
}

/// One run of each, next to each other in time.
struct Pair {
    gateway: Report,
    peer: Report,
    /// Processor time of the servers, seconds.
    gateway_cpu_s: f64,
    peer_cpu_s: f64,
    /// Commands Redis was sent, and commands its scripts called, during the gateway's run.
    sent: u64,
    inside: u64,
}

impl Bench<'_> {
    fn run(&self, address: &str, connections: usize, ours: bool, seconds: f64) -> Report {
        load::play(&Plan {
            addresses: vec![address.to_owned()],
            connections,
            ask: Ask::Poll { event: EVENT.to_owned(), visitors: self.visitors.clone() },
            until: Until::Seconds(seconds),
            keep: None,
            ours,
        })
    }

    fn pair(&self, peer: &Peer, connections: usize) -> Pair {
        let (cpu_s, commands) = (machine::used_s(self.gateway.id()), Commands::of(&self.house.redis));
        let gateway = self.run(&self.gateway.address, connections, true, SECONDS);
        let after = Commands::of(&self.house.redis);
        let gateway_cpu_s = machine::used_s(self.gateway.id()) - cpu_s;
        let cpu_s = machine::used_s(peer.id());
        let bare = self.run(&peer.address, connections, false, SECONDS);
        let peer_cpu_s = machine::used_s(peer.id()) - cpu_s;
        gateway.must_be_clean();
        bare.must_be_clean();
        let (sent, inside) = (after.sent_since(&commands), after.inside_since(&commands));
        Pair { gateway, peer: bare, gateway_cpu_s, peer_cpu_s, sent, inside }
    }

    fn compare(&self, peer: &Peer, connections: usize) {
        let pairs: Vec<Pair> = (0..RUNS)
            .map(|run| {
                let pair = self.pair(peer, connections);
                println!("{connections:>4} connections, run {}: gateway {}", run + 1, load::told(&pair.gateway));
                println!("{:>23} bare hyper {}   load {}", "", load::told(&pair.peer), machine::load());
                pair
            })
            .collect();
        let of = |figure: fn(&Pair) -> f64| pairs.iter().map(figure);
        table::head(&format!("{connections} connections, {RUNS} runs of {SECONDS} s"));
        table::row("gateway, polls a second", of(|p| p.gateway.per_second()), 0);
        table::row("bare hyper, requests a second", of(|p| p.peer.per_second()), 0);
        table::row("ratio of a pair", of(|p| p.gateway.per_second() / p.peer.per_second()), 3);
        table::row("gateway, p99 ms", of(|p| p.gateway.p99_ms), 2);
        table::row("bare hyper, p99 ms", of(|p| p.peer.p99_ms), 2);
        table::row("gateway, processor µs a poll", of(|p| p.gateway_cpu_s * 1e6 / p.gateway.all as f64), 2);
        table::row("bare hyper, processor µs a request", of(|p| p.peer_cpu_s * 1e6 / p.peer.all as f64), 2);
        table::row("load, processor µs a request", of(|p| p.peer.cpu_s * 1e6 / p.peer.all as f64), 2);
        table::row("Redis commands a poll", of(|p| p.sent as f64 / p.gateway.all as f64), 4);
        table::row("commands its scripts called, a poll", of(|p| p.inside as f64 / p.gateway.all as f64), 4);
        table::row("bytes of an answer, gateway", of(|p| p.gateway.bytes_each()), 1);
        table::row("bytes of an answer, bare hyper", of(|p| p.peer.bytes_each()), 1);
        let looked_at: u64 = pairs.iter().map(|p| p.gateway.looked_at).sum();
        println!("{} answers read whole; failures: none\n", table::grouped(looked_at as f64, 0));
    }
}
