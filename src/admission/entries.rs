//! Joins of a room gathered into few calls of its lane. Knows no HTTP and no tokens.
//!
//! While a call is under way the next joins gather, and go together when it is answered: nobody waits for a
//! timer, a calm room pays nothing for it, and a rush costs a call for hundreds. Each thread gathers for
//! itself, as an answer that wakes another thread costs as much as the join. So several calls may be under way,
//! which is as well, for a store that syncs keeps each waiting: of two who ask at the same time either may come
//! first, but whoever was answered before another asked stands before them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::ids::EventId;
use crate::lane::room::ENTER_MAX;
use crate::lane::{self, Enter, EnterOutcome, Entrant, Fault, Lane};

/// Most joins of a room that may wait for a thread's call.
const GATHERED_MAX: usize = 20_000;

/// The joins of all rooms.
#[derive(Debug)]
pub struct Entries {
    clock: Clock,
    waiting_max: i64,
    rooms: DashMap<(EventId, ThreadId), Arc<Mutex<Gathered>>>,
}

#[derive(Debug, Default)]
struct Gathered {
    joins: VecDeque<Join>,
    /// A task takes them to the lane.
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
        Self { clock, waiting_max, rooms: DashMap::new() }
    }

    /// Takes a place for a visitor; `round` is the one of the draw, if they bring one.
    pub async fn enter(
        &self,
        lane: &Arc<dyn Lane>,
        event: &EventId,
        round: i64,
        entrant: Entrant,
    ) -> Result<lane::Result<EnterOutcome>, Behind> {
        let room = self.room(event);
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
            let call = Call { lane: lane.clone(), event: event.clone(), clock: self.clock.clone(), room, ended: false };
            tokio::spawn(call.all(self.waiting_max));
        }
        let lost = || Fault::Unavailable { lane: lane.id(), source: "the call ended without an answer".into() };
        Ok(answered.await.unwrap_or_else(|_| Err(lost())))
    }

    /// Forgets rooms that are no more.
    pub fn keep(&self, still_there: impl Fn(&EventId) -> bool) {
        self.rooms.retain(|(event, _), _| still_there(event));
    }

    fn room(&self, event: &EventId) -> Arc<Mutex<Gathered>> {
        let key = (event.clone(), thread::current().id());
        if let Some(room) = self.rooms.get(&key) {
            return room.clone();
        }
        self.rooms.entry(key).or_default().clone()
    }
}

/// Takes a room's joins to its lane until there are none.
struct Call {
    lane: Arc<dyn Lane>,
    event: EventId,
    clock: Clock,
    room: Arc<Mutex<Gathered>>,
    ended: bool,
}

impl Call {
    async fn all(mut self, waiting_max: i64) {
        while let Some((round, joins)) = self.next() {
            let (visitors, answers): (Vec<_>, Vec<_>) =
                joins.into_iter().map(|join| (join.entrant, join.answer)).unzip();
            let enter = Enter { event: self.event.clone(), round, visitors, waiting_max };
            let outcomes = match self.lane.enter(self.clock.now_ms(), enter).await {
                Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
                Err(fault) => answers.iter().map(|_| Err(same(&fault))).collect::<Vec<_>>(),
            };
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // Who went away meanwhile has a place all the same; nobody comes for it.
                drop(answer.send(outcome));
            }
        }
    }

    /// The next joins of one round, as many as a call takes; `None`: there are none.
    fn next(&mut self) -> Option<(i64, Vec<Join>)> {
        let mut gathered = self.room.lock();
        let Some(first) = gathered.joins.front() else {
            // Under the lock: who joins from now on starts another one.
            gathered.is_calling = false;
            self.ended = true;
            return None;
        };
        let round = first.round;
        let many = gathered.joins.iter().take(ENTER_MAX).take_while(|join| join.round == round).count();
        Some((round, gathered.joins.drain(..many).collect()))
    }
}

impl Drop for Call {
    /// When it is cut short nobody may be left to take those who wait: they are told that nobody knows.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut gathered = self.room.lock();
        gathered.is_calling = false;
        gathered.joins.clear();
    }
}

/// A call's fault, for each who waited for it.
fn same(fault: &Fault) -> Fault {
    match fault {
        Fault::Recovering(lane) => Fault::Recovering(*lane),
        Fault::Unavailable { lane, source } => Fault::Unavailable { lane: *lane, source: source.to_string().into() },
        Fault::Contract { lane, detail } => Fault::Contract { lane: *lane, detail: detail.clone() },
    }
}
