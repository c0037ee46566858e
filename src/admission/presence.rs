//! Presence: the visitors who wait and were lately seen here. The lanes are told of them many at a time.
//!
//! A gateway knows a visitor from the first answer on, whether it came from the board or from the lane. The lane is
//! told of each visitor in a batch, at most once in a third of the absence that it allows. It answers which of them do
//! not wait in line. The gateway remembers that too, because the board cannot show it: the polls of such visitors ask
//! the lane.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;
use futures_util::StreamExt as _;
use parking_lot::{Mutex, MutexGuard};
use tokio::time::MissedTickBehavior;

use super::room::{Admission, Room};
use super::strangers::Strangers;
use crate::facts::ids::EventId;
use crate::facts::place::Token;
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

/// More than 32 bits hold counts as endlessly many.
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
mod tests {
    use super::*;
    use crate::facts::ids::VisitorId;

    fn room() -> Room {
        let (patience_ms, absent_ms, stay_ms) = (30_000, 60_000, 600_000);
        Room {
            event: "hall".into(),
            lane: crate::facts::ids::LaneId(0),
            patience_ms,
            absent_ms,
            grace_ms: 300_000,
            stay_ms,
            recover_ms: 75_000,
            draw: None,
            birth: None,
        }
    }

    fn token(serial: i64) -> Token {
        Token { event: "hall".into(), visitor: VisitorId::from(format!("v{serial}")), score: serial, round: 1 }
    }

    /// A place as the board of this epoch shows it.
    fn spot(epoch: i64, ahead: i64, strangers: Strangers) -> Spot {
        Spot { epoch, ahead, strangers }
    }

    fn shown(presences: &Presences, tick: Millis, ahead: i64, strangers: Strangers) -> Shown {
        presences.shown(Tick(tick), &room(), &token(1), spot(1, ahead, strangers))
    }

    /// How many the lane is told of now.
    fn told(presences: &Presences) -> usize {
        presences.take(|_| true).iter().map(|(_, tokens)| tokens.len()).sum()
    }

    use Strangers::{Answered, Asked, Awaited};

    #[test]
    fn a_shown_position_never_grows() {
        let presences = Presences::default();
        assert_eq!(shown(&presences, 0, 9, Asked), Shown::Unknown);
        assert_eq!(presences.met(Tick(0), &token(1), 1, 7), 7);
        assert_eq!(shown(&presences, 1, 9, Asked), Shown::Ahead(7));
        assert_eq!(shown(&presences, 2, 3, Asked), Shown::Ahead(3));
        assert_eq!(presences.met(Tick(3), &token(1), 1, 8), 3);
        presences.set_elsewhere(Tick(3), &token(1));
        assert_eq!(shown(&presences, 3, 8, Asked), Shown::Unknown);
        assert_eq!(presences.met(Tick(3), &token(1), 1, 8), 8, "another stay");
    }

    #[test]
    fn a_stranger_whom_the_board_may_answer_is_told_of_once() {
        let presences = Presences::default();
        assert_eq!(shown(&presences, 0, 9, Answered), Shown::Ahead(9));
        assert_eq!((told(&presences), told(&presences)), (1, 0));
        assert_eq!(shown(&presences, 1_000, 10, Asked), Shown::Ahead(9), "no stranger any more");
        assert_eq!(told(&presences), 0);
    }

    #[test]
    fn who_was_told_of_too_long_ago_is_a_stranger() {
        for (tick, wanted) in [(44_960, Shown::Ahead(5)), (45_000, Shown::Unknown)] {
            let presences = Presences::default();
            presences.met(Tick(0), &token(1), 1, 5);
            assert_eq!(presences.knows(Tick(tick), &room(), &token(1)), wanted != Shown::Unknown);
            assert_eq!(shown(&presences, tick, 5, Asked), wanted);
        }
    }

    #[test]
    fn who_does_not_wait_in_line_is_asked_for_until_the_lane_says_they_do() {
        let presences = Presences::default();
        shown(&presences, 0, 9, Answered);
        presences.set_elsewhere(Tick(100), &token(1));
        assert_eq!(shown(&presences, 200, 9, Answered), Shown::Unknown);
        assert_eq!(
            presences.shown(Tick(300), &room(), &token(1), spot(2, 9, Answered)),
            Shown::Unknown,
            "rebuilt or not"
        );
        presences.met(Tick(400), &token(1), 1, 4);
        assert_eq!(shown(&presences, 500, 9, Asked), Shown::Ahead(4));
        // A room that waits for everybody hears of them all the same.
        presences.set_elsewhere(Tick(600), &token(1));
        told(&presences);
        assert_eq!(presences.shown(Tick(700), &room(), &token(1), spot(2, 0, Awaited)), Shown::Ahead(0));
        assert_eq!(told(&presences), 1);
    }

    #[test]
    fn whom_a_lane_could_not_be_told_of_it_is_told_of_by_the_next_poll() {
        let presences = Presences::default();
        shown(&presences, 0, 9, Answered);
        assert_eq!(told(&presences), 1);
        presences.set_untold(&token(1));
        assert_eq!(shown(&presences, 1_000, 9, Asked), Shown::Unknown, "nobody has seen them yet");
        assert_eq!(shown(&presences, 1_000, 10, Answered), Shown::Ahead(9));
        assert_eq!(told(&presences), 1);
        // A silent lane does not undo what it said before: they do not wait.
        presences.set_elsewhere(Tick(1_000), &token(1));
        presences.set_untold(&token(1));
        assert_eq!(shown(&presences, 1_000, 9, Answered), Shown::Unknown);
    }

    #[test]
    fn before_the_opening_nothing_is_shown_that_could_grow() {
        let presences = Presences::default();
        presences.met(Tick(0), &token(1), 1, i64::MAX);
        assert_eq!(shown(&presences, 1, 5_000_000, Asked), Shown::Ahead(5_000_000));
    }

    #[test]
    fn a_rebuilt_lane_is_told_at_once_and_the_lowest_position_stays() {
        let presences = Presences::default();
        presences.met(Tick(0), &token(1), 1, 3);
        assert_eq!(presences.shown(Tick(1), &room(), &token(1), spot(2, 5, Asked)), Shown::Unknown);
        assert_eq!(presences.shown(Tick(1), &room(), &token(1), spot(2, 5, Answered)), Shown::Ahead(3));
        assert_eq!(told(&presences), 1);
        assert_eq!(presences.met(Tick(2), &token(1), 2, 5), 3);
    }

    #[test]
    fn a_lane_is_told_once_in_a_third_of_the_absence() {
        let told_at = |absent_ms, polls: [Millis; 6]| {
            let (presences, room) = (Presences::default(), Room { absent_ms, ..room() });
            presences.met(Tick(0), &token(1), 1, 5);
            polls.map(|tick| {
                assert_eq!(presences.shown(Tick(tick), &room, &token(1), spot(1, 5, Asked)), Shown::Ahead(5));
                told(&presences)
            })
        };
        assert_eq!(told_at(60_000, [10_000, 19_959, 20_000, 20_001, 39_959, 40_000]), [0, 0, 1, 0, 0, 1]);
        // However long the absence, the lane is told well before the place is forgotten here.
        assert_eq!(told_at(86_400_000, [200_000, 299_900, 300_000, 400_000, 599_900, 600_000]), [0, 0, 1, 0, 0, 1]);
    }

    #[test]
    fn who_is_not_polled_for_is_forgotten() {
        let presences = Presences::default();
        presences.set_elsewhere(Tick(0), &token(1));
        assert_eq!(shown(&presences, KNOWN_MS - TICK_MS, 5, Answered), Shown::Unknown);
        assert_eq!(shown(&presences, KNOWN_MS, 5, Answered), Shown::Ahead(5));
    }

    #[test]
    fn a_small_batch_waits_for_more_and_a_large_one_does_not() {
        let ripe = |room: Room, tokens: i64| {
            let presences = Presences::default();
            for serial in 1..=tokens {
                presences.shown(Tick(1_000), &room, &token(serial), spot(1, 5, Answered));
            }
            let ticks = [1_000, 1_100, 1_166, 2_999, 3_000];
            ticks.into_iter().find(|tick| !presences.take(|batch| batch.is_ripe(Tick(*tick))).is_empty())
        };
        assert_eq!(ripe(room(), 249), Some(3_000));
        assert_eq!(ripe(room(), 250), Some(1_000));
        assert_eq!(ripe(Room { absent_ms: 2_000, ..room() }, 1), Some(1_166), "a twelfth of the absence");
        assert_eq!(ripe(Room { recover_ms: 1_200, ..room() }, 1), Some(1_100), "or of the time to come back");
    }

    #[test]
    fn what_is_due_is_bounded_and_goes_in_batches() {
        let presences = Presences { due_max: 2_500, ..Presences::default() };
        let tell = |serial| presences.shown(Tick(0), &room(), &token(serial), spot(1, 5, Answered));
        for serial in 1..=2_500 {
            assert_eq!(tell(serial), Shown::Ahead(5));
        }
        assert_eq!((tell(2_501), tell(1)), (Shown::Full, Shown::Ahead(5)), "but who is known is answered");
        let sizes: Vec<usize> = presences.take(|_| true).iter().map(|(_, tokens)| tokens.len()).collect();
        assert_eq!(sizes, [1_000, 1_000, 500]);
        assert_eq!(tell(2_501), Shown::Ahead(5), "told: there is room again");
    }

    #[test]
    fn what_is_known_is_small_and_bounded() {
        assert!(size_of::<(PlaceHash, KnownPlace)>() <= 24);
        let presences = Presences { part_max: 100, ..Presences::default() };
        let known = || presences.parts.iter().map(|part| part.lock().len()).sum::<usize>();
        for serial in 0..5_000 {
            presences.met(Tick(0), &token(serial), 1, 5);
        }
        assert!(known() > 4_000, "there was room: {}", known());
        for serial in 5_000..50_000 {
            match serial % 3 {
                0 => drop(presences.met(Tick(1_000), &token(serial), 1, 5)),
                1 => presences.set_elsewhere(Tick(1_000), &token(serial)),
                _ => drop(presences.shown(Tick(1_000), &room(), &token(serial), spot(1, 5, Answered))),
            }
        }
        assert!(known() <= 100 * PARTS, "{}", known());
    }
}
