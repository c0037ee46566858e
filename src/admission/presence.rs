//! Who waits here and was lately seen: told to the lanes many at a time. Knows no HTTP and no tokens' text.
//!
//! A place is known to this gateway once its lane has said that it waits; only then are its polls answered
//! from the board. The lane is told of each visitor at most once in a third of the absence it allows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use parking_lot::Mutex;
use tokio::time::MissedTickBehavior;

use super::expiring::Expiring;
use super::room::{Admission, Room};
use crate::clock::Millis;
use crate::ids::{EventId, VisitorId};
use crate::lane::board::PRESENT_MAX;
use crate::lane::{Presence, Token};
use crate::shutdown::Stopping;

/// Most places known; beyond, all are forgotten at once and the lanes are asked again.
const KNOWN_MAX: usize = 2_000_000;
/// How long after the last poll a place is known, ms: longer than any `poll_after_ms`.
const KNOWN_MS: Millis = 600_000;
/// Most visitors the lanes have yet to be told of.
const DUE_MAX: usize = 200_000;
/// How often the lanes are told.
const EVERY: Duration = Duration::from_millis(100);
/// Calls under way at once.
const AT_ONCE: usize = 16;

/// A place: event, visitor, score.
type Key = (EventId, VisitorId, i64);

/// What is remembered of a place that waits.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// The fewest ahead it was ever shown: who comes back from being called late goes before everybody,
    /// and nobody shall see their own position grow for it (INV-5).
    lowest: i64,
    /// When the lane was last told, or said itself, that its visitor is here.
    told: Millis,
}

#[derive(Debug)]
pub struct Presences {
    known: Expiring<Key, Known>,
    due: Mutex<Due>,
    due_max: usize,
}

#[derive(Debug, Default)]
struct Due {
    rooms: HashMap<EventId, (Room, Vec<Token>)>,
    len: usize,
}

/// The lanes are so far behind that no more can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Default for Presences {
    fn default() -> Self {
        Self { known: Expiring::new(KNOWN_MAX), due: Mutex::default(), due_max: DUE_MAX }
    }
}

impl Presences {
    pub fn known(&self, tick: Millis, token: &Token) -> Option<Known> {
        self.known.get(&key(token), tick)
    }

    /// The lane said that this place waits, `ahead` before it; how many to show.
    pub fn met(&self, tick: Millis, token: &Token, ahead: i64) -> i64 {
        let key = key(token);
        let lowest = self.known.get(&key, tick).map_or(ahead, |known| known.lowest.min(ahead));
        self.known.put(tick, key, Known { lowest, told: tick }, tick + KNOWN_MS);
        lowest
    }

    /// The board says `ahead`; how many to show. The lane will be told when it is time.
    pub fn shown(&self, tick: Millis, room: &Room, token: &Token, known: Known, ahead: i64) -> Result<i64, Full> {
        let mut told = known.told;
        if tick - told >= room.absent_ms / 3 {
            self.due.lock().push(room, token, self.due_max)?;
            told = tick;
        }
        let lowest = known.lowest.min(ahead);
        self.known.put(tick, key(token), Known { lowest, told }, tick + KNOWN_MS);
        Ok(lowest)
    }

    pub fn forget(&self, token: &Token) {
        self.known.forget(&key(token));
    }

    /// Batches to tell, all of what is due.
    fn take(&self) -> Vec<(Room, Vec<Token>)> {
        let rooms = std::mem::take(&mut *self.due.lock()).rooms;
        let mut batches = Vec::new();
        for (room, mut tokens) in rooms.into_values() {
            while tokens.len() > PRESENT_MAX {
                let rest = tokens.split_off(PRESENT_MAX);
                batches.push((room.clone(), std::mem::replace(&mut tokens, rest)));
            }
            batches.push((room, tokens));
        }
        batches
    }
}

impl Due {
    fn push(&mut self, room: &Room, token: &Token, max: usize) -> Result<(), Full> {
        if self.len >= max {
            return Err(Full);
        }
        self.len += 1;
        let (_, tokens) = self.rooms.entry(token.event.clone()).or_insert_with(|| (room.clone(), Vec::new()));
        tokens.push(token.clone());
        Ok(())
    }
}

fn key(token: &Token) -> Key {
    (token.event.clone(), token.visitor.clone(), token.score)
}

/// Tells the lanes until told to stop.
pub async fn run(admission: Arc<Admission>, mut stop: Stopping) {
    let mut turns = tokio::time::interval(EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = turns.tick() => {}
        }
        flush(&admission).await;
    }
}

/// Tells the lanes who was here. A place that does not wait any more, or whose lane does not answer, is
/// forgotten: its next poll asks the lane.
pub(super) async fn flush(admission: &Admission) {
    let tell = async |(room, tokens): (Room, Vec<Token>)| {
        let found = match admission.lane(&room) {
            Ok(lane) => lane.presence(admission.now_ms(), &room.event, tokens.clone()).await.ok().flatten(),
            Err(_) => None,
        };
        let found = found.unwrap_or_else(|| vec![Presence::Gone; tokens.len()]);
        for (token, presence) in tokens.iter().zip(found) {
            match presence {
                Presence::Waiting => {}
                Presence::Back | Presence::Inside | Presence::Gone => admission.presences.forget(token),
            }
        }
    };
    futures_util::stream::iter(admission.presences.take()).for_each_concurrent(AT_ONCE, tell).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> Room {
        let (patience_ms, absent_ms, stay_ms) = (30_000, 60_000, 600_000);
        Room { event: "hall".into(), lane: crate::ids::LaneId(0), patience_ms, absent_ms, stay_ms }
    }

    fn token(serial: i64) -> Token {
        Token { event: "hall".into(), visitor: VisitorId(format!("v{serial}")), score: serial, round: 1 }
    }

    #[test]
    fn a_shown_position_never_grows() {
        let presences = Presences::default();
        assert_eq!(presences.met(0, &token(1), 7), 7);
        let known = presences.known(0, &token(1)).expect("met");
        assert_eq!(presences.shown(1, &room(), &token(1), known, 9), Ok(7));
        let known = presences.known(1, &token(1)).expect("shown");
        assert_eq!(presences.shown(2, &room(), &token(1), known, 3), Ok(3));
        assert_eq!(presences.met(3, &token(1), 8), 3);
        presences.forget(&token(1));
        assert!(presences.known(3, &token(1)).is_none());
        assert_eq!(presences.met(3, &token(1), 8), 8, "another stay");
    }

    #[test]
    fn a_lane_is_told_once_in_a_third_of_the_absence() {
        let presences = Presences::default();
        let poll = |tick| {
            let known = presences.known(tick, &token(1)).expect("met");
            presences.shown(tick, &room(), &token(1), known, 5).expect("not full");
            presences.take().iter().map(|(_, tokens)| tokens.len()).sum::<usize>()
        };
        presences.met(0, &token(1), 5);
        let told: Vec<usize> = [10_000, 19_999, 20_000, 20_001, 39_999, 40_000].map(poll).into();
        assert_eq!(told, [0, 0, 1, 0, 0, 1]);
    }

    #[test]
    fn what_is_due_is_bounded_and_goes_in_batches() {
        let presences = Presences { due_max: 2_500, ..Presences::default() };
        let tell = |serial| {
            presences.met(0, &token(serial), 5);
            let known = presences.known(0, &token(serial)).expect("met");
            presences.shown(60_000, &room(), &token(serial), known, 5)
        };
        for serial in 1..=2_500 {
            assert_eq!(tell(serial), Ok(5));
        }
        assert_eq!(tell(2_501), Err(Full));
        let sizes: Vec<usize> = presences.take().iter().map(|(_, tokens)| tokens.len()).collect();
        assert_eq!(sizes, [1_000, 1_000, 500]);
        assert_eq!(tell(2_501), Ok(5), "told: there is room again");
    }
}
