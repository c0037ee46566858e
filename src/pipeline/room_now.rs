//! A saved room as it would be by now.

use std::collections::HashSet;

use crate::facts::checkpoint::{CHUNK_SCORES, Checkpoint, DrawChange, DrawChanges, Look, RestoredOrder, SpentChunk};
use crate::facts::ids::VisitorId;
use crate::facts::room::{AdmissionOrder, Mode, NO_HEAD, ReleaseOn, RoomSettings};
use crate::facts::time::Millis;
use crate::ledger::checkpoints::Saved;

/// An order confirmed less than this before a checkpoint may not have reached its lane by then, ms.
const CONCLUDED_WITHIN_MS: Millis = 5_000;

/// The room as it would be by now. A visitor who has bought since it was saved is spent. A room that was closed, and is
/// not to be closed any more, is in a new round. A lane that is restored from this counts the changes of its draws from
/// the first one.
pub(super) fn brought_up_to_date(saved: &Saved, orders: &[RestoredOrder], put: &RoomSettings) -> Look {
    let mut look = Look { room: saved.checkpoint.clone(), draws: DrawChanges::default() };
    if look.room.closed && put.mode != Mode::Closed {
        look.room = next_round(look.room, put.order);
        return look;
    }
    if put.release_on != ReleaseOn::Order {
        return look;
    }
    let visitors = |wanted: &dyn Fn(&RestoredOrder) -> bool| -> HashSet<&VisitorId> {
        orders.iter().filter(|order| wanted(order)).map(|order| &order.hold.visitor).collect()
    };
    let since_ms = saved.at_ms - CONCLUDED_WITHIN_MS;
    let bought = visitors(&|order| order.fact.confirmed_ms.is_some_and(|ms| ms > since_ms));
    let buying = visitors(&|order| !order.fact.status.is_final());
    let is_through = |visitor: &VisitorId| bought.contains(visitor) && !buying.contains(visitor);
    let (through, inside): (Vec<_>, Vec<_>) =
        std::mem::take(&mut look.room.inside).into_iter().partition(|place| is_through(&place.visitor));
    look.room.inside = inside;
    for place in through {
        if place.score < 0 {
            look.draws.changes.push(DrawChange::Spent(place.visitor));
        } else {
            spend(&mut look.room.spent, place.score);
        }
    }
    look
}

/// The next round, as a lane begins it when it is told that its room is no longer closed.
fn next_round(room: Checkpoint, order: AdmissionOrder) -> Checkpoint {
    Checkpoint {
        round: room.round + 1,
        head: NO_HEAD,
        drawing: order == AdmissionOrder::Lottery,
        closed: false,
        inside: Vec::new(),
        spent: Vec::new(),
        ..room
    }
}

fn spend(spent: &mut Vec<SpentChunk>, score: i64) {
    let chunk = score.div_euclid(CHUNK_SCORES);
    let at = match spent.binary_search_by_key(&chunk, |known| known.chunk) {
        Ok(at) => at,
        Err(at) => {
            spent.insert(at, SpentChunk { chunk, bits: [0; 128] });
            at
        }
    };
    spent[at].mark(score);
}
