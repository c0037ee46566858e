//! The one place that reads the time. Knows no stage.
//!
//! Everyone else takes `now_ms` as an argument or asks a `Clock`. Between two measures time is counted by a
//! clock that nobody can step and that runs on while the machine is suspended. So a stepped system clock
//! moves nothing. On Redis the clock follows the server's TIME, so that all gateways share one; a measure
//! that is far off is believed only once others confirm it. Tests set the time by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
pub use tokio::time::Instant;

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

/// A clock; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<Source>);

/// How far a measure may be from what was expected before it needs others to confirm it, ms.
const JUMP_MS: i64 = 1_000;

/// Measures in a row that must agree before a jump is believed. At one in ten seconds: a minute.
const CONFIRMATIONS: u32 = 6;

#[derive(Debug)]
struct Source {
    /// The system's time less the steady time, when this clock was made, ms.
    began_ms: i64,
    /// Added to that and to the steady time, ms.
    offset_ms: AtomicI64,
    /// Not zero: the time stands still at this value until it is set again (tests).
    fixed_ms: AtomicI64,
    /// Whether ticks stand still with it.
    stopped: bool,
    /// The steady time is that of the runtime's timers, from this moment on.
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

impl Default for Source {
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

impl Source {
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

    /// As `fixed`, and what is measured by ticks stands still too: minutes can be played in a moment.
    pub fn stopped(at_ms: Millis) -> Self {
        let clock = Self(Arc::new(Source { stopped: true, ..Source::default() }));
        clock.set(at_ms);
        clock
    }

    /// A clock that begins at `at_ms` and goes as the timers of this thread's runtime do: in a runtime that plays its
    /// timers as fast as it can, hours pass in a moment. `step` moves it beside them.
    pub fn played(at_ms: Millis) -> Self {
        Self(Arc::new(Source { began_ms: at_ms, played: Some(instant()), ..Source::default() }))
    }

    /// Moves the time, but not the ticks.
    pub fn step(&self, by_ms: Millis) {
        self.0.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// Milliseconds since some moment, for ages of what is remembered: they only grow, whatever the time is set to.
    pub fn tick_ms(&self) -> Millis {
        if self.0.stopped { self.now_ms() } else { self.0.steady_ms() }
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

    /// Follow a server that said its time was `server_ms`, `round_trip` after it was asked.
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

/// RFC 3339 UTC with seconds (milliseconds where there are any), as every answer shows it.
pub fn rfc3339(at_ms: Millis) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).map(|t| t.to_string());
    // The library's timestamps end a day before the year 9999 does, so that any zone can show them.
    at.or_else(|_| EPOCH.checked_add(jiff::SignedDuration::from_millis(at_ms)).map(|t| format!("{t}Z")))
        .unwrap_or_default()
}

const EPOCH: jiff::civil::DateTime = jiff::civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The inverse of [`rfc3339`]; `None` when the text is no RFC 3339 time between 1970 and 9999.
pub fn parse_rfc3339(text: &str) -> Option<Millis> {
    let at_ms = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at.as_millisecond(),
        Err(_) => last_hours(text)?,
    };
    (at_ms >= 0).then_some(at_ms)
}

/// A time of the last hours of 9999, in UTC.
fn last_hours(text: &str) -> Option<Millis> {
    let at: jiff::civil::DateTime = text.strip_suffix(['Z', 'z'])?.parse().ok()?;
    let is_one = at.year() == 9999 && text.contains(['T', 't', ' ']);
    is_one.then(|| i64::try_from(at.duration_since(EPOCH).as_millis()).ok())?
}

/// A point in time that is an RFC 3339 text in JSON and milliseconds in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-20T10:00:00Z")]
pub struct Timestamp(pub Millis);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => serializer.collect_str(&at),
            Err(_) => serializer.serialize_str(&rfc3339(self.0)),
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_rfc3339(&text)
            .map(Timestamp)
            .ok_or_else(|| de::Error::custom("not an RFC 3339 time, e.g. 2026-11-20T10:00:00Z"))
    }
}

/// Whole seconds from `now_ms` to `deadline_ms`, rounded up, never negative.
pub fn seconds_until(deadline_ms: Millis, now_ms: Millis) -> i64 {
    (deadline_ms - now_ms).max(0).div_euclid(1000) + i64::from((deadline_ms - now_ms).max(0) % 1000 > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_by_hand() {
        let clock = Clock::fixed(1_000);
        assert_eq!(clock.now_ms(), 1_000);
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.clone().now_ms(), 3_000);
    }

    #[test]
    fn ticks_follow_the_time_only_where_it_is_stopped() {
        let (fixed, stopped) = (Clock::fixed(1_000), Clock::stopped(1_000));
        let before = (fixed.tick_ms(), stopped.tick_ms());
        for clock in [&fixed, &stopped] {
            clock.advance(Duration::from_secs(3_600));
        }
        assert_eq!(stopped.tick_ms() - before.1, 3_600_000);
        assert!((0..3_600_000).contains(&(fixed.tick_ms() - before.0)), "an hour has not passed");
    }

    const DAY_MS: i64 = 86_400_000;

    /// A server whose time is the clock's own, `off_ms` away.
    fn told(clock: &Clock, off_ms: i64) -> Followed {
        clock.follow(clock.unmoved_ms() + off_ms, Duration::ZERO)
    }

    fn off_ms(clock: &Clock) -> i64 {
        clock.now_ms() - clock.unmoved_ms()
    }

    fn near(a: i64, b: i64) -> bool {
        (a - b).abs() < 500
    }

    #[test]
    fn the_first_measure_is_taken_and_small_ones_after_it() {
        let clock = Clock::system();
        assert_eq!(clock.follow(clock.unmoved_ms() + DAY_MS, Duration::from_millis(10)), Followed::Taken);
        assert!(near(off_ms(&clock), DAY_MS + 5));
        assert_eq!(told(&clock, DAY_MS + 400), Followed::Taken);
        assert!(near(off_ms(&clock), DAY_MS + 400));
    }

    #[test]
    fn a_servers_time_that_jumps_a_day_is_not_believed_at_once() {
        for day_ms in [DAY_MS, -DAY_MS] {
            let clock = Clock::system();
            assert_eq!(told(&clock, 0), Followed::Taken);
            for _ in 1..CONFIRMATIONS {
                assert!(matches!(told(&clock, day_ms), Followed::Doubted { off_ms } if near(off_ms, day_ms)));
                assert!(near(off_ms(&clock), 0), "nothing has moved yet");
            }
            assert!(matches!(told(&clock, day_ms), Followed::Believed { off_ms } if near(off_ms, day_ms)));
            assert!(near(off_ms(&clock), day_ms));
        }
    }

    #[test]
    fn doubts_that_contradict_each_other_or_pass_confirm_nothing() {
        let clock = Clock::system();
        assert_eq!(told(&clock, 0), Followed::Taken);
        for n in 1..=i64::from(CONFIRMATIONS) * 3 {
            assert!(matches!(told(&clock, n * DAY_MS), Followed::Doubted { .. }));
        }
        for _ in 1..CONFIRMATIONS {
            told(&clock, DAY_MS);
        }
        assert_eq!(told(&clock, 0), Followed::Taken);
        assert!(matches!(told(&clock, DAY_MS), Followed::Doubted { .. }));
        assert!(near(off_ms(&clock), 0));
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(rfc3339(1_763_632_800_000), "2025-11-20T10:00:00Z");
        assert_eq!(parse_rfc3339("2025-11-20T19:00:00+09:00"), Some(1_763_632_800_000));
        assert_eq!(parse_rfc3339("yesterday"), None);
        for last in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999Z", "9999-12-30T21:59:59Z"] {
            assert_eq!(parse_rfc3339(last).map(rfc3339).as_deref(), Some(last));
        }
        for none in ["9999-12-31Z", "10000-01-01T00:00:00Z", "9999-12-32T00:00:00Z", "1969-12-31T23:59:59Z"] {
            assert_eq!(parse_rfc3339(none), None, "{none}");
        }
        assert_eq!(seconds_until(1_001, 0), 2);
        assert_eq!(seconds_until(0, 5), 0);
    }
}
