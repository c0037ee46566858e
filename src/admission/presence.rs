//! Who waits here and was lately seen: told to the lanes many at a time. Knows no HTTP and no tokens' text.
//!
//! A place is known to this gateway once its lane has said that it waits; only then are its polls answered
//! from the board. The lane is told of each visitor at most once in a third of the absence it allows.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;
use futures_util::StreamExt as _;
use parking_lot::{Mutex, MutexGuard};
use tokio::time::MissedTickBehavior;

use super::room::{Admission, Room};
use crate::clock::Millis;
use crate::ids::EventId;
use crate::lane::board::PRESENT_MAX;
use crate::lane::{Presence, Token};
use crate::shutdown::Stopping;

/// Most places known. A part of them that is full of the living is forgotten, and the lanes asked again.
const KNOWN_MAX: usize = 2_000_000;
/// Parts that are locked, and forgotten, apart.
const PARTS: usize = 64;
/// How long after its lane was last told a place is known, ms.
const KNOWN_MS: Millis = 600_000;
/// The lane is told at least so often of a place that is polled for, however long an absence it allows, ms:
/// half as long and the longest `poll_after_ms` are less than [`KNOWN_MS`].
const TOLD_MS: Millis = 300_000;
/// Most visitors the lanes have yet to be told of.
const DUE_MAX: usize = 200_000;
/// How often the lanes are told.
const EVERY: Duration = Duration::from_millis(100);
/// Calls under way at once.
const AT_ONCE: usize = 16;

/// A place, hashed with a secret of this process. Two places of one hash would be taken for each other's:
/// among two million that happens once in ten million processes, and does harm to a shown position only.
type Key = u64;

/// What is remembered of a place that waits. With its key 24 bytes: a gateway knows a million.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The fewest ahead it was ever shown: who comes back from being called late goes before everybody,
    /// and nobody shall see their own position grow for it (INV-5).
    lowest: u32,
    /// When the lane was last told, or said itself, that its visitor is here; in [`TICK_MS`].
    told: u32,
    /// The room's when the lane said so, its lower half: a lane rebuilt since may not know the place.
    epoch: u32,
}

/// Unit of [`Known::told`]: five years of them fit.
const TICK_MS: Millis = 40;

type Part = HashMap<Key, Known, BuildHasherDefault<Hashed>>;

/// Keys are hashes already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are whole numbers")
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Debug)]
pub struct Presences {
    parts: Vec<Mutex<Part>>,
    part_max: usize,
    hasher: RandomState,
    due: Mutex<Due>,
    due_max: usize,
}

/// What a poll that the board could answer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// So many are ahead.
    Ahead(i64),
    /// The lane has not said that this place waits, or was rebuilt since.
    Unknown,
    /// The lanes are so far behind that no more can be kept for them.
    Full,
}

#[derive(Debug, Default)]
struct Due {
    rooms: HashMap<EventId, (Room, Vec<Token>)>,
    len: usize,
}

impl Default for Presences {
    fn default() -> Self {
        Self {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            part_max: KNOWN_MAX / PARTS,
            hasher: RandomState::default(),
            due: Mutex::default(),
            due_max: DUE_MAX,
        }
    }
}

impl Presences {
    /// The lane said, in this epoch of the room, that the place waits, `ahead` before it; how many to show.
    pub fn met(&self, tick: Millis, token: &Token, epoch: i64, ahead: i64) -> i64 {
        let (key, mut part) = self.part(token);
        let known = part.get(&key).filter(|known| known.is_alive(tick));
        let lowest = known.map_or(ahead, |known| ahead.min(known.lowest.into()));
        if part.len() >= self.part_max.min(part.capacity()) {
            // Before it grows: whoever came no more makes room.
            part.retain(|_, known| known.is_alive(tick));
            if part.len() >= self.part_max {
                part.clear();
            }
        }
        part.insert(key, Known { lowest: short(lowest), told: ticks(tick), epoch: lower(epoch) });
        lowest
    }

    /// The board, of this epoch of the room, says `ahead`; how many to show. The lane will be told when it
    /// is time.
    pub fn shown(&self, tick: Millis, room: &Room, token: &Token, epoch: i64, ahead: i64) -> Shown {
        let (key, mut part) = self.part(token);
        let known = part.get_mut(&key).filter(|known| known.is_alive(tick) && known.epoch == lower(epoch));
        let Some(known) = known else { return Shown::Unknown };
        if known.since_told(tick) >= TOLD_MS.min(room.absent_ms / 3) {
            if !self.due.lock().push(room, token, self.due_max) {
                return Shown::Full;
            }
            known.told = ticks(tick);
        }
        let lowest = ahead.min(known.lowest.into());
        known.lowest = short(lowest);
        Shown::Ahead(lowest)
    }

    /// The room was rebuilt and waits for its visitors: the lane will be told of this one if it has not been.
    pub fn returned(&self, tick: Millis, room: &Room, token: &Token, epoch: i64) -> Shown {
        match self.shown(tick, room, token, epoch, i64::MAX) {
            Shown::Unknown if self.due.lock().push(room, token, self.due_max) => {
                Shown::Ahead(self.met(tick, token, epoch, i64::MAX))
            }
            Shown::Unknown => Shown::Full,
            known => known,
        }
    }

    pub fn forget(&self, token: &Token) {
        let (key, mut part) = self.part(token);
        part.remove(&key);
    }

    fn part(&self, token: &Token) -> (Key, MutexGuard<'_, Part>) {
        let place = (&token.event, &token.visitor, token.score);
        let key = self.hasher.hash_one(place);
        // Its middle bits: the map goes by the others.
        let part = usize::try_from((key >> 32) % PARTS as u64).expect("below their number");
        (key, self.parts[part].lock())
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

impl Known {
    fn is_alive(&self, tick: Millis) -> bool {
        self.since_told(tick) < KNOWN_MS
    }

    fn since_told(&self, tick: Millis) -> Millis {
        Millis::from(ticks(tick).saturating_sub(self.told)) * TICK_MS
    }
}

/// More than fit are as good as endlessly many.
fn short(ahead: i64) -> u32 {
    u32::try_from(ahead).unwrap_or(u32::MAX)
}

fn ticks(tick: Millis) -> u32 {
    u32::try_from(tick / TICK_MS).unwrap_or(u32::MAX)
}

fn lower(epoch: i64) -> u32 {
    u32::try_from(epoch & 0xffff_ffff).expect("the lower half")
}

impl Due {
    /// `false`: no more can be kept.
    fn push(&mut self, room: &Room, token: &Token, max: usize) -> bool {
        if self.len >= max {
            return false;
        }
        self.len += 1;
        let (_, tokens) = self.rooms.entry(token.event.clone()).or_insert_with(|| (room.clone(), Vec::new()));
        tokens.push(token.clone());
        true
    }
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
    use crate::ids::VisitorId;

    fn room() -> Room {
        let (patience_ms, absent_ms, stay_ms) = (30_000, 60_000, 600_000);
        Room {
            event: "hall".into(),
            lane: crate::ids::LaneId(0),
            patience_ms,
            absent_ms,
            stay_ms,
            recover_ms: 75_000,
            draw: None,
            birth: None,
        }
    }

    fn token(serial: i64) -> Token {
        Token { event: "hall".into(), visitor: VisitorId::from(format!("v{serial}")), score: serial, round: 1 }
    }

    #[test]
    fn a_shown_position_never_grows() {
        let presences = Presences::default();
        assert_eq!(presences.shown(0, &room(), &token(1), 1, 9), Shown::Unknown);
        assert_eq!(presences.met(0, &token(1), 1, 7), 7);
        assert_eq!(presences.shown(1, &room(), &token(1), 1, 9), Shown::Ahead(7));
        assert_eq!(presences.shown(2, &room(), &token(1), 1, 3), Shown::Ahead(3));
        assert_eq!(presences.met(3, &token(1), 1, 8), 3);
        presences.forget(&token(1));
        assert_eq!(presences.shown(3, &room(), &token(1), 1, 8), Shown::Unknown);
        assert_eq!(presences.met(3, &token(1), 1, 8), 8, "another stay");
    }

    #[test]
    fn before_the_opening_nothing_is_shown_that_could_grow() {
        let presences = Presences::default();
        presences.met(0, &token(1), 1, i64::MAX);
        assert_eq!(presences.shown(1, &room(), &token(1), 1, 5_000_000), Shown::Ahead(5_000_000));
    }

    #[test]
    fn a_rebuilt_lane_is_asked_and_the_lowest_position_stays() {
        let presences = Presences::default();
        presences.met(0, &token(1), 1, 3);
        assert_eq!(presences.shown(1, &room(), &token(1), 2, 5), Shown::Unknown);
        assert_eq!(presences.met(2, &token(1), 2, 5), 3);
        assert_eq!(presences.shown(3, &room(), &token(1), 2, 5), Shown::Ahead(3));
    }

    #[test]
    fn a_lane_is_told_once_in_a_third_of_the_absence() {
        let told = |absent_ms, polls: [Millis; 6]| {
            let (presences, room) = (Presences::default(), Room { absent_ms, ..room() });
            presences.met(0, &token(1), 1, 5);
            polls.map(|tick| {
                assert_eq!(presences.shown(tick, &room, &token(1), 1, 5), Shown::Ahead(5));
                presences.take().iter().map(|(_, tokens)| tokens.len()).sum::<usize>()
            })
        };
        assert_eq!(told(60_000, [10_000, 19_959, 20_000, 20_001, 39_959, 40_000]), [0, 0, 1, 0, 0, 1]);
        // However long the absence, well before the place is forgotten here.
        assert_eq!(told(86_400_000, [200_000, 299_900, 300_000, 400_000, 599_900, 600_000]), [0, 0, 1, 0, 0, 1]);
    }

    #[test]
    fn who_is_not_polled_for_is_forgotten() {
        let presences = Presences::default();
        presences.met(0, &token(1), 1, 5);
        assert_eq!(presences.shown(KNOWN_MS, &room(), &token(1), 1, 5), Shown::Unknown);
    }

    #[test]
    fn what_is_due_is_bounded_and_goes_in_batches() {
        let presences = Presences { due_max: 2_500, ..Presences::default() };
        let tell = |serial| {
            presences.met(0, &token(serial), 1, 5);
            presences.shown(60_000, &room(), &token(serial), 1, 5)
        };
        for serial in 1..=2_500 {
            assert_eq!(tell(serial), Shown::Ahead(5));
        }
        assert_eq!(tell(2_501), Shown::Full);
        let sizes: Vec<usize> = presences.take().iter().map(|(_, tokens)| tokens.len()).collect();
        assert_eq!(sizes, [1_000, 1_000, 500]);
        assert_eq!(tell(2_501), Shown::Ahead(5), "told: there is room again");
    }

    #[test]
    fn what_is_known_is_small_and_bounded() {
        assert!(size_of::<(Key, Known)>() <= 24);
        let presences = Presences { part_max: 100, ..Presences::default() };
        let known = || presences.parts.iter().map(|part| part.lock().len()).sum::<usize>();
        for serial in 0..5_000 {
            presences.met(0, &token(serial), 1, 5);
        }
        assert!(known() > 4_000, "there was room: {}", known());
        for serial in 5_000..50_000 {
            presences.met(1_000, &token(serial), 1, 5);
            assert_eq!(presences.shown(1_000, &room(), &token(serial), 1, 5), Shown::Ahead(5), "just met");
        }
        assert!(known() <= 100 * PARTS, "{}", known());
    }
}
