//! The line as polls are answered from it: one read of a lane serves a room's polls for a second.
//! Knows no visitors.
//!
//! Whoever first finds the board too old fetches the next one while the others wait for it, so nothing
//! runs when nobody asks.

use std::sync::Arc;

use dashmap::DashMap;
use parking_lot::Mutex;

use crate::clock::Millis;
use crate::ids::EventId;
use crate::lane::{Board, Fault, Lane, Showing};

/// How long a board is believed, ms: changes are seen within a second.
pub const KEEP_MS: Millis = 1_000;

/// Positions of the first so many are exact.
const EXACT: i64 = 500;

/// What is known of a room's line.
#[derive(Debug, Clone)]
pub enum View {
    Board(Arc<Board>),
    /// The lane is being rebuilt.
    Recovering,
    /// No such event there, or no answer: the poll asks for itself.
    Unknown,
}

/// The boards of all rooms; one is forgotten when `keep` does not name its room.
#[derive(Debug)]
pub struct Boards {
    keep_ms: Millis,
    slots: DashMap<EventId, Arc<Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    /// When it was asked for, and what came.
    last: Mutex<Option<(Millis, View)>>,
    asking: tokio::sync::Mutex<()>,
}

impl Boards {
    pub fn new(keep_ms: Millis) -> Self {
        Self { keep_ms, slots: DashMap::new() }
    }

    /// The room's board; `tick` gives the age, `now_ms` is the lane's time.
    pub async fn view(&self, lane: &dyn Lane, event: &EventId, now_ms: Millis, tick: impl Fn() -> Millis) -> View {
        self.view_within(self.keep_ms, lane, event, now_ms, tick).await
    }

    /// As [`Boards::view`], no older than `age_ms`.
    pub async fn view_within(
        &self,
        age_ms: Millis,
        lane: &dyn Lane,
        event: &EventId,
        now_ms: Millis,
        tick: impl Fn() -> Millis,
    ) -> View {
        let slot = self.slot(event);
        if let Some(view) = slot.fresh(tick(), age_ms) {
            return view;
        }
        let _one = slot.asking.lock().await;
        let asked = tick();
        if let Some(view) = slot.fresh(asked, age_ms) {
            return view;
        }
        let view = match lane.board(now_ms, Showing { event: event.clone(), exact: EXACT }).await {
            Ok(Some(board)) => View::Board(Arc::new(board)),
            Err(Fault::Recovering(_)) => View::Recovering,
            Ok(None) | Err(Fault::Unavailable { .. } | Fault::Contract { .. }) => View::Unknown,
        };
        *slot.last.lock() = Some((asked, view.clone()));
        view
    }

    /// Forgets rooms that are no more.
    pub fn keep(&self, still_there: impl Fn(&EventId) -> bool) {
        self.slots.retain(|event, _| still_there(event));
    }

    fn slot(&self, event: &EventId) -> Arc<Slot> {
        if let Some(slot) = self.slots.get(event) {
            return slot.clone();
        }
        self.slots.entry(event.clone()).or_default().clone()
    }
}

impl Slot {
    fn fresh(&self, tick: Millis, keep_ms: Millis) -> Option<View> {
        let last = self.last.lock();
        last.as_ref().filter(|(asked, _)| tick - asked < keep_ms).map(|(_, view)| view.clone())
    }
}
