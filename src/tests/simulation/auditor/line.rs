//! Where each visitor stands, who is inside, and who came first.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{moment, number, text};
use super::{Found, SKEW_MS, STALE_MS, When};

/// A visitor who does not show up for this long may be away when called, ms. This is shorter than the time to claim in
/// every room.
const GAP_MS: i64 = 4_000;
/// A visitor counts as let in before another one only if it was this long before the other asked and was told to wait,
/// ms. No answer is from a board that old.
const BEFORE_MS: i64 = 10_000;

/// How a visitor came to be shown a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// By its token.
    Known,
    /// The visitor entered, and just got it.
    New,
    /// The visitor entered, and already had it.
    Found,
}

#[derive(Default)]
pub struct Line {
    visitors: BTreeMap<String, Visitor>,
    rooms: BTreeMap<String, Room>,
}

struct Visitor {
    event: String,
    stage: Stage,
    /// When the visitor asked for the place, and when they were told that they have it.
    came: (i64, i64),
    /// Since when the visitor has shown up without a gap.
    present_ms: i64,
    shown_ms: i64,
    /// When the visitor was first told that they are inside.
    admitted_ms: Option<i64>,
    /// Until when the visitor was told that they are inside; 0: they are not, or may have left.
    until_ms: i64,
    /// Until when holds and payments may stretch the place.
    stay_ms: i64,
    /// When the visitor was told that the place is spent.
    through_ms: i64,
    /// The last position that was shown, by process.
    positions: BTreeMap<u64, i64>,
    /// Set while the visitor shows up without a gap: how many had been called by then, and how many more may be called
    /// before the visitor.
    patience: Option<(i64, i64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Waiting,
    Inside,
    Through,
}

/// The largest bounds that a room can have had, and what was counted in it.
#[derive(Default)]
struct Room {
    capacity: i64,
    rate_per_min: i64,
    /// Visitors who came before this time stand by a draw, so none of them came first. 0: there is no draw.
    draw_ms: i64,
    /// By process: when the room was last counted, and how many had been let in.
    admitted: BTreeMap<u64, (i64, i64)>,
    /// The largest number of called visitors that was shown.
    called: i64,
    /// How many requests for a place had no answer.
    unknown: i64,
    /// How many requests for a place have made one, or may make one.
    asked: i64,
    /// How many had been called when this was first shown.
    called_from: Option<i64>,
}

impl Room {
    fn lost(&mut self) {
        self.admitted.clear();
        (self.called, self.called_from) = (0, None);
    }
}

impl Visitor {
    fn new(event: String, stage: Stage, came: (i64, i64), now_ms: i64) -> Self {
        Self {
            event,
            stage,
            came,
            present_ms: now_ms,
            shown_ms: now_ms,
            admitted_ms: None,
            until_ms: 0,
            stay_ms: 0,
            through_ms: 0,
            positions: BTreeMap::new(),
            patience: None,
        }
    }
}

impl Line {
    pub fn may_be(&mut self, event: &str, room: &Value) {
        let known = self.rooms.entry(event.to_owned()).or_default();
        known.capacity = known.capacity.max(number(room, "capacity"));
        known.rate_per_min = known.rate_per_min.max(number(room, "rate_per_min"));
    }

    pub fn event_may_be(&mut self, event: &str, spec: &Value) {
        self.may_be(event, &spec["room"]);
        if spec["room"]["order"] == "lottery" {
            self.rooms.entry(event.to_owned()).or_default().draw_ms = moment(spec, "opens_at") + SKEW_MS;
        }
    }

    /// When each visitor came is still known. Where they stand is not.
    pub fn lost(&mut self, now_ms: i64) {
        for visitor in self.visitors.values_mut() {
            let Visitor { event, came, stay_ms, .. } = visitor;
            let (event, came, stay_ms) = (std::mem::take(event), *came, *stay_ms);
            *visitor = Visitor { stay_ms, ..Visitor::new(event, Stage::Waiting, came, now_ms) };
        }
        self.rooms.values_mut().for_each(Room::lost);
    }

    /// A request for a place is sent.
    pub fn asked(&mut self, event: &str) {
        self.rooms.entry(event.to_owned()).or_default().asked += 1;
    }

    /// A request for a place was refused.
    pub fn refused(&mut self, event: &str) {
        self.rooms.entry(event.to_owned()).or_default().asked -= 1;
    }

    /// A request for a place had no answer.
    pub fn unanswered(&mut self, event: &str) {
        self.rooms.entry(event.to_owned()).or_default().unknown += 1;
    }

    pub fn may_stay(&mut self, visitor: &str, until_ms: i64) {
        if let Some(known) = self.visitors.get_mut(visitor) {
            known.stay_ms = known.stay_ms.max(until_ms);
        }
    }

    pub fn may_be_gone(&mut self, visitor: &str) {
        if let Some(known) = self.visitors.get_mut(visitor) {
            known.until_ms = 0;
        }
    }

    pub fn left(&mut self, visitor: &str, at_ms: i64) {
        if let Some(known) = self.visitors.get_mut(visitor) {
            (known.stage, known.until_ms, known.through_ms) = (Stage::Through, 0, at_ms);
        }
    }

    /// A visitor has a place, since this answer at the latest.
    pub fn came(&mut self, event: &str, when: When, place: &Value, how: Shown) {
        let id = text(place, "visitor");
        let is_over = self.visitors.get(&id).is_some_and(|known| known.stage == Stage::Through);
        // Where places belong to users, a visitor who comes again has the same id.
        if how == Shown::New || (how == Shown::Found && is_over) {
            self.visitors.remove(&id);
        } else if how == Shown::Found {
            self.refused(event);
        }
        let draw_ms = self.rooms.get(event).map_or(0, |room| room.draw_ms);
        // A place that is found may be from any time before.
        let asked_ms = if how == Shown::New { when.asked_ms } else { 0 };
        let came = (asked_ms.max(draw_ms), when.at_ms.max(draw_ms));
        self.visitors.entry(id).or_insert_with(|| Visitor::new(event.to_owned(), Stage::Waiting, came, when.at_ms));
    }

    /// Takes the place that a visitor was shown.
    pub fn placed(&mut self, event: &str, when: When, place: &Value, found: &mut Found) {
        let id = text(place, "visitor");
        let stage = match place["state"].as_str() {
            // A room is closed for good here.
            Some("done" | "closed") => Stage::Through,
            Some("admitted") => Stage::Inside,
            _ => Stage::Waiting,
        };
        let is_recovering = place["room"] == "recovering";
        let Some(visitor) = self.visitors.get_mut(&id) else { return };
        let is_through = visitor.stage == Stage::Through && when.asked_ms > visitor.through_ms + STALE_MS;
        if is_through && stage != Stage::Through {
            found.says(format!("INV-5: {id} was told that they are through, and now: {}", place["state"]));
        }
        if when.asked_ms - visitor.shown_ms > GAP_MS || is_recovering {
            (visitor.present_ms, visitor.patience) = (when.at_ms, None);
        }
        visitor.shown_ms = when.at_ms;
        if stage == Stage::Through && visitor.stage != Stage::Through {
            visitor.through_ms = when.at_ms;
        }
        if visitor.stage != Stage::Through {
            visitor.stage = stage;
        }
        if let Some(position) = place["position"].as_i64() {
            let last = visitor.positions.insert(when.process, position);
            if position < 1 {
                found.says(format!("INV-5: {id} has position {position}"));
            }
            if !is_recovering && last.is_some_and(|last| last < position) {
                found.says(format!("INV-5: {id} went back from position {last:?} to {position} at one gateway"));
            }
        }
        match stage {
            Stage::Inside => self.inside(event, &id, when, moment(place, "expires_at"), found),
            Stage::Waiting if place["state"] == "waiting" && !is_recovering => self.waits(event, &id, when, found),
            Stage::Waiting | Stage::Through => {}
        }
    }

    fn inside(&mut self, event: &str, id: &str, when: When, until_ms: i64, found: &mut Found) {
        let Some(visitor) = self.visitors.get_mut(id) else { return };
        let last_ms = visitor.until_ms.max(visitor.stay_ms);
        if visitor.admitted_ms.is_some() && until_ms > last_ms + SKEW_MS && visitor.until_ms > 0 {
            let more_ms = until_ms - last_ms;
            found.says(format!("{id} is inside for {more_ms} ms longer than they were told at first"));
        }
        visitor.admitted_ms.get_or_insert(when.at_ms);
        visitor.until_ms = until_ms;
        let inside = |other: &&Visitor| other.event == event && other.until_ms > when.at_ms + SKEW_MS;
        let count = self.visitors.values().filter(inside).count() as i64;
        let capacity = self.rooms.get(event).map_or(0, |room| room.capacity);
        if count > capacity {
            found.says(format!("INV-5: {count} are inside {event}, which never had room for more than {capacity}"));
        }
    }

    /// Reports every visitor who came later than this one and was let in long before this answer, although this one was
    /// there all the time.
    fn waits(&self, event: &str, id: &str, when: When, found: &mut Found) {
        let Some(first) = self.visitors.get(id) else { return };
        let called = self.rooms.get(event).map_or(0, |room| room.called);
        if let Some((from, most)) = first.patience.filter(|(from, most)| called - from > *most) {
            let calls = called - from;
            found.says(format!(
                "INV-5: {id} waits while {calls} were called, of whom at most {most} may be before them"
            ));
        }
        for (other, later) in &self.visitors {
            let overtook = later.event == event
                && later.came.0 > first.came.1
                && first.present_ms <= later.came.0
                && later.admitted_ms.is_some_and(|at_ms| at_ms + BEFORE_MS < when.asked_ms);
            if overtook {
                found.says(format!("INV-5: {id} was there first and waits, and {other} was let in"));
            }
        }
    }

    pub fn counted(&mut self, event: &str, when: When, counts: &Value, found: &mut Found) {
        let Some(room) = self.rooms.get_mut(event) else { return };
        let (inside, total) = (number(counts, "inside"), number(counts, "admitted_total"));
        if counts["room"] == "recovering" {
            return;
        }
        room.called = room.called.max(total);
        let calls = total - *room.called_from.get_or_insert(total);
        if calls > 2 * room.asked {
            found.says(format!(
                "INV-5: {event} called {calls} times, and of {} places none is called more than twice",
                room.asked
            ));
        }
        if inside > room.capacity {
            found
                .says(format!("INV-5: {event} says that {inside} are inside; it never had room for {}", room.capacity));
        }
        let rate = room.rate_per_min;
        let last = room.admitted.insert(when.process, (when.asked_ms, total));
        self.count_before(event, when);
        let Some((last_ms, last)) = last else { return };
        let took_ms = when.at_ms - last_ms + STALE_MS;
        // A full bucket holds a second's worth of admissions, and at least one.
        let most = rate * (took_ms + 1_000) / 60_000 + 1;
        if total - last > most {
            found.says(format!("INV-5: {event} let in {} in {took_ms} ms, at most {most} may", total - last));
        }
    }

    /// For each visitor who waits without a gap, notes how many were called so far and how many may be called before
    /// the visitor. Each of the others is called at most twice: after a second call in vain the place is spent.
    fn count_before(&mut self, event: &str, when: When) {
        let Some(Room { called, unknown, .. }) = self.rooms.get(event) else { return };
        let of_event = || self.visitors.iter().filter(|(_, visitor)| visitor.event == event);
        let before = |first: &Visitor| {
            let others = of_event().filter(|(_, other)| other.stage != Stage::Through && other.came.0 <= first.came.1);
            2 * (others.count() as i64 + unknown)
        };
        let shows_up = |visitor: &Visitor| {
            visitor.stage == Stage::Waiting
                && visitor.patience.is_none()
                && visitor.present_ms < when.asked_ms - STALE_MS
        };
        let new: Vec<(String, (i64, i64))> = of_event()
            .filter(|(_, visitor)| shows_up(visitor))
            .map(|(id, visitor)| (id.clone(), (*called, before(visitor))))
            .collect();
        for (id, patience) in new {
            self.visitors.entry(id).and_modify(|visitor| visitor.patience = Some(patience));
        }
    }
}
