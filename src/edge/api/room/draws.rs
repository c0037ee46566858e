//! A cache of the draws stored in the ledger. A stored draw never changes, so it is read once. The answer that there is
//! no draw yet, and a failure of the ledger, count for a second.
//!
//! The first request that finds the answer too old asks the ledger; the others wait for its answer.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::catalog::Event;
use crate::clock::Instant;
use crate::facts::draw::{DrawKey, Seed};
use crate::facts::ids::{EventId, VisitorId};
use crate::facts::room::{AdmissionOrder, RoomCounts};
use crate::facts::time::Millis;
use crate::ledger::Reader;
use crate::ledger::draws::StoredDraw;
use crate::{clock, ledger};

/// The seed is published this long after the list of those who take part, ms. So anyone can see that the list was fixed
/// before its ranks could be known.
pub const SEED_AFTER_MS: Millis = 1_000;

/// How long the ledger's answer that there is no draw yet counts, and how long after a failure the ledger is not asked
/// again.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

/// Most lists sent at once: each keeps a part of its list in memory, a quarter of a megabyte.
const LISTS_MAX: usize = 256;

/// What is known of the draw of the last round of each room.
#[derive(Debug)]
pub struct DrawCache {
    slots: DashMap<EventId, Arc<DrawSlot>>,
    lists: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct DrawSlot {
    last: Mutex<Option<Looked>>,
    asking: tokio::sync::Mutex<()>,
    ranking: Mutex<Ranking>,
}

/// What is known of the scores drawn in the room's last round.
#[derive(Debug, Default)]
enum Ranking {
    #[default]
    Nothing,
    /// A task is reading the scores of this round.
    Asked(i64),
    Known(Arc<DrawnScores>),
}

/// The scores drawn in a round, lowest first: eight bytes for each visitor who took part.
#[derive(Debug)]
pub struct DrawnScores {
    round: i64,
    scores: Vec<i64>,
}

#[derive(Debug)]
struct Looked {
    at: Instant,
    round: i64,
    found: DrawLookup,
}

/// `None`: there is no draw yet.
type DrawLookup = Result<Option<Arc<StoredDraw>>, Unknown>;

/// The ledger did not answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("whether there is a draw is not known")]
pub struct Unknown(#[source] Arc<ledger::Error>);

/// A round's draw, at any stage.
#[derive(Debug)]
pub struct Drawing {
    pub round: i64,
    seed: Seed,
    /// The stored draw; `None` while there is none, or where the ledger was not asked.
    pub draw: Option<Arc<StoredDraw>>,
}

impl Drawing {
    pub fn commitment(&self) -> String {
        self.seed.commitment()
    }

    /// The seed, once it may be published.
    pub fn told_seed(&self, now_ms: Millis) -> Option<String> {
        let draw = self.draw.as_ref()?;
        (now_ms >= draw.at_ms + SEED_AFTER_MS).then(|| self.seed.to_hex())
    }
}

impl DrawnScores {
    /// The rank of this score, from 1; `None`: nobody drew it.
    pub fn of(&self, score: i64) -> Option<i64> {
        self.scores.binary_search(&score).ok()?;
        i64::try_from(self.scores.partition_point(|other| *other < score)).ok().map(|before| before + 1)
    }

    /// How many took part.
    pub fn count(&self) -> i64 {
        i64::try_from(self.scores.len()).unwrap_or(i64::MAX)
    }
}

impl Default for DrawCache {
    fn default() -> Self {
        Self { slots: DashMap::new(), lists: Arc::new(Semaphore::new(LISTS_MAX)) }
    }
}

impl DrawCache {
    /// Forgets what is known of events that are not there any more.
    pub fn keep(&self, is_there: impl Fn(&EventId) -> bool) {
        self.slots.retain(|event, _| is_there(event));
    }

    /// The draw of the round a room is in; `None`: the room has none.
    pub async fn of(&self, ledger: &Reader, event: &Event, counts: &RoomCounts) -> Result<Option<Drawing>, Unknown> {
        let Some(committed) = committed(event, counts) else { return Ok(None) };
        let draw = if counts.drawing { None } else { self.stored(ledger, &event.id, counts.round).await? };
        Ok(Some(Drawing { draw, ..committed }))
    }

    /// The ranks of a draw; `None`: not known yet. Once the seed may be published, the first call starts a task that
    /// computes them.
    pub fn ranks(
        &self,
        ledger: &Reader,
        event: &EventId,
        drawing: &Drawing,
        now_ms: Millis,
    ) -> Option<Arc<DrawnScores>> {
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
        // A separate task, because the request that starts it may be cancelled.
        tokio::spawn(async move {
            match scores(&ledger, &event, round, &draw, &seed).await {
                Ok(Some(scores)) => {
                    *slot.ranking.lock() = Ranking::Known(Arc::new(DrawnScores { round, scores }));
                    return;
                }
                Ok(None) => tracing::error!(%event, round, "the stored list of a draw is not whole"),
                Err(error) => tracing::warn!(%event, round, %error, "the ranks of a draw are not known"),
            }
            tokio::time::sleep(BELIEVED_FOR).await;
            *slot.ranking.lock() = Ranking::Nothing;
        });
        None
    }

    /// A permit to send a list; `None`: `LISTS_MAX` lists are being sent.
    pub fn list(&self) -> Option<OwnedSemaphorePermit> {
        self.lists.clone().try_acquire_owned().ok()
    }

    async fn stored(&self, ledger: &Reader, event: &EventId, round: i64) -> DrawLookup {
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
        // An answer is as old as the question. A failure counts from now on, because the failed question may have taken
        // longer than `BELIEVED_FOR`.
        let at = if found.is_ok() { asked } else { clock::instant() };
        *slot.last.lock() = Some(Looked { at, round, found: found.clone() });
        found
    }

    fn slot(&self, event: &EventId) -> Arc<DrawSlot> {
        if let Some(slot) = self.slots.get(event) {
            return slot.clone();
        }
        self.slots.entry(event.clone()).or_default().clone()
    }
}

/// A room's draw as far as it is known without the ledger: its commitment. `None`: the room has no draw.
pub fn committed(event: &Event, counts: &RoomCounts) -> Option<Drawing> {
    let key = event.draw.bytes().filter(|_| event.spec.room.order == AdmissionOrder::Lottery)?;
    let round = counts.round;
    Some(Drawing { round, seed: DrawKey(key).seed(&event.id, round), draw: None })
}

/// The scores of all who took part, lowest first. `None`: the stored list is not whole, and ranks by it would be false.
async fn scores(
    ledger: &Reader,
    event: &EventId,
    round: i64,
    draw: &StoredDraw,
    seed: &Seed,
) -> Result<Option<Vec<i64>>, ledger::Error> {
    let mut scores = Vec::with_capacity(usize::try_from(draw.visitors).unwrap_or(0));
    for part in 0..draw.parts {
        let body = ledger.draw_part(event, round, part).await?.unwrap_or_default();
        scores.extend(body.lines().map(|visitor| seed.score(&VisitorId::from(visitor))));
    }
    scores.sort_unstable();
    let is_whole = i64::try_from(scores.len()) == Ok(draw.visitors);
    Ok(is_whole.then_some(scores))
}

impl DrawSlot {
    fn fresh(&self, round: i64) -> Option<DrawLookup> {
        let last = self.last.lock();
        let looked = last.as_ref().filter(|looked| looked.round == round)?;
        let is_final = matches!(looked.found, Ok(Some(_)));
        (is_final || looked.at.elapsed() < BELIEVED_FOR).then(|| looked.found.clone())
    }
}

#[cfg(test)]
mod tests;
