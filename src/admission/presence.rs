//! Presence: the visitors who wait and were lately seen here. The lanes are told of them many at a time.
//!
//! A gateway knows a visitor from the first answer on, whether it came from the board or from the lane. The lane is
//! told of each visitor in a batch, once in a third of the absence that it allows, but at least every `TOLD_MS`. It
//! answers which of them do not wait in line. The gateway remembers that too, because the board cannot show it: the
//! polls of such visitors ask the lane.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;
use futures_util::StreamExt as _;
use parking_lot::{Mutex, MutexGuard};
use tokio::time::MissedTickBehavior;

use super::doors::Admission;
use super::strangers::Strangers;
use crate::facts::ids::EventId;
use crate::facts::place::Token;
use crate::facts::room::Room;
use crate::facts::time::{Millis, Tick};
use crate::lane::board::{PRESENT_MAX, Presence};
use crate::shutdown::Stopping;

/// Most places known. A part of the map that is full of live places is forgotten as a whole: its visitors are strangers
/// again.
const KNOWN_MAX: usize = 2_000_000;
/// Parts of the map, each locked and forgotten by itself.
const PARTS: usize = 64;
/// How long a place is known after its lane was last told of it, ms.
const KNOWN_MS: Millis = 600_000;
/// The lane is told of a place that is polled for at least this often, however long an absence it allows, ms. This is
/// half of [`KNOWN_MS`]: the other half leaves time for the longest `poll_after_ms`.
const TOLD_MS: Millis = 300_000;
/// Most visitors the lanes have yet to be told of.
const DUE_MAX: usize = 200_000;
/// How often the batches are looked at.
const EVERY: Duration = Duration::from_millis(100);
/// A batch of this size goes at once: above it, the cost of a call grows with its visitors.
const WORTHWHILE: usize = 250;
/// Longest time that a smaller batch waits for more, ms. With ten gateways, a room of 5,000 makes some 100 polls a
/// second at each, and a call every [`EVERY`] would be for ten of them.
const WAIT_MAX_MS: Millis = 2_000;
/// Calls under way at once.
const AT_ONCE: usize = 16;

/// A place, hashed with a secret of this process. Two places with the same hash would be taken for one. Among two
/// million places that happens in one of ten million processes, and it harms only a shown position.
type PlaceHash = u64;

/// What is remembered of a place. With its key it takes at most 24 bytes, because a gateway may know [`KNOWN_MAX`] of
/// them.
#[derive(Debug, Clone, Copy)]
struct KnownPlace {
    /// The fewest ahead that were ever shown. A visitor who comes back from being called late goes before everybody,
    /// and nobody may see their own position grow because of it (INV-5).
    lowest: u32,
    /// When the lane was last told that the visitor is here, or said so itself; in units of [`TICK_MS`].
    told: u32,
    /// Lower half of the room's epoch at that time: a lane rebuilt since then may not know the place.
    epoch: u32,
    word: Word,
}

/// What a gateway and a lane last told each other about a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// It waits: the lane said so, or was told of it and has not said otherwise.
    Waits,
    /// It waits, but the lane could not be told of it. The next poll makes up for that.
    Untold,
    /// It does not wait in line: called, late, left, or through. Only the lane can answer for it.
    Elsewhere,
}

/// Unit of [`KnownPlace::told`], ms: five years of them fit.
const TICK_MS: Millis = 40;

type PresencePart = HashMap<PlaceHash, KnownPlace, BuildHasherDefault<Hashed>>;

/// Hashes nothing, because keys are hashes already.
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
    parts: Vec<Mutex<PresencePart>>,
    part_max: usize,
    hasher: RandomState,
    due: Mutex<Due>,
    due_max: usize,
}

/// A place as a board shows it.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    pub epoch: i64,
    pub ahead: i64,
    /// What becomes of its poll if this gateway cannot speak for the visitor.
    pub strangers: Strangers,
}

/// How a board answers a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// How many are ahead.
    Ahead(i64),
    /// The lane has to be asked.
    Unknown,
    /// The lanes are so far behind that no more can be kept for them.
    Full,
}

#[derive(Debug, Default)]
struct Due {
    rooms: HashMap<EventId, PresenceBatch>,
    len: usize,
}

/// What a room's lane is to be told.
#[derive(Debug)]
struct PresenceBatch {
    room: Room,
    /// When the first of them was added.
    since: Tick,
    tokens: Vec<Token>,
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
    /// Notes that the lane said, in this epoch of the room, that the place waits with `ahead` before it. Gives how many
    /// to show.
    pub fn met(&self, tick: Tick, token: &Token, epoch: i64, ahead: i64) -> i64 {
        let (key, mut part) = self.part(token);
        let known = part.get(&key).filter(|known| known.is_alive(tick) && known.word != Word::Elsewhere);
        let lowest = known.map_or(ahead, |known| ahead.min(known.lowest.into()));
        self.put(tick, &mut part, key, KnownPlace::waiting(tick, epoch, lowest));
        lowest
    }

    /// Whether this gateway can say that the visitor waits, and is there.
    pub fn knows(&self, tick: Tick, room: &Room, token: &Token) -> bool {
        let (key, part) = self.part(token);
        part.get(&key).is_some_and(|known| known.word == Word::Waits && known.is_recent(tick, room))
    }

    /// Answers a poll from a board that shows the place here. The lane is told when it is time.
    pub fn shown(&self, tick: Tick, room: &Room, token: &Token, spot: Spot) -> Shown {
        let (key, mut part) = self.part(token);
        let known = part.get(&key).copied().filter(|known| known.is_alive(tick));
        let is_elsewhere = known.is_some_and(|known| known.word == Word::Elsewhere);
        if is_elsewhere && spot.strangers != Strangers::Awaited {
            return Shown::Unknown;
        }
        let told = known.filter(|known| known.epoch == lower(spot.epoch) && known.word == Word::Waits);
        let is_stranger = !told.is_some_and(|known| known.is_recent(tick, room));
        if is_stranger && spot.strangers == Strangers::Asked {
            return Shown::Unknown;
        }
        let is_due = told.is_none_or(|known| known.since_told(tick) >= TOLD_MS.min(room.absent_ms / 3));
        if is_due && !self.due.lock().push(tick, room, token, self.due_max) {
            return Shown::Full;
        }
        let before = known.filter(|known| known.word != Word::Elsewhere);
        let lowest = before.map_or(spot.ahead, |known| spot.ahead.min(known.lowest.into()));
        let now = KnownPlace::waiting(tick, spot.epoch, lowest);
        let told = told.filter(|_| !is_due).map_or(now.told, |known| known.told);
        self.put(tick, &mut part, key, KnownPlace { told, ..now });
        Shown::Ahead(lowest)
    }

    /// The lane said that the place does not wait in line, or its visitor gave it up.
    pub fn set_elsewhere(&self, tick: Tick, token: &Token) {
        let (key, mut part) = self.part(token);
        let elsewhere = KnownPlace { word: Word::Elsewhere, ..KnownPlace::waiting(tick, 0, i64::MAX) };
        self.put(tick, &mut part, key, elsewhere);
    }

    /// Notes that the lane could not be told of this place.
    fn set_untold(&self, token: &Token) {
        let (key, mut part) = self.part(token);
        if let Some(known) = part.get_mut(&key).filter(|known| known.word == Word::Waits) {
            known.word = Word::Untold;
        }
    }

    fn put(&self, tick: Tick, part: &mut PresencePart, key: PlaceHash, known: KnownPlace) {
        if let Some(before) = part.get_mut(&key) {
            *before = known;
            return;
        }
        if part.len() >= self.part_max.min(part.capacity()) {
            // Visitors who stopped coming are forgotten before the map grows.
            part.retain(|_, known| known.is_alive(tick));
            if part.len() >= self.part_max {
                part.clear();
            }
        }
        part.insert(key, known);
    }

    fn part(&self, token: &Token) -> (PlaceHash, MutexGuard<'_, PresencePart>) {
        let place = (&token.event, &token.visitor, token.score);
        let key = self.hasher.hash_one(place);
        // The key's middle bits: the map inside the part uses the others.
        let part = usize::try_from((key >> 32) % PARTS as u64).expect("below their number");
        (key, self.parts[part].lock())
    }

    /// Takes the batches that `which` picks, in pieces of at most [`PRESENT_MAX`].
    fn take(&self, which: impl Fn(&PresenceBatch) -> bool) -> Vec<(Room, Vec<Token>)> {
        let mut batches = Vec::new();
        for PresenceBatch { room, mut tokens, .. } in self.due.lock().take(which) {
            while tokens.len() > PRESENT_MAX {
                let rest = tokens.split_off(PRESENT_MAX);
                batches.push((room.clone(), std::mem::replace(&mut tokens, rest)));
            }
            batches.push((room, tokens));
        }
        batches
    }
}

impl KnownPlace {
    fn waiting(tick: Tick, epoch: i64, lowest: i64) -> Self {
        Self { lowest: short(lowest), told: ticks(tick), epoch: lower(epoch), word: Word::Waits }
    }

    fn is_alive(&self, tick: Tick) -> bool {
        self.since_told(tick) < KNOWN_MS
    }

    /// Whether the lane was told lately enough. If it was told longer ago, it may take the visitor for absent before it
    /// is told again.
    fn is_recent(&self, tick: Tick, room: &Room) -> bool {
        self.since_told(tick) < room.absent_ms / 4 * 3
    }

    fn since_told(&self, tick: Tick) -> Millis {
        Millis::from(ticks(tick).saturating_sub(self.told)) * TICK_MS
    }
}

impl PresenceBatch {
    /// Whether to tell now. The time between polls, the time between two tellings and this wait together stay below the
    /// absence that the lane allows: a third, a third, and a twelfth of it. The wait is also at most a twelfth of the
    /// time in which a rebuilt room waits for its visitors.
    fn is_ripe(&self, tick: Tick) -> bool {
        let wait_ms = WAIT_MAX_MS.min(self.room.absent_ms.min(self.room.recover_ms) / 12);
        self.tokens.len() >= WORTHWHILE || tick.since(self.since) >= wait_ms
    }
}

/// A number that does not fit into 32 bits counts as endlessly many.
fn short(ahead: i64) -> u32 {
    u32::try_from(ahead).unwrap_or(u32::MAX)
}

fn ticks(tick: Tick) -> u32 {
    u32::try_from(tick.0 / TICK_MS).unwrap_or(u32::MAX)
}

fn lower(epoch: i64) -> u32 {
    u32::try_from(epoch & 0xffff_ffff).expect("the lower half")
}

impl Due {
    /// `false`: no more can be kept.
    fn push(&mut self, tick: Tick, room: &Room, token: &Token, max: usize) -> bool {
        if self.len >= max {
            return false;
        }
        self.len += 1;
        let new = || PresenceBatch { room: room.clone(), since: tick, tokens: Vec::new() };
        self.rooms.entry(token.event.clone()).or_insert_with(new).tokens.push(token.clone());
        true
    }

    fn take(&mut self, which: impl Fn(&PresenceBatch) -> bool) -> Vec<PresenceBatch> {
        let taken: Vec<PresenceBatch> =
            self.rooms.extract_if(|_, batch| which(batch)).map(|(_, batch)| batch).collect();
        self.len -= taken.iter().map(|batch| batch.tokens.len()).sum::<usize>();
        taken
    }
}

/// Tells the lanes until told to stop, and then tells them what is left.
pub async fn run(admission: Arc<Admission>, mut stop: Stopping) {
    let mut turns = tokio::time::interval(EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.wait() => break,
            _ = turns.tick() => {}
        }
        tell_ripe(&admission).await;
    }
    tell_all(&admission).await;
}

/// Tells the lanes what has waited long enough, or is enough for a call.
pub async fn tell_ripe(admission: &Admission) {
    let tick = admission.tick();
    tell(admission, admission.presences.take(|batch| batch.is_ripe(tick))).await;
}

/// Tells the lanes whatever there is to tell.
pub async fn tell_all(admission: &Admission) {
    tell(admission, admission.presences.take(|_| true)).await;
}

async fn tell(admission: &Admission, batches: Vec<(Room, Vec<Token>)>) {
    let call = async |(room, tokens): (Room, Vec<Token>)| {
        let Ok(lane) = admission.lane(&room) else { return };
        let found = match lane.presence(admission.now_ms(), &room.event, tokens.clone()).await {
            Ok(found) => found.unwrap_or_else(|| vec![Presence::Gone; tokens.len()]),
            Err(_) => return tokens.iter().for_each(|token| admission.presences.set_untold(token)),
        };
        for (token, presence) in tokens.iter().zip(found) {
            match presence {
                Presence::Waiting => {}
                Presence::Back | Presence::Inside | Presence::Gone => {
                    admission.presences.set_elsewhere(admission.tick(), token);
                }
            }
        }
    };
    futures_util::stream::iter(batches).for_each_concurrent(AT_ONCE, call).await;
}

#[cfg(test)]
mod tests;
