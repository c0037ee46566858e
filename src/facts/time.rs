//! Points in time and how they are written.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

/// A moment on a clock that nobody can set: milliseconds since some moment of this process. Two ticks say how much time
/// is between them. A tick is no time of day, and is never stored or sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(
    /// Milliseconds since that moment.
    pub Millis,
);

impl Tick {
    /// Milliseconds from `earlier` to this tick.
    pub fn since(self, earlier: Tick) -> Millis {
        self.0 - earlier.0
    }

    /// The tick that many milliseconds later.
    pub fn plus(self, ms: Millis) -> Tick {
        Tick(self.0 + ms)
    }
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

/// Whether this is the zone of a place. The database also has names for the zone that a machine is in and for no zone,
/// and it has every zone twice more: under `posix/`, and under `right/` with leap seconds.
pub fn is_zone(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let no_place = ["localtime", "posixrules", "factory", "etc/unknown"].contains(&lower.as_str());
    let double = lower.starts_with("posix/") || lower.starts_with("right/");
    !no_place && !double && jiff::tz::TimeZone::get(name).is_ok()
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
