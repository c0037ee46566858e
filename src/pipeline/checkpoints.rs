//! Saves a lane's rooms in the ledger: a checkpoint of each about once a second, and the list of a draw's visitors once
//! the draw is over.

use std::collections::HashMap;

use metrics::gauge;

use super::Error;
use super::parts::PipelineShared;
use crate::facts::checkpoint::{DRAWS_MAX, DrawsTaken, Look};
use crate::facts::draw::list_digest;
use crate::facts::ids::{EventId, LogId, VisitorId};
use crate::facts::room::AdmissionOrder;
use crate::lane::Lane;
use crate::lane::log::Meta;
use crate::lane::recovery::DRAWN_MAX;
use crate::ledger::catalog::Put;
use crate::ledger::checkpoints::{Save, Saved};
use crate::ledger::draws::{SaveDraw, parts};
use crate::metrics::ADMISSION_SPENT;

/// An event whose room is saved, and the order of its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSource {
    pub event: EventId,
    pub order: AdmissionOrder,
}

/// The rooms of one lane, as the session that has its lease saves them.
#[derive(Default)]
pub(super) struct SavedRooms {
    /// The checkpoints that this session knows to be stored.
    saved: HashMap<EventId, Saved>,
    /// Rounds whose draw is stored.
    drawn: HashMap<EventId, i64>,
    /// The lane's generation and last log id when all of its rooms were last saved.
    upto: Option<(u64, LogId)>,
}

impl SavedRooms {
    /// Saves what has changed since the last call. If nothing has, the call costs one look at the lane's marks: its
    /// generation and its last log id.
    pub async fn save(&mut self, shared: &PipelineShared, lane: &dyn Lane) -> Result<(), Error> {
        // Read the marks first: a checkpoint taken later has at least what they stand for.
        let meta = lane.meta().await?;
        let marks = (meta.generation, meta.log_last);
        if self.upto == Some(marks) {
            return Ok(());
        }
        // A room that cannot be saved does not keep the others from being saved.
        let mut saved = Ok(());
        for room in shared.sources.rooms(lane.id()) {
            saved = saved.and(self.save_one(shared, lane, &room, &meta).await);
        }
        saved?;
        self.upto = Some(marks);
        Ok(())
    }

    async fn save_one(
        &mut self,
        shared: &PipelineShared,
        lane: &dyn Lane,
        room: &RoomSource,
        meta: &Meta,
    ) -> Result<(), Error> {
        let event = &room.event;
        // All of it is saved, but only `DRAWS_MAX` changes of draws at a time, so that a look at the lane and its
        // transaction are bounded.
        let (round, is_drawing) = loop {
            let Some(look) = self.save_some(shared, lane, event, meta).await? else { return Ok(()) };
            if !look.draws.more {
                break (look.room.round, look.room.drawing);
            }
        };
        if room.order == AdmissionOrder::Lottery && !is_drawing {
            self.open_draw(shared, lane, event, round).await?;
        }
        Ok(())
    }

    /// One look at a room, saved if there is news. `None`: there is no such room.
    async fn save_some(
        &mut self,
        shared: &PipelineShared,
        lane: &dyn Lane,
        event: &EventId,
        meta: &Meta,
    ) -> Result<Option<Look>, Error> {
        // First read what is stored, then look at the room. If another writer saves in between, its look was later than
        // what is read here, and our save is refused. In the other order, our older look could overwrite a newer one.
        let before = match self.saved.remove(event) {
            Some(saved) => Some(saved),
            None => shared.ledger.room_checkpoint(event).await?,
        };
        let (round, changes) = before.as_ref().map_or((0, 0), |saved| (saved.checkpoint.round, saved.draws_upto));
        let Some(after) = lane.checkpoint(event, DrawsTaken { round, changes, max: DRAWS_MAX }).await? else {
            return Ok(None);
        };
        let spent = after.room.spent_count() + after.draws.spent;
        gauge!(ADMISSION_SPENT, "event" => event.as_str().to_owned()).set(spent as f64);
        if is_news(before.as_ref(), &after) {
            let save = Save {
                lane: lane.id(),
                generation: meta.generation,
                log_last: meta.log_last,
                event,
                before: before.as_ref(),
                after: &after,
                now_ms: shared.clock.now_ms(),
            };
            match shared.ledger.save_room(save).await? {
                Put::Done => drop(self.saved.insert(event.clone(), save.saved())),
                // Another writer has saved the room, or the answer to a save of ours was lost. The next call reads what
                // is stored.
                Put::Conflict => return Err(Error::Leased(lane.id())),
            }
        } else if let Some(before) = before {
            self.saved.insert(event.clone(), before);
        }
        Ok(Some(after))
    }

    /// Once a draw is over, stores the list of its visitors for everybody to see. Only after that may the seed be
    /// published.
    async fn open_draw(
        &mut self,
        shared: &PipelineShared,
        lane: &dyn Lane,
        event: &EventId,
        round: i64,
    ) -> Result<(), Error> {
        if self.drawn.get(event) == Some(&round) {
            return Ok(());
        }
        if shared.ledger.draw(event, round).await?.is_none() {
            let Some(visitors) = drawn(lane, event).await? else { return Ok(()) };
            let draw = SaveDraw {
                event: event.clone(),
                round,
                list_digest: list_digest(&visitors),
                visitors: i64::try_from(visitors.len()).expect("as many visitors fit no memory"),
                parts: parts(&visitors),
                now_ms: shared.clock.now_ms(),
            };
            match shared.ledger.save_draw(draw).await? {
                Put::Done => {
                    tracing::info!(lane = %lane.id(), %event, round, visitors = visitors.len(), "the draw is open");
                }
                Put::Conflict => {}
            }
        }
        self.drawn.insert(event.clone(), round);
        Ok(())
    }
}

/// Whether there is something to store. There is nothing while nobody has entered the room yet.
fn is_news(before: Option<&Saved>, after: &Look) -> bool {
    match before {
        Some(before) => before.checkpoint != after.room || before.draws_upto != after.draws.upto,
        None => after.room.serial > 0 || after.room.round > 1 || after.draws.upto > 0,
    }
}

/// Everyone who takes part in the draw, sorted by id. Nobody joins them once the draw is over. `None`: no such event.
async fn drawn(lane: &dyn Lane, event: &EventId) -> Result<Option<Vec<VisitorId>>, Error> {
    let mut all: Vec<VisitorId> = Vec::new();
    loop {
        let Some(page) = lane.drawn(event, all.last(), DRAWN_MAX).await? else { return Ok(None) };
        let is_last = page.len() < DRAWN_MAX;
        all.extend(page);
        if is_last {
            return Ok(Some(all));
        }
    }
}
