//! What the ledger keeps of a room: its checkpoint, and who took part in its draw.

use super::state::EventState;
use super::step::LaneStep;
use crate::facts::checkpoint::{CHUNK_SCORES, Checkpoint, DRAWS_MAX, DrawsTaken, Look, SpentChunk};
use crate::facts::ids::{EventId, VisitorId};
use crate::facts::room::Mode;
use crate::lane::Result;
use crate::lane::recovery::DRAWN_MAX;

pub fn drawn(
    step: &LaneStep<'_>,
    id: &EventId,
    after: Option<&VisitorId>,
    max: usize,
) -> Result<Option<Vec<VisitorId>>> {
    if !(1..=DRAWN_MAX).contains(&max) {
        return step.contract("so many of the drawn are out of range");
    }
    Ok(step.event(id).map(|event| event.room.drawn_after(after).take(max).cloned().collect()))
}

pub fn look(step: &LaneStep<'_>, id: &EventId, told: DrawsTaken) -> Result<Option<Look>> {
    if !(1..=DRAWS_MAX).contains(&told.max) || told.round < 0 || told.changes < 0 {
        return step.contract("so many changes of draws are out of range");
    }
    Ok(step.event(id).map(|event| Look { room: checkpoint_of(event), draws: event.room.draws(told) }))
}

fn checkpoint_of(event: &EventState) -> Checkpoint {
    let room = &event.room;
    let mut spent: Vec<SpentChunk> = Vec::new();
    for score in room.spent() {
        let chunk = score.div_euclid(CHUNK_SCORES);
        if spent.last().is_none_or(|last| last.chunk != chunk) {
            spent.push(SpentChunk { chunk, bits: [0; 128] });
        }
        if let Some(last) = spent.last_mut() {
            last.mark(score);
        }
    }
    Checkpoint {
        round: room.round,
        epoch: room.epoch,
        serial: room.serial,
        admitted_total: room.admitted_total,
        head: room.head,
        drawing: room.drawing,
        closed: event.settings.mode == Mode::Closed,
        inside: room.insiders(),
        spent,
    }
}
