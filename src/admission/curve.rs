//! A line's departures over time: how many visitors went from its head, and how long a given number of them took.

use std::collections::VecDeque;

use crate::facts::time::Millis;

/// Departures longer ago than this are forgotten, ms.
const WINDOW_MS: Millis = 300_000;
/// Steps of the table. Each step's count is [`GROWTH`] times the one before, and the last count is about 1.27 million.
/// A larger count takes as many times longer as it is larger than the last one.
const STEPS: usize = 64;
const GROWTH: f64 = 1.25;

/// A line's departures. Its time runs only while the line can move.
#[derive(Debug, Default)]
pub struct Curve {
    /// (when, how many had gone by then), oldest first, about one a second.
    points: VecDeque<(Millis, i64)>,
    /// (how many, the shortest and the longest time they took, s). Every poll looks here.
    table: Vec<(f64, f64, f64)>,
}

impl Curve {
    pub fn clear(&mut self) {
        self.points.clear();
        self.table.clear();
    }

    pub fn push(&mut self, at: Millis, gone: i64) {
        self.points.push_back((at, gone));
        while self.points.front().is_some_and(|(first, _)| at - first > WINDOW_MS) {
            self.points.pop_front();
        }
        self.table.clear();
        let gone = self.gone();
        if gone == 0 {
            return;
        }
        // There is too little to compare for more than half of the departures. So a larger count takes the time of that
        // half, several times over.
        let most = (gone as f64 / 2.0).max(1.0);
        let mut count = 1.0;
        for _ in 0..STEPS {
            let (short, long) = self.took(f64::min(count, most));
            let times = (count / most).max(1.0);
            // Over many repetitions, short and long times partly even out.
            let (mean, nearer) = (self.span_s() / gone as f64 * f64::min(count, most), times.powf(-0.25));
            let (short, long) = (short.min(mean), long.max(mean));
            let (short, long) = (mean - (mean - short) * nearer, mean + (long - mean) * nearer);
            self.table.push((count, short * times, long * times));
            count *= GROWTH;
        }
    }

    /// How many went in all the time that is remembered.
    pub fn gone(&self) -> i64 {
        self.points.back().zip(self.points.front()).map_or(0, |(last, first)| last.1 - first.1)
    }

    /// The length of the time that is remembered, s.
    pub fn span_s(&self) -> f64 {
        self.points.back().zip(self.points.front()).map_or(0.0, |(last, first)| (last.0 - first.0) as f64 / 1000.0)
    }

    /// The shortest and longest time that `count` departures take, s; `None` while nobody has gone.
    pub fn range_s(&self, count: f64) -> Option<(f64, f64)> {
        let at = self.table.partition_point(|(n, ..)| *n < count);
        let Some(&(n, short, long)) = self.table.get(at) else {
            let &(most, short, long) = self.table.last()?;
            return Some((short * (count / most), long * (count / most)));
        };
        let Some(&(before, short_before, long_before)) = at.checked_sub(1).and_then(|at| self.table.get(at)) else {
            return Some((short, long));
        };
        let share = if n > before { ((count - before) / (n - before)).clamp(0.0, 1.0) } else { 1.0 };
        Some((short_before + (short - short_before) * share, long_before + (long - long_before) * share))
    }

    /// The shortest and longest time, s, from any of the points until `count` more had gone.
    fn took(&self, count: f64) -> (f64, f64) {
        let (mut short, mut long) = (f64::MAX, 0.0_f64);
        let mut end = 0;
        for &(from, gone) in &self.points {
            let wanted = gone as f64 + count;
            while self.points.get(end).is_some_and(|(_, gone)| (*gone as f64) < wanted) {
                end += 1;
            }
            let Some(&(at, reached)) = self.points.get(end) else {
                // Fewer than `count` have gone since then, so they take at least the time that has passed.
                let last = self.points.back().map_or(from, |(at, _)| *at);
                long = long.max((last - from) as f64 / 1000.0);
                break;
            };
            let (before, reached_before) = end.checked_sub(1).map_or((at, reached), |before| self.points[before]);
            let step = (reached - reached_before) as f64;
            let share = if step > 0.0 { (wanted - reached_before as f64) / step } else { 1.0 };
            let took = (before - from) as f64 / 1000.0 + (at - before) as f64 / 1000.0 * share;
            short = short.min(took.max(0.0));
            long = long.max(took);
        }
        (short.min(long), long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_steady_takes_as_long_each_time() {
        let mut curve = Curve::default();
        assert_eq!(curve.range_s(1.0), None);
        for second in 0..=60 {
            curve.push(second * 1_000, second * 10);
        }
        for count in [1.0, 10.0, 100.0, 300.0, 1_000.0, 50_000.0, 5_000_000.0] {
            let (short, long) = curve.range_s(count).expect("moving");
            assert!((short - count / 10.0).abs() < 0.1 * count.max(10.0) / 10.0, "{count}: {short}");
            assert!((long - count / 10.0).abs() < 0.1 * count.max(10.0) / 10.0, "{count}: {long}");
        }
    }

    #[test]
    fn bursts_make_a_range() {
        let mut curve = Curve::default();
        // A hundred every twenty seconds.
        for second in 0..=200 {
            curve.push(second * 1_000, second / 20 * 100);
        }
        let (short, long) = curve.range_s(1.0).expect("moving");
        assert!(short < 1.0 && (19.0..=20.0).contains(&long), "{short} {long}");
        let (short, long) = curve.range_s(250.0).expect("moving");
        assert!((34.0..46.0).contains(&short) && (52.0..=60.0).contains(&long), "{short} {long}");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut curve = Curve::default();
        for second in 0..10_000 {
            curve.push(second * 1_000, second);
        }
        assert!(curve.points.len() <= 301 && curve.table.len() <= STEPS);
        assert_eq!((curve.gone(), curve.span_s()), (300, 300.0));
    }
}
