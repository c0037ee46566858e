//! A room's state: places and their indexes, bucket, counters. The decisions are in `rooms` and `pulse`.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::line::RoomLine;
use crate::facts::checkpoint::{DrawChange, DrawChanges, DrawsTaken, Insider};
use crate::facts::ids::{UserId, VisitorId};
use crate::facts::room::{Control, NO_HEAD, PACE_MAX, RoomSettings};
use crate::facts::time::Millis;
use crate::lane::rooms::{AWAY_MS, BEAT_MS, BEHIND_MS, PACE_MIN, PACE_STEP};

/// Where a visitor stands, and the score they keep wherever that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoredPlace {
    pub score: i64,
    pub at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum At {
    Waiting {
        seen_ms: Millis,
    },
    Inside {
        expires_ms: Millis,
        claimed: bool,
        /// Called a second time: the first call was in vain.
        #[serde(default)]
        again: bool,
        /// The place's own end, once a hold or an order has made the place last longer.
        #[serde(default)]
        ends_ms: Option<Millis>,
    },
    Late {
        called_ms: Millis,
    },
    Back,
}

/// Units of the bucket that one admission takes; `rate_per_min` units come in every millisecond.
const ADMISSION: i64 = 60_000;

/// Paces admissions; holds one second's worth, or one admission if that is more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    units: i64,
    at_ms: Millis,
}

impl Bucket {
    pub fn full(rate_per_min: i64, now_ms: Millis) -> Self {
        Self { units: Self::size(rate_per_min), at_ms: now_ms }
    }

    pub fn empty(now_ms: Millis) -> Self {
        Self { units: 0, at_ms: now_ms }
    }

    fn size(rate_per_min: i64) -> i64 {
        rate_per_min.saturating_mul(1_000).max(ADMISSION)
    }

    /// The bucket as it stands now. It counts whole units, so filling it late or often gives the same.
    pub fn filled(self, rate_per_min: i64, now_ms: Millis) -> Self {
        let elapsed_ms = (now_ms - self.at_ms).max(0);
        let units = self.units.saturating_add(elapsed_ms.saturating_mul(rate_per_min));
        Self { units: units.min(Self::size(rate_per_min)), at_ms: self.at_ms.max(now_ms) }
    }

    /// Whole admissions in the bucket.
    pub fn admissions(self, rate_per_min: i64) -> i64 {
        if rate_per_min > 0 { self.units / ADMISSION } else { 0 }
    }

    pub fn less(self, admissions: i64) -> Self {
        Self { units: self.units - admissions * ADMISSION, ..self }
    }
}

/// When the room was last pulsed, and since when its visitors could show up without a break. The WAL keeps neither:
/// until a store is opened, nobody could show up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Heartbeat {
    at_ms: Millis,
    since_ms: Millis,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RoomState {
    pub round: i64,
    pub epoch: i64,
    /// The last serial given.
    pub serial: i64,
    pub admitted_total: i64,
    pub bucket: Bucket,
    /// Highest score called in this round.
    #[serde(default)]
    pub head: i64,
    #[serde(default)]
    pub drawing: bool,
    #[serde(default)]
    pub pace: RateShare,
    /// Of a room that was restored: how long it recovers once the lane is open.
    #[serde(default)]
    pub recover_ms: Millis,
    #[serde(default)]
    pub recover_until_ms: Millis,
    places: HashMap<VisitorId, ScoredPlace>,
    spent: BTreeSet<i64>,
    #[serde(default)]
    spent_draws: BTreeSet<VisitorId>,
    /// Every change of `spent_draws` in this round.
    #[serde(default)]
    draw_changes: Vec<DrawChange>,
    /// Who entered by a draw.
    #[serde(default)]
    drawn: BTreeSet<VisitorId>,
    bound: HashMap<VisitorId, UserId>,
    /// Holds that have not ended, by visitor; no zeros.
    open_holds: HashMap<VisitorId, i64>,
    #[serde(skip)]
    beat: Heartbeat,
    #[serde(skip)]
    waiting: RoomLine,
    /// By score.
    #[serde(skip)]
    back: BTreeSet<(i64, VisitorId)>,
    /// By expiry.
    #[serde(skip)]
    inside: BTreeSet<(Millis, VisitorId)>,
    /// By when they were called.
    #[serde(skip)]
    late: BTreeSet<(Millis, VisitorId)>,
}

/// Share of the rate in force, per mille, and when it was last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateShare {
    pub share: i64,
    pub at_ms: Millis,
    /// When it was last halved; 0: never.
    #[serde(default)]
    cut_ms: Millis,
    /// How old the oldest record was then.
    #[serde(default)]
    cut_age_ms: Millis,
}

impl Default for RateShare {
    fn default() -> Self {
        Self { share: PACE_MAX, at_ms: 0, cut_ms: 0, cut_age_ms: 0 }
    }
}

impl RateShare {
    /// Admissions a minute at this pace.
    pub fn rate(self, settings: &RoomSettings) -> i64 {
        match settings.control {
            Control::Adaptive if settings.rate_per_min > 0 => (settings.rate_per_min * self.share / PACE_MAX).max(1),
            Control::Adaptive | Control::Fixed => settings.rate_per_min,
        }
    }

    /// The next pace, when the oldest record was written at `oldest_ms`.
    pub fn next(self, oldest_ms: Option<Millis>, now_ms: Millis) -> Self {
        let same = Self { at_ms: now_ms, ..self };
        let Some(written_ms) = oldest_ms.filter(|written_ms| now_ms - written_ms > BEHIND_MS) else {
            return Self { share: (self.share + PACE_STEP).min(PACE_MAX), ..same };
        };
        let age_ms = now_ms - written_ms;
        if written_ms <= self.cut_ms && age_ms < 2 * self.cut_age_ms {
            return same;
        }
        Self { share: (self.share / 2).max(PACE_MIN), cut_ms: now_ms, cut_age_ms: age_ms, ..same }
    }
}

impl RoomState {
    pub fn new(epoch: i64, bucket: Bucket) -> Self {
        Self { round: 1, epoch, bucket, head: NO_HEAD, ..Self::default() }
    }

    /// Rebuilds what is not stored.
    pub fn index(&mut self) {
        for (visitor, standing) in std::mem::take(&mut self.places) {
            self.place(visitor, standing);
        }
    }

    pub fn new_round(&mut self, round: i64, epoch: i64) {
        (self.round, self.epoch, self.head) = (round, epoch, NO_HEAD);
        self.places.clear();
        self.spent.clear();
        self.spent_draws.clear();
        self.draw_changes.clear();
        self.drawn.clear();
        self.bound.clear();
        self.waiting = RoomLine::default();
        self.back.clear();
        self.inside.clear();
        self.late.clear();
    }

    pub fn standing(&self, visitor: &VisitorId) -> Option<ScoredPlace> {
        self.places.get(visitor).copied()
    }

    pub fn place(&mut self, visitor: VisitorId, standing: ScoredPlace) {
        self.remove(&visitor);
        match standing.at {
            At::Waiting { .. } => self.waiting.insert((standing.score, visitor.clone())),
            At::Inside { expires_ms, .. } => drop(self.inside.insert((expires_ms, visitor.clone()))),
            At::Late { called_ms } => drop(self.late.insert((called_ms, visitor.clone()))),
            At::Back => drop(self.back.insert((standing.score, visitor.clone()))),
        }
        self.places.insert(visitor, standing);
    }

    pub fn remove(&mut self, visitor: &VisitorId) {
        let Some((visitor, standing)) = self.places.remove_entry(visitor) else { return };
        match standing.at {
            At::Waiting { .. } => self.waiting.remove(&(standing.score, visitor)),
            At::Inside { expires_ms, .. } => drop(self.inside.remove(&(expires_ms, visitor))),
            At::Late { called_ms } => drop(self.late.remove(&(called_ms, visitor))),
            At::Back => drop(self.back.remove(&(standing.score, visitor))),
        }
    }

    /// Marks a waiting visitor as seen.
    pub fn see(&mut self, visitor: &VisitorId, now_ms: Millis) {
        if let Some(ScoredPlace { at: At::Waiting { seen_ms }, .. }) = self.places.get_mut(visitor) {
            *seen_ms = now_ms;
        }
    }

    /// Notes a pulse, while anybody waits.
    pub fn beat(&mut self, now_ms: Millis) {
        if self.waiting.len() == 0 {
            return;
        }
        let Heartbeat { at_ms, since_ms } = self.beat;
        if now_ms - at_ms > AWAY_MS {
            self.beat = Heartbeat { at_ms: now_ms, since_ms: now_ms };
        } else if now_ms - at_ms >= BEAT_MS {
            self.beat = Heartbeat { at_ms: now_ms, since_ms };
        }
    }

    pub fn last_seen(&self, seen_ms: Millis) -> Millis {
        seen_ms.max(self.beat.since_ms)
    }

    pub fn spend(&mut self, score: i64) {
        self.spent.insert(score);
    }

    pub fn spend_draw(&mut self, visitor: VisitorId) {
        if self.spent_draws.insert(visitor.clone()) {
            self.draw_changes.push(DrawChange::Spent(visitor));
        }
    }

    pub fn unspend_draw(&mut self, visitor: &VisitorId) {
        if self.spent_draws.remove(visitor) {
            self.draw_changes.push(DrawChange::Unspent(visitor.clone()));
        }
    }

    /// A spent draw that the ledger has already: it is no change to report.
    pub fn restore_draw(&mut self, visitor: VisitorId) {
        self.spent_draws.insert(visitor);
    }

    pub fn is_spent(&self, visitor: &VisitorId, score: i64) -> bool {
        if score < 0 { self.spent_draws.contains(visitor) } else { self.spent.contains(&score) }
    }

    pub fn spent(&self) -> impl Iterator<Item = i64> {
        self.spent.iter().copied()
    }

    /// Changes of spent draws after those that the ledger has.
    pub fn draws(&self, told: DrawsTaken) -> DrawChanges {
        let is_known = told.round == self.round;
        let from = usize::try_from(told.changes).ok().filter(|from| is_known && *from <= self.draw_changes.len());
        let later = &self.draw_changes[from.unwrap_or(0)..];
        let changes = later[..told.max.min(later.len())].to_vec();
        let left = later.len() - changes.len();
        DrawChanges {
            upto: count(self.draw_changes.len() - left),
            changes,
            more: left > 0,
            spent: self.spent_draws.len(),
        }
    }

    pub fn draw(&mut self, visitor: VisitorId) {
        self.drawn.insert(visitor);
    }

    pub fn undraw(&mut self, visitor: &VisitorId) {
        self.drawn.remove(visitor);
    }

    /// The drawn visitors after this one.
    pub fn drawn_after(&self, after: Option<&VisitorId>) -> impl Iterator<Item = &VisitorId> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.drawn.range::<VisitorId, _>((from, Bound::Unbounded))
    }

    /// Places inside, by visitor.
    pub fn insiders(&self) -> Vec<Insider> {
        let of = |(_, visitor): &(Millis, VisitorId)| {
            let ScoredPlace { score, at } = self.standing(visitor)?;
            let At::Inside { expires_ms, claimed, again, ends_ms } = at else { return None };
            let again = again && !claimed;
            Some(Insider { visitor: visitor.clone(), score, expires_ms, claimed, again, ends_ms })
        };
        let mut insiders: Vec<Insider> = self.inside.iter().filter_map(of).collect();
        insiders.sort_unstable_by(|a, b| a.visitor.cmp(&b.visitor));
        insiders
    }

    /// Ends the visitor's place and binding.
    pub fn forget(&mut self, visitor: &VisitorId) {
        self.remove(visitor);
        self.bound.remove(visitor);
    }

    pub fn bound(&self, visitor: &VisitorId) -> Option<&UserId> {
        self.bound.get(visitor)
    }

    pub fn bind(&mut self, visitor: VisitorId, user: UserId) {
        self.bound.insert(visitor, user);
    }

    pub fn open_holds(&self, visitor: &VisitorId) -> i64 {
        self.open_holds.get(visitor).copied().unwrap_or(0)
    }

    pub fn set_open_holds(&mut self, visitor: &VisitorId, count: i64) {
        if count > 0 {
            self.open_holds.insert(visitor.clone(), count);
        } else {
            self.open_holds.remove(visitor);
        }
    }

    /// How many stand before a visitor who waits: all who are back, and all who stand before them among the waiting.
    pub fn ahead(&self, score: i64, visitor: &VisitorId) -> i64 {
        count(self.back.len() + self.waiting.rank(&(score, visitor.clone())))
    }

    /// Scores of those who wait at these ranks, which ascend.
    pub fn waiting_scores(&self, ranks: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let ranks = ranks.into_iter().map(|rank| usize::try_from(rank).unwrap_or(usize::MAX));
        self.waiting.at(ranks).map(|(score, _)| *score).collect()
    }

    /// How many are back from being late.
    pub fn back(&self) -> i64 {
        count(self.back.len())
    }

    pub fn first_waiting(&self) -> Option<&(i64, VisitorId)> {
        self.waiting.first()
    }

    pub fn first_back(&self) -> Option<&(i64, VisitorId)> {
        self.back.first()
    }

    /// The place inside that expires first.
    pub fn first_inside(&self) -> Option<&(Millis, VisitorId)> {
        self.inside.first()
    }

    /// The late visitor who was called first.
    pub fn first_late(&self) -> Option<&(Millis, VisitorId)> {
        self.late.first()
    }

    /// The length of the line: waiting and back.
    pub fn waiting(&self) -> i64 {
        count(self.waiting.len() + self.back.len())
    }

    pub fn inside(&self) -> i64 {
        count(self.inside.len())
    }

    pub fn late(&self) -> i64 {
        count(self.late.len())
    }
}

fn count(len: usize) -> i64 {
    i64::try_from(len).expect("as many visitors fit no memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_holds_a_second_or_one() {
        let slow = Bucket::full(6, 0);
        assert_eq!(slow.admissions(6), 1);
        assert_eq!(slow.less(1).filled(6, 9_999).admissions(6), 0);
        assert_eq!(slow.less(1).filled(6, 10_000).admissions(6), 1);
        assert_eq!(slow.filled(6, 60_000).admissions(6), 1);

        let fast = Bucket::full(3_000, 0);
        assert_eq!(fast.admissions(3_000), 50);
        assert_eq!(fast.less(50).filled(3_000, 100).admissions(3_000), 5);
        assert_eq!(fast.admissions(0), 0, "rate 0 admits nobody, whatever is in it");
    }

    /// Looks at the pace every second from `from_s` to before `to_s`, with the oldest record written at `oldest_s`;
    /// returns the shares seen.
    fn looks(pace: &mut RateShare, from_s: i64, to_s: i64, oldest_s: impl Fn(i64) -> Option<i64>) -> Vec<i64> {
        let look = |s: i64| {
            *pace = pace.next(oldest_s(s).map(|s| s * 1_000), s * 1_000);
            pace.share
        };
        (from_s..to_s).map(look).collect()
    }

    #[test]
    fn one_late_spell_halves_the_pace_once() {
        // The writer stands still from 10 to 15; what was written until then is worked off by 18.
        let mut pace = RateShare::default();
        assert_eq!(looks(&mut pace, 10, 13, |_| Some(10)), [1_000; 3]);
        assert_eq!(looks(&mut pace, 13, 15, |_| Some(10)), [500; 2]);
        assert_eq!(looks(&mut pace, 15, 18, |s| Some(s - 4)), [500; 3], "it is all of before");
        assert_eq!(
            looks(&mut pace, 18, 30, |_| None),
            [550, 600, 650, 700, 750, 800, 850, 900, 950, 1_000, 1_000, 1_000]
        );
    }

    #[test]
    fn a_longer_spell_halves_it_more() {
        let mut pace = RateShare::default();
        let stuck = looks(&mut pace, 13, 50, |_| Some(10));
        let halved: Vec<usize> = (1..stuck.len()).filter(|at| stuck[*at] < stuck[at - 1]).map(|at| at + 3).collect();
        assert_eq!((stuck[0], halved), (500, vec![6, 12, 24]), "ages at which it was halved again");
        assert_eq!(pace.share, 62);
        looks(&mut pace, 50, 1_000, |_| Some(10));
        assert_eq!(pace.share, PACE_MIN);
    }

    #[test]
    fn a_record_of_the_new_pace_halves_it_again() {
        let mut pace = RateShare::default();
        assert_eq!(looks(&mut pace, 13, 20, |s| Some(s - 3)), [500, 500, 500, 500, 250, 250, 250]);
        // The pipeline is in time in between, but the record that is late then was written before the halving.
        let mut pace = RateShare::default();
        assert_eq!(looks(&mut pace, 13, 14, |s| Some(s - 3)), [500]);
        assert_eq!(looks(&mut pace, 14, 15, |_| Some(13)), [550]);
        assert_eq!(looks(&mut pace, 16, 18, |_| Some(13)), [550, 550]);
    }

    #[test]
    fn a_clock_that_steps_back_fills_nothing_twice() {
        let bucket = Bucket::full(60, 10_000).less(1);
        let back = bucket.filled(60, 9_000);
        assert_eq!(back, bucket);
        assert_eq!(back.filled(60, 11_000).admissions(60), 1);
        assert_eq!(back.filled(60, 10_999).admissions(60), 0);
    }
}
