//! Watched rooms: one look a second at a room's board wakes everybody who watches it.
//!
//! Every watcher is woken once a second, whatever the look brought, so none of them needs a timer. A place is found on
//! the board in memory. The lane is asked only about places that the board does not show.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::board::KnownBoard;
use super::doors::Admission;
use super::standing::OnBoard;
use crate::facts::ids::EventId;
use crate::facts::place::{PlaceState, Token};
use crate::facts::room::Mode;
use crate::facts::room::Room;
use crate::lane::board::Board;

/// How often a watched room is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Oldest board of another caller that a look takes, ms: a turn is seen within about a second.
const AGE_MAX_MS: i64 = 400;

/// The rooms watched, each with the channel that its looking task sends to.
#[derive(Debug, Default)]
pub struct Watches(DashMap<EventId, watch::Sender<KnownBoard>>);

impl Watches {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Woken with every look at a room.
#[derive(Debug)]
pub struct Watching(watch::Receiver<KnownBoard>);

impl Watching {
    /// The next look; `None`: nobody looks any more.
    pub async fn next(&mut self) -> Option<KnownBoard> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().clone())
    }
}

/// What a look says of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceLook {
    Waiting(Sight),
    /// The lane is being rebuilt.
    Recovering,
    /// It may be this visitor's turn, or their place may be over: only the lane knows.
    Ask,
    /// The look brought no answer.
    Nothing,
}

/// What a look shows of a place in line, without what changes by itself, such as the expected wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// `None` before the opening.
    ahead: Option<i64>,
    mode: Mode,
    sold_out: bool,
    waiting: i64,
    free: i64,
}

impl Sight {
    fn new(board: &Board, ahead: Option<i64>) -> Self {
        let counts = &board.counts;
        let (mode, sold_out) = (counts.mode, counts.sold_out());
        Self { ahead, mode, sold_out, waiting: counts.waiting, free: counts.free }
    }

    /// Whether this is more than a step forward. Such news is told at once, also far back in line.
    pub fn is_news_after(&self, before: &Self) -> bool {
        let standing = |sight: &Self| (sight.ahead.is_some(), sight.mode, sight.sold_out);
        standing(self) != standing(before)
    }
}

impl Admission {
    /// Watches a room until the returned [`Watching`] is dropped.
    pub fn watch(self: &Arc<Self>, room: &Room) -> Watching {
        let watched = self.watches.0.entry(room.event.clone()).or_insert_with(|| {
            tokio::spawn(look(self.clone(), room.clone()));
            watch::Sender::new(KnownBoard::Unknown)
        });
        Watching(watched.subscribe())
    }

    /// What a look says of a place; its visitor counts as seen.
    pub fn sight(&self, room: &Room, token: &Token, view: &KnownBoard) -> PlaceLook {
        let board = match view {
            KnownBoard::Board(board) => board,
            KnownBoard::Recovering => return PlaceLook::Recovering,
            KnownBoard::Unknown => return PlaceLook::Nothing,
        };
        match self.on_board(room, token, board) {
            OnBoard::There(PlaceState::Waiting { .. }) if board.counts.mode == Mode::Recovering => {
                PlaceLook::Recovering
            }
            OnBoard::There(PlaceState::Waiting { ahead }) => PlaceLook::Waiting(Sight::new(board, Some(ahead))),
            OnBoard::There(PlaceState::Scheduled) => PlaceLook::Waiting(Sight::new(board, None)),
            OnBoard::There(PlaceState::Admitted { .. } | PlaceState::Done | PlaceState::Closed) => PlaceLook::Ask,
            OnBoard::Ask => PlaceLook::Ask,
            OnBoard::Full => PlaceLook::Nothing,
        }
    }
}

/// Removes a room whose task panics, so that nobody goes on watching a room that nobody looks at.
struct Looking(Arc<Admission>, EventId);

impl Drop for Looking {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.watches.0.remove(&self.1);
        }
    }
}

/// Looks until nobody watches.
async fn look(admission: Arc<Admission>, room: Room) {
    let _looking = Looking(admission.clone(), room.event.clone());
    let mut turns = tokio::time::interval(EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let alone = |_: &EventId, watched: &mut watch::Sender<KnownBoard>| watched.receiver_count() == 0;
        // This locks the entry: a new watcher either is seen here, or finds no entry and starts a new task.
        if admission.watches.0.remove_if_mut(&room.event, alone).is_some() {
            return;
        }
        let view = admission.fetch(AGE_MAX_MS, &room).await.unwrap_or(KnownBoard::Unknown);
        if let Some(watched) = admission.watches.0.get(&room.event) {
            watched.send_replace(view);
        }
    }
}
