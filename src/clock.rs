//! The one place that reads the time. Knows no stage.
//!
//! Everyone else takes `now_ms` as an argument or asks a `Clock`. On Redis the clock follows the
//! server's TIME by a measured offset, so that all gateways share one; tests set it by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

/// A clock; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<Source>);

#[derive(Debug, Default)]
struct Source {
    /// Added to the system's time, ms.
    offset_ms: AtomicI64,
    /// Not zero: the time stands still at this value until it is set again (tests).
    fixed_ms: AtomicI64,
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

    pub fn now_ms(&self) -> Millis {
        match self.0.fixed_ms.load(Ordering::Relaxed) {
            0 => system_ms() + self.0.offset_ms.load(Ordering::Relaxed),
            fixed => fixed,
        }
    }

    /// Follow a server that said its time was `server_ms`, `round_trip` after it was asked.
    pub fn follow(&self, server_ms: Millis, round_trip: Duration) {
        let then_ms = server_ms + i64::try_from(round_trip.as_millis()).unwrap_or(0) / 2;
        self.0.offset_ms.store(then_ms - system_ms(), Ordering::Relaxed);
    }

    pub fn set(&self, at_ms: Millis) {
        self.0.fixed_ms.store(at_ms, Ordering::Relaxed);
    }

    pub fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fixed_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}

/// A monotonic instant, for durations only.
pub fn instant() -> Instant {
    Instant::now()
}

fn system_ms() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// RFC 3339 UTC with seconds (milliseconds where there are any), as every answer shows it.
pub fn rfc3339(at_ms: Millis) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map(|t| t.to_string()).unwrap_or_default()
}

/// The inverse of [`rfc3339`]; `None` when the text is no RFC 3339 time between 1970 and 9999.
pub fn parse_rfc3339(text: &str) -> Option<Millis> {
    let at: jiff::Timestamp = text.parse().ok()?;
    (at.as_millisecond() >= 0).then(|| at.as_millisecond())
}

/// A point in time that is an RFC 3339 text in JSON and milliseconds in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(pub Millis);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => serializer.collect_str(&at),
            Err(_) => serializer.serialize_str(""),
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
    fn a_clock_follows_the_server() {
        let clock = Clock::system();
        clock.follow(system_ms() + 60_000, Duration::from_millis(10));
        assert!((clock.now_ms() - system_ms() - 60_005).abs() < 1_000);
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(rfc3339(1_763_632_800_000), "2025-11-20T10:00:00Z");
        assert_eq!(parse_rfc3339("2025-11-20T19:00:00+09:00"), Some(1_763_632_800_000));
        assert_eq!(parse_rfc3339("yesterday"), None);
        assert_eq!(seconds_until(1_001, 0), 2);
        assert_eq!(seconds_until(0, 5), 0);
    }
}
