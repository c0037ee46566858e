//! The one place that reads the time.
//!
//! Everyone else takes `now_ms` as an argument or asks a `Clock`. Between two measures a `Clock` counts the time by a
//! clock that nobody can step, so a stepped system clock moves nothing. On Linux that clock runs on while the machine
//! is suspended. With Redis a `Clock` follows the server's TIME, so that all gateways share one time. A measure that is
//! far off is believed only once others confirm it. Tests set the time by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::facts::time::{Millis, Tick};

pub use tokio::time::Instant;

/// A clock; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<TimeSource>);

/// How far a measure may be from what was expected before it needs others to confirm it, ms.
const JUMP_MS: i64 = 1_000;

/// Measures in a row that must agree before a jump is believed. At one in ten seconds: a minute.
const CONFIRMATIONS: u32 = 6;

#[derive(Debug)]
struct TimeSource {
    /// The system's time less the steady time, when this clock was made, ms.
    began_ms: i64,
    /// Added to `began_ms` and to the steady time, ms.
    offset_ms: AtomicI64,
    /// Not zero: the time stands still at this value until it is set again (tests).
    fixed_ms: AtomicI64,
    /// Whether ticks stand still with the time.
    stopped: bool,
    /// If set, the steady time is that of the runtime's timers, counted from this moment.
    played: Option<Instant>,
    following: Mutex<Following>,
}

#[derive(Debug, Default)]
struct Following {
    /// Whether a server's time was ever taken: the first one is believed.
    begun: bool,
    doubt: Option<Doubt>,
}

/// A jump that is not believed yet.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    offset_ms: i64,
    measures: u32,
}

/// What became of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// It was as expected, or the first one.
    Taken,
    /// It was `off_ms` from what was expected, and is not believed yet.
    Doubted { off_ms: i64 },
    /// The house's time has moved by `off_ms`: every measure of the last minute said so.
    Believed { off_ms: i64 },
}

impl Default for TimeSource {
    fn default() -> Self {
        Self {
            began_ms: system_ms() - steady_ms(),
            offset_ms: AtomicI64::default(),
            fixed_ms: AtomicI64::default(),
            stopped: false,
            played: None,
            following: Mutex::default(),
        }
    }
}

impl TimeSource {
    fn steady_ms(&self) -> i64 {
        match self.played {
            None => steady_ms(),
            Some(began) => i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX),
        }
    }
}

impl Clock {
    /// The system's time.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until `set` or `advance`.
    pub fn fixed(at_ms: Millis) -> Self {
        let clock = Self::default();
        clock.set(at_ms);
        clock
    }

    /// As `fixed`, but ticks stand still too, so that minutes can be played in a moment.
    pub fn stopped(at_ms: Millis) -> Self {
        let clock = Self(Arc::new(TimeSource { stopped: true, ..TimeSource::default() }));
        clock.set(at_ms);
        clock
    }

    /// A clock that begins at `at_ms` and goes as fast as the timers of this thread's runtime: where the runtime plays
    /// its timers as fast as it can, hours pass in a moment. `step` moves the clock, but not the timers.
    pub fn played(at_ms: Millis) -> Self {
        Self(Arc::new(TimeSource { began_ms: at_ms, played: Some(instant()), ..TimeSource::default() }))
    }

    /// Moves the time, but not the ticks.
    pub fn step(&self, by_ms: Millis) {
        self.0.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// The present tick, to measure the age of what is remembered. Ticks only grow, whatever the time is set to.
    pub fn tick(&self) -> Tick {
        Tick(if self.0.stopped { self.now_ms() } else { self.0.steady_ms() })
    }

    pub fn now_ms(&self) -> Millis {
        match self.0.fixed_ms.load(Ordering::Relaxed) {
            0 => self.unmoved_ms() + self.0.offset_ms.load(Ordering::Relaxed),
            fixed => fixed,
        }
    }

    /// The time by this machine alone.
    fn unmoved_ms(&self) -> Millis {
        self.0.began_ms + self.0.steady_ms()
    }

    /// Follows a server that said its time was `server_ms`. Its answer came `round_trip` after it was asked.
    pub fn follow(&self, server_ms: Millis, round_trip: Duration) -> Followed {
        let then_ms = server_ms + i64::try_from(round_trip.as_millis()).unwrap_or(0) / 2;
        let offset_ms = then_ms - self.unmoved_ms();
        let off_ms = offset_ms - self.0.offset_ms.load(Ordering::Relaxed);
        let mut following = self.0.following.lock();
        let known = std::mem::replace(&mut following.begun, true);
        let doubt = following.doubt.take().filter(|doubt| (doubt.offset_ms - offset_ms).abs() <= JUMP_MS);
        let measures = doubt.map_or(0, |doubt| doubt.measures) + 1;
        let expected = !known || off_ms.abs() <= JUMP_MS;
        if !expected && measures < CONFIRMATIONS {
            following.doubt = Some(Doubt { offset_ms, measures });
            return Followed::Doubted { off_ms };
        }
        self.0.offset_ms.store(offset_ms, Ordering::Relaxed);
        if expected { Followed::Taken } else { Followed::Believed { off_ms } }
    }

    pub fn set(&self, at_ms: Millis) {
        self.0.fixed_ms.store(at_ms, Ordering::Relaxed);
    }

    pub fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fixed_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}

/// A monotonic instant, for durations only. Where a runtime's timers are played faster, it goes as they do.
pub fn instant() -> Instant {
    Instant::now()
}

/// Time since some moment before the program began, ms: nobody can step it, and a suspended machine does not
/// stop it.
#[cfg(target_os = "linux")]
fn steady_ms() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
}

/// As on Linux, but it may stand still while the machine is suspended.
#[cfg(not(target_os = "linux"))]
fn steady_ms() -> i64 {
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let since = BEGAN.get_or_init(std::time::Instant::now).elapsed();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn system_ms() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
