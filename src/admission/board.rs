//! The boards that polls are answered from: one read of a lane serves a room's polls for a second.
//!
//! The first caller to find the board too old fetches the next one while the others wait for it. So nothing runs when
//! nobody asks.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use foldhash::fast::RandomState;

use crate::facts::fault::Fault;
use crate::facts::ids::EventId;
use crate::facts::time::{Millis, Tick};
use crate::lane::Lane;
use crate::lane::board::{Board, Showing};

/// How long a board is believed, ms: changes are seen within a second.
pub const KEEP_MS: Millis = 1_000;

/// How many positions at the front are exact.
const EXACT: i64 = 500;

/// What is known of a room's line.
#[derive(Debug, Clone)]
pub enum KnownBoard {
    Board(Arc<Board>),
    /// The lane is being rebuilt.
    Recovering,
    /// The lane does not know the event, or did not answer. The poll asks the lane itself.
    Unknown,
}

/// The boards of all rooms; one is forgotten when `keep` does not name its room.
///
/// Every poll of every visitor looks here, so looking takes no lock and writes to no memory that others read.
#[derive(Debug)]
pub struct Boards {
    keep_ms: Millis,
    slots: ArcSwap<HashMap<EventId, Arc<BoardSlot>, RandomState>>,
}

#[derive(Debug, Default)]
struct BoardSlot {
    last: ArcSwapOption<SeenBoard>,
    asking: tokio::sync::Mutex<()>,
}

/// What came of asking for a board, and when it was asked for.
#[derive(Debug)]
struct SeenBoard {
    asked: Tick,
    view: KnownBoard,
}

impl Boards {
    pub fn new(keep_ms: Millis) -> Self {
        Self { keep_ms, slots: ArcSwap::default() }
    }

    /// What `look` finds in the room's board; `None`: there is none that is young enough.
    pub fn fresh<T>(&self, event: &EventId, tick: Tick, look: impl FnOnce(&KnownBoard) -> T) -> Option<T> {
        self.younger(self.keep_ms, event, tick, look)
    }

    fn younger<T>(
        &self,
        age_ms: Millis,
        event: &EventId,
        tick: Tick,
        look: impl FnOnce(&KnownBoard) -> T,
    ) -> Option<T> {
        let slots = self.slots.load();
        let last = slots.get(event)?.last.load();
        last.as_ref().filter(|seen| tick.since(seen.asked) < age_ms).map(|seen| look(&seen.view))
    }

    /// The room's next board, or one that another caller fetched less than `age_ms` ago. `now` is asked when it is this
    /// caller's turn: for the tick by which ages are counted, and for the lane's time.
    pub async fn fetch(
        &self,
        age_ms: Millis,
        lane: &dyn Lane,
        event: &EventId,
        now: impl Fn() -> (Tick, Millis),
    ) -> KnownBoard {
        let slot = self.slot(event);
        let _one = slot.asking.lock().await;
        let (asked, now_ms) = now();
        if let Some(view) = self.younger(age_ms, event, asked, KnownBoard::clone) {
            return view;
        }
        let view = match lane.board(now_ms, Showing { event: event.clone(), exact: EXACT }).await {
            Ok(Some(board)) => KnownBoard::Board(Arc::new(board)),
            Err(Fault::Recovering(_)) => KnownBoard::Recovering,
            Ok(None) | Err(Fault::Unavailable { .. } | Fault::Contract { .. }) => KnownBoard::Unknown,
        };
        slot.last.store(Some(Arc::new(SeenBoard { asked, view: view.clone() })));
        view
    }

    /// Forgets rooms that are gone.
    pub fn keep(&self, still_there: impl Fn(&EventId) -> bool) {
        if self.slots.load().keys().all(&still_there) {
            return;
        }
        self.slots.rcu(|slots| {
            let kept = slots.iter().filter(|(event, _)| still_there(event));
            kept.map(|(event, slot)| (event.clone(), slot.clone())).collect::<HashMap<_, _, _>>()
        });
    }

    fn slot(&self, event: &EventId) -> Arc<BoardSlot> {
        if let Some(slot) = self.slots.load().get(event) {
            return slot.clone();
        }
        let new = Arc::new(BoardSlot::default());
        let before = self.slots.rcu(|slots| {
            let mut slots = HashMap::clone(slots);
            slots.entry(event.clone()).or_insert_with(|| new.clone());
            slots
        });
        // If another caller was first, others wait at that one's slot.
        before.get(event).cloned().unwrap_or(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::tests::House;
    use crate::facts::room::Mode;

    /// The caller before may take long, for example because its process was stopped meanwhile. Asked for a time long
    /// past, the lane would answer as of then.
    #[tokio::test]
    async fn who_waited_for_another_asks_for_the_present_time() {
        let house = House::new(0, 60_000).await;
        let opens_at_ms = house.clock.now_ms() + 5_000;
        let scheduled = |room: &mut crate::facts::room::RoomSettings| {
            (room.mode, room.opens_at_ms) = (Mode::Scheduled, opens_at_ms);
        };
        house.put(2, scheduled).await;
        let slot = house.admission.boards.slot(&"hall".into());
        let first = slot.asking.lock().await;
        let second = house.admission.fetch(0, &house.room);
        let late = async {
            tokio::task::yield_now().await;
            house.clock.set(opens_at_ms);
            drop(first);
        };
        let (second, ()) = tokio::join!(second, late);
        let KnownBoard::Board(board) = second.expect("a lane") else { panic!("no board") };
        assert_eq!(board.counts.mode, Mode::Open);
    }
}
