//! The months in which organizers are settled.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::facts::time::Millis;

/// A calendar month, such as `2026-11`. Where it begins and ends depends on the time zone of the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    first: Date,
}

impl Period {
    /// The month of a moment. A zone that is not known is UTC.
    pub fn of(at_ms: Millis, zone: &str) -> Self {
        let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::MAX);
        Self { first: at.to_zoned(zone_of(zone)).date().first_of_month() }
    }

    /// Reads `YYYY-MM`; `None`: the text is not that, or no year from 1970 to 9998.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return None;
        }
        let first = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
        (1970..=9998).contains(&first.year()).then_some(Self { first })
    }

    /// The month after this one.
    pub fn next(self) -> Self {
        let next = self.first.saturating_add(jiff::Span::new().months(1));
        Self { first: next.first_of_month() }
    }

    /// Its first moment.
    pub fn starts_ms(self, zone: &str) -> Millis {
        let midnight = self.first.to_zoned(zone_of(zone));
        midnight.map_or(Millis::MAX, |midnight| midnight.timestamp().as_millisecond())
    }

    /// The first moment after it.
    pub fn ends_ms(self, zone: &str) -> Millis {
        self.next().starts_ms(zone)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

/// A calendar day: its first moment, and the first moment after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// When it begins.
    pub starts_ms: Millis,
    /// When the next one begins.
    pub ends_ms: Millis,
}

impl Day {
    /// Reads `YYYY-MM-DD`; `None`: the text is not that.
    pub fn parse(text: &str, zone: &str) -> Option<Self> {
        let day: Date = text.parse().ok().filter(|_| text.len() == "YYYY-MM-DD".len())?;
        let midnight = |day: Date| day.to_zoned(zone_of(zone)).ok().map(|at| at.timestamp().as_millisecond());
        Some(Self { starts_ms: midnight(day)?, ends_ms: midnight(day.tomorrow().ok()?)? })
    }
}

/// A moment as a clock on the wall shows it, for a spreadsheet: `2026-11-20 19:03:21`. A zone that is not known is UTC.
pub fn wall_time(at_ms: Millis, zone: &str) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::MAX);
    at.to_zoned(zone_of(zone)).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn zone_of(zone: &str) -> TimeZone {
    TimeZone::get(zone).unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::time::parse_rfc3339;

    fn at(text: &str) -> Millis {
        parse_rfc3339(text).expect("a time")
    }

    #[test]
    fn a_month_is_the_zones() {
        let last = at("2026-11-30T14:59:59Z");
        assert_eq!(Period::of(last, "Asia/Seoul").to_string(), "2026-11");
        assert_eq!(Period::of(last + 1_000, "Asia/Seoul").to_string(), "2026-12");
        assert_eq!(Period::of(last + 1_000, "UTC").to_string(), "2026-11");
        let november = Period::parse("2026-11").expect("a month");
        assert_eq!(november.ends_ms("Asia/Seoul"), last + 1_000);
        assert_eq!(november.starts_ms("Asia/Seoul"), at("2026-10-31T15:00:00Z"));
        // A month in which the clocks change ends when the next one begins.
        let march = Period::parse("2027-03").expect("a month");
        let hours = (march.ends_ms("Europe/Berlin") - march.starts_ms("Europe/Berlin")) / 3_600_000;
        assert_eq!(hours, 31 * 24 - 1);
    }

    #[test]
    fn months_follow_each_other() {
        let december = Period::parse("2026-12").expect("a month");
        assert_eq!(december.next().to_string(), "2027-01");
        assert!(december < december.next());
        for wrong in
            ["", "2026", "2026-1", "2026-13", "2026-00", "1969-12", "9999-01", "2026-11-01", "+026-11", "２026-11"]
        {
            assert_eq!(Period::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_day_is_the_zones() {
        let day = Day::parse("2026-11-20", "Asia/Seoul").expect("a day");
        assert_eq!((day.starts_ms, day.ends_ms), (at("2026-11-19T15:00:00Z"), at("2026-11-20T15:00:00Z")));
        for wrong in ["", "2026-11-31", "20261120", "2026-11-20T00:00:00", "2026-W47-5"] {
            assert_eq!(Day::parse(wrong, "UTC"), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_spreadsheet_is_given_the_time_on_the_wall() {
        assert_eq!(wall_time(at("2026-11-20T10:03:21Z"), "Asia/Seoul"), "2026-11-20 19:03:21");
    }
}
