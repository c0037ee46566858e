//! A million visitors wait, and each poll goes through one of ten gateways at random. Counts how many commands a poll
//! costs the lane, and how many bytes a visitor costs Redis and each gateway.
//!
//! `cargo run --release --example gateways`. README.md says how it is counted.

mod support;

use std::process::ExitCode;
use std::time::Instant;

use support::doors::{Asked, Crowd, Doors, On, Played};
use support::redis::info;
use support::servers::OwnRedis;
use support::table::grouped;
use support::{machine, table};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WAITING: usize = 1_000_000;
const GATEWAYS: usize = 10;
const RATE_PER_MIN: i64 = 10_000;
const WINDOWS: usize = 5;
/// Seconds of played time: nobody waits for a real clock.
const WINDOW_S: usize = 30;
/// A poll must cost fewer commands than this.
const WANTED: f64 = 0.02;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(count())
}

async fn count() -> ExitCode {
    println!("{}", machine::line());
    let redis = OwnRedis::start().await;
    let doors = Doors::open(&On::Redis(redis.url()), GATEWAYS, |room| {
        (room.capacity, room.rate_per_min) = (1_000_000, RATE_PER_MIN);
    })
    .await;
    let empty = memory(&redis);
    let mut crowd = Crowd::enter(&doors, WAITING).await;
    let each = (memory(&redis) - empty) / WAITING as f64;
    println!("{} in line; Redis: {each:.1} bytes of memory each", grouped(WAITING as f64, 0));
    let gateways_before = machine::memory(std::process::id());
    let mut windows = Vec::new();
    for n in 1..=WINDOWS {
        let (before, began) = (doors.asked(), Instant::now());
        let played = crowd.poll(&doors, WINDOW_S).await;
        let window = Window { played, asked: doors.asked().since(before) };
        println!("window {n}: {}, played in {:.0} s", window.told(), began.elapsed().as_secs_f64());
        windows.push(window);
    }
    let known = machine::memory(std::process::id()).saturating_sub(gateways_before) as f64;
    let of = |figure: &dyn Fn(&Window) -> f64| windows.iter().map(figure).collect::<Vec<_>>();
    table::head(&format!("{WINDOWS} windows of {WINDOW_S} s"));
    table::row("polls a second", of(&|w| w.played.polls as f64 / WINDOW_S as f64), 0);
    table::row("commands a poll", of(&Window::commands), 4);
    table::row("boards a poll", of(&|w| w.a_poll(w.asked.board)), 4);
    table::row("polls asked of the lane, a poll", of(&|w| w.a_poll(w.asked.poll)), 4);
    table::row("batches of presence a poll", of(&|w| w.a_poll(w.asked.presence)), 4);
    println!(
        "each gateway: {:.1} bytes of memory a waiting visitor; Redis at the end: {:.1} bytes each",
        known / (GATEWAYS * WAITING) as f64,
        (memory(&redis) - empty) / WAITING as f64,
    );
    ExitCode::from(u8::from(windows.iter().any(|window| window.commands() >= WANTED)))
}

struct Window {
    played: Played,
    asked: Asked,
}

impl Window {
    fn commands(&self) -> f64 {
        self.a_poll(self.asked.all())
    }

    fn a_poll(&self, of: u64) -> f64 {
        of as f64 / self.played.polls as f64
    }

    fn told(&self) -> String {
        format!(
            "{} polls, {} let in, {:.4} commands a poll: {:?}",
            grouped(self.played.polls as f64, 0),
            self.played.admitted,
            self.commands(),
            self.asked
        )
    }
}

/// Bytes that Redis uses while it is not rewriting its append-only file.
fn memory(redis: &OwnRedis) -> f64 {
    while info(redis, "persistence", "aof_rewrite_in_progress") > 0.0 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    info(redis, "memory", "used_memory")
}
