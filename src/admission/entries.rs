//! Joins: visitors who take a place in line, gathered into few calls to the room's lane.
//!
//! While a call is under way, the next joins gather. They go together when it is answered. So nobody waits for a timer,
//! a calm room pays nothing, and a rush costs one call for hundreds of joins. Each thread gathers its own joins,
//! because an answer that wakes another thread costs as much as the join. Threads take turns at the lane: of two
//! visitors who ask at the same time either may come first, but a visitor who was answered before another one asked
//! stands before that one.

use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::facts::fault::Fault;
use crate::facts::ids::EventId;
use crate::lane;
use crate::lane::Lane;
use crate::lane::rooms::{ENTER_MAX, Enter, EnterOutcome, Entrant};

/// Most joins of a room that may wait for a thread's call.
const GATHERED_MAX: usize = 20_000;

/// The joins of all rooms.
#[derive(Debug)]
pub struct Entries {
    clock: Clock,
    waiting_max: i64,
    rooms: DashMap<(EventId, ThreadId), GatheringRoom>,
    turns: DashMap<EventId, LaneTurn>,
}

/// The joins of one room that gather on one thread.
type GatheringRoom = Arc<Mutex<Gathered>>;
/// Held during a call to a room's lane.
type LaneTurn = Arc<tokio::sync::Mutex<()>>;

#[derive(Debug, Default)]
struct Gathered {
    joins: VecDeque<Join>,
    /// Whether a task takes them to the lane.
    is_calling: bool,
}

#[derive(Debug)]
struct Join {
    entrant: Entrant,
    round: i64,
    answer: oneshot::Sender<lane::Result<EnterOutcome>>,
}

/// The lane is so far behind that no more joins can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind;

impl Entries {
    pub fn new(clock: Clock, waiting_max: i64) -> Self {
        Self { clock, waiting_max, rooms: DashMap::new(), turns: DashMap::new() }
    }

    /// Takes a place for a visitor; `round` is the round of their draw, if they bring one.
    pub async fn enter(
        &self,
        lane: &Arc<dyn Lane>,
        event: &EventId,
        round: i64,
        entrant: Entrant,
    ) -> Result<lane::Result<EnterOutcome>, Behind> {
        let room = found(&self.rooms, (event.clone(), thread::current().id()));
        let (answer, answered) = oneshot::channel();
        let begins = {
            let mut gathered = room.lock();
            if gathered.joins.len() >= GATHERED_MAX {
                return Err(Behind);
            }
            gathered.joins.push_back(Join { entrant, round, answer });
            !std::mem::replace(&mut gathered.is_calling, true)
        };
        if begins {
            let (turn, clock) = (found(&self.turns, event.clone()), self.clock.clone());
            let call = JoinCall { lane: lane.clone(), event: event.clone(), clock, room, turn, ended: false };
            tokio::spawn(call.all(self.waiting_max));
        }
        let lost = || Fault::Unavailable { lane: lane.id(), source: "the call ended without an answer".into() };
        Ok(answered.await.unwrap_or_else(|_| Err(lost())))
    }

    /// Forgets rooms that are gone.
    pub fn keep(&self, still_there: impl Fn(&EventId) -> bool) {
        self.rooms.retain(|(event, _), _| still_there(event));
        self.turns.retain(|event, _| still_there(event));
    }
}

/// The value of a key, made when it is first asked for.
fn found<K: Eq + Hash, V: Clone + Default>(map: &DashMap<K, V>, key: K) -> V {
    let known = map.get(&key).map(|value| value.clone());
    known.unwrap_or_else(|| map.entry(key).or_default().clone())
}

/// Takes a room's joins to its lane until there are none.
struct JoinCall {
    lane: Arc<dyn Lane>,
    event: EventId,
    clock: Clock,
    room: GatheringRoom,
    turn: LaneTurn,
    ended: bool,
}

impl JoinCall {
    async fn all(mut self, waiting_max: i64) {
        loop {
            // Joins that come while others have their turn go with this call.
            let turn = self.turn.clone().lock_owned().await;
            let Some((round, joins)) = self.next() else { return };
            let (visitors, answers): (Vec<_>, Vec<_>) =
                joins.into_iter().map(|join| (join.entrant, join.answer)).unzip();
            let enter = Enter { event: self.event.clone(), round, visitors, waiting_max };
            let outcomes = match self.lane.enter(self.clock.now_ms(), enter).await {
                Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
                Err(fault) => answers.iter().map(|_| Err(fault.copy())).collect::<Vec<_>>(),
            };
            drop(turn);
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // A visitor who went away meanwhile has a place all the same, and hears nothing of it.
                drop(answer.send(outcome));
            }
        }
    }

    /// The next joins of one round, as many as a call takes; `None`: there are none.
    fn next(&mut self) -> Option<(i64, Vec<Join>)> {
        let mut gathered = self.room.lock();
        let Some(first) = gathered.joins.front() else {
            // This happens under the lock, so that the next join begins another call.
            gathered.is_calling = false;
            self.ended = true;
            return None;
        };
        let round = first.round;
        let many = gathered.joins.iter().take(ENTER_MAX).take_while(|join| join.round == round).count();
        Some((round, gathered.joins.drain(..many).collect()))
    }
}

impl Drop for JoinCall {
    /// When the task is cut short, nobody takes the waiting joins any more. They are dropped, so that each visitor
    /// hears that there was no answer.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut gathered = self.room.lock();
        gathered.is_calling = false;
        gathered.joins.clear();
    }
}
