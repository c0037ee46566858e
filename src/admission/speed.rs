//! The speed of each line's head, as this gateway sees it, and the wait promised from it.
//!
//! The speed is that of a place moving forward, for whatever reason: the visitors before it are let in, are called in
//! vain, or leave. While a room fills up, a place moves as fast as the rate allows. That says nothing about the time
//! after, when it moves as places inside come free. So the two are measured apart. Where nothing is measured yet, the
//! room's own bounds make a wide range, or none if it is too wide to be of use.

use std::sync::Arc;

use dashmap::DashMap;
use foldhash::fast::RandomState;

use super::curve::Curve;
use crate::facts::ids::EventId;
use crate::facts::room::Room;
use crate::facts::room::{Mode, RoomCounts};
use crate::facts::time::Millis;
use crate::lane::board::Board;

/// Least time between two looks at a room, ms.
const STEP_MS: Millis = 1_000;
/// For this long after a board, counts without a board are not looked at, ms.
const BOARDS_MS: Millis = 5_000;
/// A look longer ago than this says nothing, ms.
const STALE_MS: Millis = 60_000;
/// A speed measured over less time than this says nothing, s.
const LEAST_S: f64 = 5.0;
/// A speed measured by fewer departures than this says nothing either.
const LEAST_GONE: i64 = 5;
/// Least and longest time over which departures from behind the head are measured, ms.
const ANCHOR_MS: [Millis; 2] = [10_000, 60_000];
/// While no more than this many visits have followed each other in a full room, the past says little about the future.
/// After `MANY_VISITS` the past is all that counts.
const FEW_VISITS: f64 = 2.5;
const MANY_VISITS: f64 = 8.0;
/// A range is not promised when its longer end is more than this many times the shorter end, plus this many seconds.
const USELESS: (f64, f64) = (4.0, 120.0);
/// From a visitor's turn until they are let in and told, s: a pulse, a board, a poll.
const TOLD_S: f64 = 3.0;

/// A short history of each room; `keep` forgets the rooms that it does not name.
#[derive(Debug, Default)]
pub struct Speeds(DashMap<EventId, LineHistory, RandomState>);

/// Seconds until a visitor's turn: a range, because the head's speed is only measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    pub low_s: i64,
    pub high_s: i64,
}

#[derive(Debug, Default)]
struct LineHistory {
    /// When the line was last looked at, and what was seen.
    last: Option<(Millis, RoomCounts)>,
    /// The last board, how many had gone by then, and when.
    board: Option<(Arc<Board>, i64, Millis)>,
    /// Time in which somebody waited and could be let in, ms. What follows is measured in that time only.
    moving_ms: Millis,
    /// How many went from the head of the line, let in or not.
    gone: i64,
    /// How many had gone when the room began to fill, and how many were let in since.
    gone_before: i64,
    let_in: i64,
    /// Since the room began to fill: places inside that came free, and the sum of places inside times ms.
    freed: i64,
    inside_ms: f64,
    /// How many had been let in when the room first became full after it began to fill. From there on the line moves as
    /// places come free.
    filled: Option<i64>,
    curve: Curve,
    /// An earlier board, how many had gone by then, and its `moving_ms`.
    anchor: Option<(Arc<Board>, i64, Millis)>,
    /// The share of those who wait that leaves the line in a second.
    leaving: f64,
    stay_s: f64,
}

impl Speeds {
    /// Takes note of a board.
    pub fn look(&self, now_ms: Millis, room: &Room, board: &Arc<Board>) {
        self.note(now_ms, room, &board.counts, Some(board));
    }

    /// Takes note of counts, where there is no board.
    pub fn observe(&self, now_ms: Millis, room: &Room, counts: &RoomCounts) {
        self.note(now_ms, room, counts, None);
    }

    fn note(&self, now_ms: Millis, room: &Room, counts: &RoomCounts, board: Option<&Arc<Board>>) {
        // Mostly there is nothing to note, so this looks before it locks for writing.
        let boards = board.is_some();
        if self.0.get(&room.event).is_some_and(|line| line.is_fresh(now_ms, counts, boards)) {
            return;
        }
        let mut line = self.0.entry(room.event.clone()).or_default();
        if !line.is_fresh(now_ms, counts, boards) {
            line.stay_s = room.stay_ms as f64 / 1000.0;
            line.step(now_ms, counts, board);
        }
    }

    /// The wait of a visitor behind `ahead` others; `None` while nothing moves or nothing can be said.
    pub fn eta(&self, now_ms: Millis, event: &EventId, ahead: i64) -> Option<Eta> {
        self.0.get(event)?.eta(now_ms, ahead)
    }

    /// Forgets rooms that are gone.
    pub fn keep(&self, still_there: impl Fn(&EventId) -> bool) {
        self.0.retain(|event, _| still_there(event));
    }
}

/// Admissions a second at most.
fn rate(counts: &RoomCounts) -> f64 {
    counts.rate_per_min as f64 / 60.0 * counts.pace as f64 / 1000.0
}

/// Whether anybody may be let in at all.
pub fn moves(counts: &RoomCounts) -> bool {
    let open = matches!(counts.mode, Mode::Open | Mode::Drain);
    open && !(counts.has_seats() && counts.free == 0) && counts.capacity > 0 && rate(counts) > 0.0
}

impl LineHistory {
    /// Whether the last look is recent enough to skip this one. Counts are of use only where no boards come.
    fn is_fresh(&self, now_ms: Millis, counts: &RoomCounts, boards: bool) -> bool {
        let Some((at, last)) = &self.last else { return false };
        let board_at = self.board.as_ref().map(|(.., at)| *at);
        let since = |at: Millis, ms: Millis| (0..ms).contains(&(now_ms - at));
        let fresh = match boards {
            true => board_at.is_some_and(|at| since(at, STEP_MS)),
            false => since(*at, STEP_MS) || board_at.is_some_and(|at| since(at, BOARDS_MS)),
        };
        fresh && last.round == counts.round
    }

    fn step(&mut self, now_ms: Millis, counts: &RoomCounts, board: Option<&Arc<Board>>) {
        let before = self.last.replace((now_ms, counts.clone()));
        // After a new round, a rebuilt lane or a long pause, what was seen before says nothing.
        let before = before.filter(|(at, last)| {
            last.round == counts.round && last.admitted_total <= counts.admitted_total && now_ms - at <= STALE_MS
        });
        let Some((at, last)) = before else {
            *self = Self { last: self.last.take(), stay_s: self.stay_s, ..Self::default() };
            self.board = board.map(|board| (board.clone(), 0, now_ms));
            return;
        };
        // With another rate or capacity, or nobody waiting, the past speed says nothing about the coming one.
        let same = last.capacity == counts.capacity && (rate(&last) - rate(counts)).abs() < 0.01;
        if !same || counts.waiting == 0 {
            self.begin_to_fill();
        }
        let held_up = last.waiting > 0 && counts.waiting > 0 && moves(&last) && moves(counts);
        if held_up {
            let took_ms = now_ms - at;
            let let_in = counts.admitted_total - last.admitted_total;
            self.moving_ms += took_ms;
            self.let_in += let_in;
            self.freed += (let_in - (counts.inside - last.inside)).max(0);
            self.inside_ms += (last.inside + counts.inside) as f64 / 2.0 * took_ms as f64;
            self.gone += let_in;
            if let (Some((old, gone, _)), Some(new)) = (&self.board, board) {
                self.gone = self.gone.max(gone + passed(old, new));
            }
            // Nobody was let in since the room was full. Until the first visit is over, nothing can move, and a line
            // that stands still has no speed.
            if self.filled == Some(self.let_in) {
                self.curve.clear();
            }
            self.curve.push(self.moving_ms, self.gone);
        }
        // 95 % is full enough: some places are always between two visitors.
        if self.filled.is_none() && counts.inside * 100 >= counts.capacity * 95 {
            self.filled = Some(self.let_in);
            self.curve.clear();
            self.curve.push(self.moving_ms, self.gone);
        }
        if let Some(board) = board {
            self.board = Some((board.clone(), self.gone, now_ms));
            self.measure_leaving(board);
        }
    }

    fn begin_to_fill(&mut self) {
        self.curve.clear();
        (self.filled, self.freed, self.inside_ms, self.let_in, self.anchor) = (None, 0, 0.0, 0, None);
        self.gone_before = self.gone;
    }

    /// Measures how many leave from the middle of the line. Because of them, a place far back moves forward faster than
    /// the head does.
    fn measure_leaving(&mut self, board: &Arc<Board>) {
        let fresh = || Some((board.clone(), self.gone, self.moving_ms));
        let Some((old, gone, at)) = &self.anchor else {
            self.anchor = fresh();
            return;
        };
        let over_ms = self.moving_ms - at;
        let last = old.knots.last().copied().or(old.first.last().map(|score| (count(old.first.len()) - 1, *score)));
        if over_ms >= ANCHOR_MS[0]
            && let Some((rank, score)) = last
        {
            let (was, is) = (old.back + rank, board.back + rank_of(board, score));
            let left = (was - is - (self.gone - gone)).max(0) as f64;
            let between = (was + is) as f64 / 2.0;
            // In a line of fewer than 50, a few departures may be chance.
            self.leaving = if between >= 50.0 { left / between / (over_ms as f64 / 1000.0) } else { 0.0 };
        }
        if over_ms >= ANCHOR_MS[1] {
            self.anchor = fresh();
        }
    }

    fn eta(&self, now_ms: Millis, ahead: i64) -> Option<Eta> {
        let (at, counts) = self.last.as_ref()?;
        if !moves(counts) || now_ms - at > STALE_MS {
            return None;
        }
        let (low, high) = self.range_s(counts, ahead as f64 + 1.0)?;
        // Visitors who leave ahead make the wait shorter.
        let sooner = |seconds: f64, leaving: f64| match leaving * seconds {
            few if few < 0.01 => seconds,
            many => (1.0 + many).ln() / leaving,
        };
        let (low, high) = (sooner(low, self.leaving * 1.25), sooner(high, self.leaving * 0.75));
        let wide = high > low * USELESS.0 + USELESS.1;
        (!wide).then(|| Eta { low_s: low.floor() as i64, high_s: (high + TOLD_S).ceil() as i64 })
    }

    /// The range of time until `need` more have gone from the head, s.
    fn range_s(&self, counts: &RoomCounts, need: f64) -> Option<(f64, f64)> {
        let rate = rate(counts);
        let (span_s, gone) = (self.curve.span_s(), self.curve.gone());
        let measured = if span_s >= LEAST_S && gone >= LEAST_GONE { self.curve.range_s(need) } else { None };
        // The less time was measured, the less it says about what comes.
        let slack = 0.1 + 0.4 * (30.0 / span_s.max(30.0));
        let measured = measured.map(|(short, long)| (short / (1.0 + slack), long * (1.0 + slack)));
        if self.filled.is_some() {
            return self.full_s(counts, need, measured);
        }
        // Each admission also removes the visitors before it who are called in vain.
        let vain = if self.let_in >= LEAST_GONE { self.gone_share() } else { 1.0 };
        let freed = self.freed_rate(counts.inside as f64);
        let room = (counts.capacity - counts.inside).max(0) as f64;
        // First the time until the room is full: a room never fills where as many leave as come in. Then how many go
        // from the line until that time.
        let filled_s = if rate > freed * 1.05 { room / (rate - freed) } else { f64::INFINITY };
        let until_full = (rate * filled_s * vain).max(0.0);
        // Nobody knows how many of those in line are away. The shorter end assumes that half of them are.
        let at_once = |need: f64| (need / rate / vain / 2.0, need / rate / vain * 1.15);
        if need <= until_full * 0.95 {
            return Some(measured.unwrap_or_else(|| at_once(need)));
        }
        let (low, high) = at_once(until_full.min(need));
        let (rest_low, rest_high) = self.turnover_s(counts, need - until_full.min(need), vain)?;
        Some((low + rest_low, high + rest_high))
    }

    /// The range in a full room: the measured one. While only a few visits have gone by, it is widened to hold the
    /// average, too (by Little's law: the places inside times ms, divided by the places that came free).
    fn full_s(&self, counts: &RoomCounts, need: f64, measured: Option<(f64, f64)>) -> Option<(f64, f64)> {
        let freed = self.freed_rate(counts.capacity as f64);
        let visit_s = if freed > 0.0 { counts.capacity as f64 / freed } else { f64::INFINITY };
        let Some((low, high)) = measured else { return self.bounds_s(counts, need, 1.0) };
        let visits = self.curve.span_s() / visit_s;
        let even = need / (freed * self.gone_share());
        Some(match visits {
            // Visitors who came in together may leave together, and the next ones a visit later.
            first if first < 1.0 => (low.min(even * 0.75) * 0.8, high.max(even) + visit_s),
            // Visits still going on count as if they never ended, so the true speed is rather higher than the average.
            few if few < FEW_VISITS => (low.min(even * 0.75) * 0.8, high.max(even)),
            some if some < MANY_VISITS => (low, high.max(even * 1.1)),
            _ => (low, high),
        })
    }

    /// The range of time for `need` departures as places come free, once a room that is still filling is full, s.
    fn turnover_s(&self, counts: &RoomCounts, need: f64, vain: f64) -> Option<(f64, f64)> {
        let freed = self.freed_rate(counts.capacity as f64) * vain;
        // While fewer than half of the places came free, only the shortest visits are over.
        if self.freed * 2 < counts.capacity {
            return self.bounds_s(counts, need, vain);
        }
        let (slow, fast) = (freed * 0.7, (freed * 1.6).min(rate(counts) * vain));
        Some((need / fast.max(slow), need / slow))
    }

    /// As [`LineHistory::turnover_s`], from nothing but the room's own bounds.
    fn bounds_s(&self, counts: &RoomCounts, need: f64, vain: f64) -> Option<(f64, f64)> {
        let known = self.stay_s > 0.0;
        known.then(|| (need / rate(counts) / vain, self.stay_s + need * self.stay_s / counts.capacity as f64))
    }

    /// Places that come free in a second while this many are inside.
    fn freed_rate(&self, inside: f64) -> f64 {
        if self.inside_ms > 0.0 { self.freed as f64 / self.inside_ms * 1000.0 * inside } else { 0.0 }
    }

    fn gone_share(&self) -> f64 {
        ((self.gone - self.gone_before) as f64 / self.let_in.max(1) as f64).clamp(1.0, 20.0)
    }
}

/// How many went from before one place between the two boards. The place is the first mark of the older board that
/// still has somebody before it on the newer one.
fn passed(old: &Board, new: &Board) -> i64 {
    let first = old.first.last().map(|score| (count(old.first.len()) - 1, *score));
    let marks = first.into_iter().chain(old.knots.iter().copied());
    let mut most = 0;
    for (rank, score) in marks {
        let now = rank_of(new, score);
        most = old.back + rank - new.back - now;
        if now > 0 {
            break;
        }
    }
    most.max(0)
}

/// How many of those who wait stand before this score, whether anybody has it or not.
fn rank_of(board: &Board, score: i64) -> i64 {
    if board.first.last().is_none_or(|last| score <= *last) {
        return count(board.first.partition_point(|first| *first < score));
    }
    let at = board.knots.partition_point(|(_, knot)| *knot < score);
    let low = at.checked_sub(1).map(|at| board.knots[at]);
    let low = low.or(board.first.last().map(|last| (count(board.first.len()) - 1, *last)));
    let (Some((low, from)), Some(&(rank, knot))) = (low, board.knots.get(at)) else {
        return low.map_or(0, |(rank, _)| rank + 1);
    };
    let share = i128::from(score - from) * i128::from(rank - low) / i128::from((knot - from).max(1));
    low + i64::try_from(share).unwrap_or(0)
}

fn count(len: usize) -> i64 {
    i64::try_from(len).expect("a board fits in memory")
}

#[cfg(test)]
pub(super) mod tests;
