//! Plays many seeds and reports progress. For a seed that is not clean, finds a shorter history that still fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use stanchion::clock;

use super::closing::ORDERS;
use super::house::On;
use super::play::{Outcome, PEOPLE_MAX, STANDS_STILL, Script};
use super::weather::{KINDS, Kind, OF_FILES};

/// From this many seeds on, a run must have met everything in `EXPECTED` and every kind of unkindness.
const COVERING: u64 = 1_000;

/// Answers and orders' statuses that such a run must have met. An answer is its HTTP status with its code.
const EXPECTED: &[&str] = &[
    "200 ",
    "201 ",
    "202 ",
    "204 ",
    "403 PASS_REQUIRED",
    "409 ALREADY_CLAIMED",
    "409 EVENT_CANCELLED",
    "409 HOLD_ALREADY_ORDERED",
    "409 NOT_CANCELLABLE",
    "409 NOT_PAYABLE",
    "409 OVER_REFUND",
    "409 PAYMENT_IN_PROGRESS",
    "409 PROVIDER_NOT_ALLOWED",
    "409 SEATS_TAKEN",
    "409 SOLD_OUT",
    "410 HOLD_EXPIRED",
    "422 LIMIT_EXCEEDED",
    "429 TOO_MANY_REQUESTS",
    "503 RECOVERING",
    "503 UNAVAILABLE",
    "event cancelled",
    "order accepted ",
    "order pending_payment ",
    "order paying ",
    "order awaiting_deposit ",
    "order confirmed ",
    "order partially_refunded ",
    "order refunded ",
    "order rejected AMOUNT_BELOW_MINIMUM",
    "order rejected CANCELLED",
    "order rejected COUPON_UNAVAILABLE",
    "order rejected INSUFFICIENT_POINTS",
    "order rejected PAYMENT_DECLINED",
    "order rejected PAYMENT_EXPIRED",
    "order rejected PRICE_CHANGED",
    "refund awaiting_account",
    "refund done",
    "settlement open",
    "settlement paid",
];

/// What all histories together met.
#[derive(Default)]
struct Met {
    answers: BTreeMap<String, u64>,
    kinds: BTreeMap<Kind, u64>,
}

impl Met {
    fn add(&mut self, outcome: Outcome) {
        outcome.met.into_iter().for_each(|(what, times)| *self.answers.entry(what).or_default() += times);
        outcome.struck.into_iter().for_each(|(kind, times)| *self.kinds.entry(kind).or_default() += times);
    }

    /// What must be met on these stores and was not.
    fn missing(&self, on: On) -> Vec<String> {
        let elsewhere = |kind: &&Kind| on == On::Servers && OF_FILES.contains(kind);
        let kinds = KINDS.iter().filter(|kind| !elsewhere(kind) && !self.kinds.contains_key(kind));
        let answers = EXPECTED.iter().filter(|what| !self.answers.contains_key(**what));
        kinds.map(|kind| format!("{kind:?}")).chain(answers.map(|what| (*what).to_owned())).collect()
    }
}

/// Plays the seeds. Panics at one that is not clean, and prints what is wrong, how to repeat it, and its history.
pub fn clean(seeds: std::ops::Range<u64>) {
    clean_on(seeds, On::Files);
}

pub fn clean_on(seeds: std::ops::Range<u64>, on: On) {
    let (began, count) = (clock::instant(), seeds.end - seeds.start);
    let (next, played, ended) = (AtomicU64::new(seeds.start), AtomicU64::new(0), AtomicBool::new(false));
    let (met, dirty) = (Mutex::new(Met::default()), Mutex::new(None));
    let player = || {
        while !ended.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let script = Script { on, ..Script::of(seed) };
            let outcome = script.play();
            if !outcome.found.is_empty() {
                ended.store(true, Ordering::Relaxed);
                dirty.lock().get_or_insert((script, outcome));
                return;
            }
            met.lock().add(outcome);
            let played = played.fetch_add(1, Ordering::Relaxed) + 1;
            if played % 100 == 0 {
                let rate = played as f64 / began.elapsed().as_secs_f64();
                println!("{played} of {count} histories, {rate:.1} a second");
            }
        }
    };
    let players = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|threads| (0..players).for_each(|_| drop(threads.spawn(player))));
    if let Some((script, outcome)) = dirty.into_inner() {
        println!("{} histories were clean", played.into_inner());
        tell(&script, outcome);
    }
    let met = met.into_inner();
    println!("{count} histories with {} orders are clean", met.answers.get(ORDERS).unwrap_or(&0));
    if count < COVERING {
        return;
    }
    println!("unkindness:");
    met.kinds.iter().for_each(|(kind, times)| println!("  {times:>8} {kind:?}"));
    println!("met:");
    met.answers.iter().for_each(|(what, times)| println!("  {times:>8} {what}"));
    let missing = met.missing(on);
    assert!(missing.is_empty(), "{count} histories never met {missing:?}");
}

/// Prints a history that is not clean, as short as it gets, and panics.
fn tell(script: &Script, outcome: Outcome) -> ! {
    println!("seed {} is not clean: {:#?}", script.seed, outcome.found);
    println!("again: make simulate SEEDS=1 FROM={}{}", script.seed, store(script.on));
    let stands_still = outcome.found.iter().any(|found| found == STANDS_STILL);
    if std::env::var_os("BRIEFLY").is_none() && !stands_still {
        let (short, least) = shortened(script, outcome);
        for line in &least.lines {
            println!("{line}");
        }
        let without: Vec<String> = short.without.iter().map(|kind| format!("{kind:?}")).collect();
        let (people, without) = (short.people, without.join(","));
        println!(
            "as above: make simulate SEEDS=1 FROM={} PEOPLE={people} WITHOUT={without}{}",
            short.seed,
            store(short.on)
        );
        panic!("seed {}: {:#?}", script.seed, least.found);
    }
    panic!("seed {}", script.seed);
}

fn store(on: On) -> &'static str {
    match on {
        On::Files => "",
        On::Servers => " STORE=redis",
    }
}

/// Plays the script with fewer people and less unkindness as long as something is still wrong.
fn shortened(script: &Script, outcome: Outcome) -> (Script, Outcome) {
    let mut least = (script.clone(), outcome);
    for people in 1..PEOPLE_MAX {
        let shorter = Script { people, ..script.clone() };
        let outcome = shorter.play();
        if !outcome.found.is_empty() {
            least = (shorter, outcome);
            break;
        }
    }
    for kind in KINDS {
        let mut shorter = least.0.clone();
        shorter.without.insert(kind);
        let outcome = shorter.play();
        if !outcome.found.is_empty() {
            least = (shorter, outcome);
        }
    }
    least
}

/// Plays what the environment asks for by SEEDS, FROM, PEOPLE, WITHOUT, STORE and LOG. Without SEEDS and FROM: `seeds`
/// seeds, the first of which is the present time in ms.
pub fn asked(seeds: u64) {
    let said = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let number = |name: &str| said(name).map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: a number")));
    let from = number("FROM").unwrap_or_else(|| clock::Clock::system().now_ms().unsigned_abs());
    let count = number("SEEDS").unwrap_or(seeds);
    let on = match said("STORE").as_deref() {
        None | Some("files") => On::Files,
        Some("redis") => On::Servers,
        Some(other) => panic!("STORE={other}: files or redis"),
    };
    println!("{count} seeds from {from}{}", store(on));
    let without: BTreeSet<Kind> = said("WITHOUT").iter().flat_map(|names| names.split(',')).map(kind_named).collect();
    if let Some(level) = said("LOG") {
        let filter = tracing_subscriber::EnvFilter::new(level);
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .without_time()
            .with_ansi(false)
            .with_writer(std::io::stdout)
            .init();
    }
    let people = number("PEOPLE");
    if people.is_none() && without.is_empty() {
        return clean_on(from..from + count, on);
    }
    let script = Script { seed: from, people: people.unwrap_or(PEOPLE_MAX), without, on };
    let outcome = script.play();
    for line in &outcome.lines {
        println!("{line}");
    }
    assert!(outcome.found.is_empty(), "seed {from}: {:#?}", outcome.found);
}

fn kind_named(name: &str) -> Kind {
    let named = KINDS.into_iter().find(|kind| format!("{kind:?}") == name);
    named.unwrap_or_else(|| panic!("WITHOUT={name}: one of {KINDS:?}"))
}
