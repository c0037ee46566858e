//! Compares a gateway with bare hyper servers. Their runs take turns, so that a machine that slows down meanwhile slows
//! all of them. Prints the table of the runs.

use super::gateway::{Gateway, House};
use super::load::{self, Ask, Plan, Report, Until};
use super::peer::{Peer, Threads};
use super::redis::Commands;
use super::{machine, table};

pub const RUNS: usize = 5;
const SECONDS: f64 = 5.0;

/// What is compared.
pub struct Beside<'a> {
    pub house: &'a House,
    pub gateway: &'a Gateway,
    /// Bare hyper as in hyper's own examples (`shared`), and on threads like the gateway's (`own`).
    pub shared: Peer,
    pub own: Peer,
    /// What the table calls one request, such as "poll".
    pub what: &'static str,
}

/// One run of each server, one right after the other.
struct Round {
    gateway: Report,
    shared: Report,
    own: Report,
    /// Processor time of the servers, seconds.
    gateway_s: f64,
    shared_s: f64,
    own_s: f64,
    /// Commands Redis was sent, and commands its scripts called, during the gateway's run.
    sent: u64,
    inside: u64,
}

impl<'a> Beside<'a> {
    /// Starts peers that answer with this status and as many bytes as the gateway.
    pub fn new(house: &'a House, gateway: &'a Gateway, what: &'static str, status: u16, ask: Ask) -> Self {
        let bytes = run(&gateway.address, ask, 64, true, 1.0).bytes_each().round() as usize;
        let (shared, own) = (Peer::start(status, bytes, Threads::Shared), Peer::start(status, bytes, Threads::Own));
        Self { house, gateway, shared, own, what }
    }

    fn round(&self, ask: Ask, connections: usize) -> Round {
        let commands = Commands::of(&self.house.redis);
        let used = |id: u32, address: &str, ours: bool| {
            let before = machine::used_s(id);
            let report = run(address, ask.clone(), connections, ours, SECONDS);
            report.must_be_clean();
            (report, machine::used_s(id) - before)
        };
        let (gateway, gateway_s) = used(self.gateway.id(), &self.gateway.address, true);
        let after = Commands::of(&self.house.redis);
        let (shared, shared_s) = used(self.shared.id(), &self.shared.address, false);
        let (own, own_s) = used(self.own.id(), &self.own.address, false);
        let (sent, inside) = (after.sent_since(&commands), after.inside_since(&commands));
        Round { gateway, shared, own, gateway_s, shared_s, own_s, sent, inside }
    }

    /// Plays the runs and prints the table. `ask` gives the requests of the run with this number.
    pub fn compare(&self, connections: usize, ask: impl Fn(usize) -> Ask) {
        let round = |run: usize| {
            let round = self.round(ask(run), connections);
            println!("{connections:>4} connections, run {run}: gateway {}", load::told(&round.gateway));
            println!("{:>23} bare hyper {}   load {}", "", load::told(&round.shared), machine::load());
            println!("{:>15} hyper on own threads {}", "", load::told(&round.own));
            round
        };
        let rounds: Vec<Round> = (1..=RUNS).map(round).collect();
        let of = |figure: fn(&Round) -> f64| rounds.iter().map(figure);
        let what = self.what;
        table::head(&format!("{connections} connections, {RUNS} runs of {SECONDS} s"));
        table::row(&format!("gateway, a second ({what})"), of(|r| r.gateway.per_second()), 0);
        table::row("bare hyper, a second", of(|r| r.shared.per_second()), 0);
        table::row("bare hyper on own threads, a second", of(|r| r.own.per_second()), 0);
        table::row("ratio to bare hyper", of(|r| r.gateway.per_second() / r.shared.per_second()), 3);
        table::row("ratio to hyper on own threads", of(|r| r.gateway.per_second() / r.own.per_second()), 3);
        table::row("gateway, p99 ms", of(|r| r.gateway.p99_ms), 2);
        table::row("bare hyper, p99 ms", of(|r| r.shared.p99_ms), 2);
        table::row("bare hyper on own threads, p99 ms", of(|r| r.own.p99_ms), 2);
        table::row("gateway, processor µs each", of(|r| r.gateway_s * 1e6 / r.gateway.all as f64), 2);
        table::row("bare hyper, processor µs each", of(|r| r.shared_s * 1e6 / r.shared.all as f64), 2);
        table::row("on own threads, processor µs each", of(|r| r.own_s * 1e6 / r.own.all as f64), 2);
        table::row("load, processor µs each", of(|r| r.shared.cpu_s * 1e6 / r.shared.all as f64), 2);
        table::row(&format!("Redis commands, each {what}"), of(|r| r.sent as f64 / r.gateway.all as f64), 4);
        table::row("commands its scripts called, each", of(|r| r.inside as f64 / r.gateway.all as f64), 4);
        table::row("bytes of an answer, gateway", of(|r| r.gateway.bytes_each()), 1);
        table::row("bytes of an answer, bare hyper", of(|r| r.shared.bytes_each()), 1);
        let looked_at: u64 = rounds.iter().map(|r| r.gateway.looked_at).sum();
        println!("{} answers read whole; failures: none\n", table::grouped(looked_at as f64, 0));
    }
}

fn run(address: &str, ask: Ask, connections: usize, ours: bool, seconds: f64) -> Report {
    let (addresses, until) = (vec![address.to_owned()], Until::Seconds(seconds));
    load::play(&Plan { addresses, connections, ask, until, keep: None, ours })
}
