//! Whole histories of a house, each from one seed, in a world that is unkind on purpose.
//!
//! Everything runs on one thread. Time is the runtime's own and goes on only when nobody has anything to do. Everything
//! random follows from the seed. A call that waits for other threads (SQLite's, a WAL's, a server's) is driven to
//! its end while everything else stands still. So a seed is one history: who came, which gateway they met, what was
//! lost on the way and which process was killed. `people` come through two gateways; `weather` strikes lanes, ledger,
//! bank and processes; the `auditor` knows all answers and checks every later answer against them. In the end nothing
//! unkind happens for a while. Then every order must be final, nothing may be held, and the house's own audit and the
//! bank must agree. README.md says what the histories have met and found.
//!
//! This is a separate test binary, so that after a change of the house the histories can run without building the other
//! tests.

mod auditor;
mod bank;
mod closing;
mod dice;
mod finish;
mod history;
mod house;
mod lanes;
mod misfortunes;
mod people;
mod play;
mod process;
mod run;
mod seen;
mod support;
mod weather;
mod wire;

use house::On;
use play::Script;

/// The same allocator as in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seeds that are played every time.
const FIXED: std::ops::Range<u64> = 1..9;
/// How many new seeds are played besides.
const NEW: u64 = 6;
/// Seeds that are played on Redis and MariaDB.
const ON_SERVERS: std::ops::Range<u64> = 1..3;

#[test]
fn a_seed_is_one_history() {
    for seed in 1..=2 {
        let (one, same) = (Script::of(seed).play(), Script::of(seed).play());
        for (at, (line, other)) in one.lines.iter().zip(&same.lines).enumerate() {
            assert_eq!(line, other, "seed {seed}, line {at}");
        }
        assert_eq!(one.digest, same.digest, "seed {seed}");
    }
    assert_ne!(Script::of(1).play().digest, Script::of(2).play().digest);
}

#[test]
fn the_fixed_seeds_are_clean() {
    run::clean(FIXED);
}

#[test]
fn some_seeds_are_clean_on_servers() {
    run::clean_on(ON_SERVERS, On::Servers);
}

#[test]
fn new_seeds_are_clean() {
    run::asked(NEW);
}
