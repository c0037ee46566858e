//! `trait Lane` over a mutex and the WAL: locks, runs the operation, waits for the disk.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use metrics::{Histogram, histogram};
use parking_lot::Mutex;

use super::state::LaneState;
use super::step::LaneStep;
use super::wal;
use super::wal::{OpenError, Wal};
use crate::clock;
use crate::facts::fault::Fault;
use crate::facts::ids::LaneId;
use crate::lane::{Keep, Lane, Lanes, Result, operations};
use crate::metrics::LANE_OPERATION_SECONDS;

/// Opens the store in a folder, and creates it when it is new. This process has the folder until all lanes are dropped.
pub fn open(dir: &Path, lanes: u16) -> std::result::Result<Lanes, OpenError> {
    open_keeping(dir, lanes, Keep::default())
}

/// As [`open`]; what has ended is kept for as long as `keep` says.
pub fn open_keeping(dir: &Path, lanes: u16, keep: Keep) -> std::result::Result<Lanes, OpenError> {
    let (states, wal) = wal::open(dir, lanes)?;
    for state in states.iter() {
        state.lock().keep = keep;
    }
    let wal = Arc::new(wal);
    Ok(build(states.iter().cloned(), Some(&wal)))
}

/// The lanes as the folder's WAL has them, for the audit. Nothing is locked or written: changes to these lanes are
/// lost.
pub fn read_only(dir: &Path) -> std::result::Result<Lanes, OpenError> {
    let states = wal::read_only(dir)?;
    Ok(build(states.into_iter().map(|state| Arc::new(Mutex::new(state))), None))
}

/// Lanes without a WAL: the model for tests.
pub fn volatile(lanes: u16) -> Lanes {
    build((0..lanes).map(|_| Arc::default()), None)
}

fn build(states: impl Iterator<Item = Arc<Mutex<LaneState>>>, wal: Option<&Arc<Wal>>) -> Lanes {
    let handle = |name| (name, histogram!(LANE_OPERATION_SECONDS, "operation" => name));
    let seconds: Arc<HashMap<_, _>> = Arc::new(operations().map(handle).collect());
    let lane = |(number, state)| {
        let id = LaneId(u16::try_from(number).expect("at most 256 lanes"));
        Arc::new(Embedded { id, state, wal: wal.cloned(), seconds: seconds.clone() }) as Arc<dyn Lane>
    };
    Lanes::new(states.enumerate().map(lane).collect())
}

pub struct Embedded {
    id: LaneId,
    state: Arc<Mutex<LaneState>>,
    wal: Option<Arc<Wal>>,
    /// How long operations take, the wait for the disk included.
    seconds: Arc<HashMap<&'static str, Histogram>>,
}

/// In which states of a lane an operation answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    Built,
    /// Built; also while the lane is sealed.
    Sealed,
    Restoring,
    Always,
}

impl Embedded {
    /// Runs one step and waits until it is on disk. The measured time includes the wait.
    pub async fn run<T>(
        &self,
        name: &'static str,
        when: When,
        operation: impl FnOnce(&mut LaneStep<'_>) -> Result<T> + Send,
    ) -> Result<T> {
        let started = clock::instant();
        if let Some(wal) = &self.wal {
            wal.admit().await;
        }
        let (answer, last) = self.locked(when, operation);
        if let Some(wal) = &self.wal {
            wal.durable(last).await;
        }
        self.seconds[name].record(started.elapsed());
        answer
    }

    /// The atomic step itself: no await in here.
    fn locked<T>(&self, when: When, operation: impl FnOnce(&mut LaneStep<'_>) -> Result<T>) -> (Result<T>, u64) {
        let mut state = self.state.lock();
        let is_built = state.generation > 0 && !state.restoring;
        let is_open = is_built && !state.sealed;
        let mut step = LaneStep::new(self.id, &mut state);
        let answer = match when {
            When::Built if !is_open => Err(Fault::Recovering(self.id)),
            When::Sealed if !is_built => Err(Fault::Recovering(self.id)),
            When::Restoring if !step.state().restoring => step.contract("nothing is being restored"),
            When::Built | When::Sealed | When::Restoring | When::Always => operation(&mut step),
        };
        let effects = step.effects();
        if let Some(wal) = &self.wal
            && !effects.is_empty()
        {
            state.last_entry = wal.append(self.id, &effects);
        }
        (answer, state.last_entry)
    }
}

impl Lane for Embedded {
    fn id(&self) -> LaneId {
        self.id
    }
}
