//! What this gateway knows of the draws that were stored. One that is never changes, so it is asked for
//! once; that there is none, or no telling, is believed for a second. Knows no HTTP.
//!
//! Whoever first finds that too old asks while the others wait for the answer.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::catalog::Event;
use crate::clock::{self, Instant, Millis};
use crate::draw::{DrawKey, Seed};
use crate::ids::{EventId, VisitorId};
use crate::lane::RoomCounts;
use crate::lane::room::Order;
use crate::ledger::draws::Draw;
use crate::ledger::{self, Ledger};

/// The seed is told so long after the list of who takes part, ms: whoever looks can see the list stand
/// before anybody could know what it draws.
pub const SEED_AFTER_MS: Millis = 1_000;

/// How long the ledger is believed that there is no draw yet, and left alone when it did not answer.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

/// Most lists being sent at once: each has a part of its list in memory, a quarter of a megabyte.
const LISTS_MAX: usize = 256;

/// The draws of all rooms, the last round's of each.
#[derive(Debug)]
pub struct Draws {
    slots: DashMap<EventId, Arc<Slot>>,
    lists: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Slot {
    last: Mutex<Option<Looked>>,
    asking: tokio::sync::Mutex<()>,
    ranking: Mutex<Ranking>,
}

/// What everybody has drawn in the room's last round.
#[derive(Debug, Default)]
enum Ranking {
    #[default]
    Nothing,
    /// Of this round, by a task of its own.
    Asked(i64),
    Known(Arc<Ranks>),
}

/// What was drawn in a round, lowest first: eight bytes for everyone who took part.
#[derive(Debug)]
pub struct Ranks {
    round: i64,
    scores: Vec<i64>,
}

#[derive(Debug)]
struct Looked {
    at: Instant,
    round: i64,
    found: Found,
}

/// `None`: there is no draw yet.
type Found = Result<Option<Arc<Draw>>, Unknown>;

/// The ledger does not tell just now.
#[derive(Debug, Clone, thiserror::Error)]
#[error("whether there is a draw is not known")]
pub struct Unknown(#[source] Arc<ledger::Error>);

/// A round's draw, as far as it has come.
#[derive(Debug)]
pub struct Drawing {
    pub round: i64,
    seed: Seed,
    /// Who takes part; `None` before the opening.
    pub draw: Option<Arc<Draw>>,
}

impl Drawing {
    pub fn commitment(&self) -> String {
        self.seed.commitment()
    }

    /// The seed, once it may be told.
    pub fn told_seed(&self, now_ms: Millis) -> Option<String> {
        let draw = self.draw.as_ref()?;
        (now_ms >= draw.at_ms + SEED_AFTER_MS).then(|| self.seed.to_hex())
    }
}

impl Ranks {
    /// The rank of who drew this score, from 1; `None`: nobody did.
    pub fn of(&self, score: i64) -> Option<i64> {
        self.scores.binary_search(&score).ok()?;
        i64::try_from(self.scores.partition_point(|other| *other < score)).ok().map(|before| before + 1)
    }

    /// How many took part.
    pub fn count(&self) -> i64 {
        i64::try_from(self.scores.len()).unwrap_or(i64::MAX)
    }
}

impl Default for Draws {
    fn default() -> Self {
        Self { slots: DashMap::new(), lists: Arc::new(Semaphore::new(LISTS_MAX)) }
    }
}

impl Draws {
    /// The draw of the round a room is in; `None`: the room has none.
    pub async fn of(&self, ledger: &Ledger, event: &Event, counts: &RoomCounts) -> Result<Option<Drawing>, Unknown> {
        let Some(committed) = committed(event, counts) else { return Ok(None) };
        let draw = if counts.drawing { None } else { self.stored(ledger, &event.id, counts.round).await? };
        Ok(Some(Drawing { draw, ..committed }))
    }

    /// What everybody drew, once the seed may be told. `None`: not known yet; it is found out meanwhile.
    pub fn ranks(&self, ledger: &Ledger, event: &EventId, drawing: &Drawing, now_ms: Millis) -> Option<Arc<Ranks>> {
        drawing.told_seed(now_ms)?;
        let (draw, round) = (drawing.draw.clone()?, drawing.round);
        let slot = self.slot(event);
        let mut ranking = slot.ranking.lock();
        match &*ranking {
            Ranking::Known(ranks) if ranks.round == round => return Some(ranks.clone()),
            Ranking::Asked(asked) if *asked == round => return None,
            Ranking::Nothing | Ranking::Asked(_) | Ranking::Known(_) => *ranking = Ranking::Asked(round),
        }
        drop(ranking);
        let (ledger, event, seed) = (ledger.clone(), event.clone(), drawing.seed.clone());
        // A task of its own: the request that starts it may be cut short.
        tokio::spawn(async move {
            match scores(&ledger, &event, round, &draw, &seed).await {
                Ok(scores) => *slot.ranking.lock() = Ranking::Known(Arc::new(Ranks { round, scores })),
                Err(error) => {
                    tracing::warn!(%event, round, %error, "the ranks of a draw are not known");
                    tokio::time::sleep(BELIEVED_FOR).await;
                    *slot.ranking.lock() = Ranking::Nothing;
                }
            }
        });
        None
    }

    /// The right to send a list; `None`: as many are being sent as may.
    pub fn list(&self) -> Option<OwnedSemaphorePermit> {
        self.lists.clone().try_acquire_owned().ok()
    }

    async fn stored(&self, ledger: &Ledger, event: &EventId, round: i64) -> Found {
        let slot = self.slot(event);
        if let Some(found) = slot.fresh(round) {
            return found;
        }
        let _one = slot.asking.lock().await;
        if let Some(found) = slot.fresh(round) {
            return found;
        }
        let asked = clock::instant();
        let found = ledger.draw(event, round).await.map(|draw| draw.map(Arc::new));
        let found = found.map_err(|error| Unknown(Arc::new(error)));
        // What was told is as old as the question; that nothing was told may have taken longer than it is believed.
        let at = if found.is_ok() { asked } else { clock::instant() };
        *slot.last.lock() = Some(Looked { at, round, found: found.clone() });
        found
    }

    fn slot(&self, event: &EventId) -> Arc<Slot> {
        if let Some(slot) = self.slots.get(event) {
            return slot.clone();
        }
        self.slots.entry(event.clone()).or_default().clone()
    }
}

/// The draw of a room as far as it needs no ledger: its commitment. `None`: the room has none.
pub fn committed(event: &Event, counts: &RoomCounts) -> Option<Drawing> {
    let key = event.draw.bytes().filter(|_| event.spec.room.order == Order::Lottery)?;
    let round = counts.round;
    Some(Drawing { round, seed: DrawKey(key).seed(&event.id, round), draw: None })
}

async fn scores(
    ledger: &Ledger,
    event: &EventId,
    round: i64,
    draw: &Draw,
    seed: &Seed,
) -> Result<Vec<i64>, ledger::Error> {
    let mut scores = Vec::with_capacity(usize::try_from(draw.visitors).unwrap_or(0));
    for part in 0..draw.parts {
        let body = ledger.draw_part(event, round, part).await?.unwrap_or_default();
        scores.extend(body.lines().map(|visitor| seed.score(&VisitorId::from(visitor))));
    }
    scores.sort_unstable();
    Ok(scores)
}

impl Slot {
    fn fresh(&self, round: i64) -> Option<Found> {
        let last = self.last.lock();
        let looked = last.as_ref().filter(|looked| looked.round == round)?;
        let is_final = matches!(looked.found, Ok(Some(_)));
        (is_final || looked.at.elapsed() < BELIEVED_FOR).then(|| looked.found.clone())
    }
}
