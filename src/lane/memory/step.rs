//! One operation at work on a lane: it reads state and emits effects, which are applied as they are emitted.
//!
//! An operation makes its checks before its first effect, so a refusal leaves nothing behind (except what `hold` has
//! swept). What it decides after an effect, it decides on the state with that effect in it.

use super::effect::{Effect, EventEffect};
use super::state::{EventState, LaneState};
use crate::facts::fault::Fault;
use crate::facts::ids::{EventId, LaneId};
use crate::lane::Result;

pub struct LaneStep<'a> {
    pub lane: LaneId,
    state: &'a mut LaneState,
    effects: Vec<Effect>,
}

impl<'a> LaneStep<'a> {
    pub fn new(lane: LaneId, state: &'a mut LaneState) -> Self {
        Self { lane, state, effects: Vec::new() }
    }

    pub fn state(&self) -> &LaneState {
        self.state
    }

    pub fn event(&self, id: &EventId) -> Option<&EventState> {
        self.state.events.get(id)
    }

    /// An event that the operation has found earlier in this step and has not removed since.
    pub fn expect_event(&self, id: &EventId) -> &EventState {
        self.event(id).expect("found earlier in this step")
    }

    pub fn emit(&mut self, effect: Effect) {
        effect.apply(self.state);
        self.effects.push(effect);
    }

    pub fn emit_on(&mut self, event: &EventId, effect: EventEffect) {
        self.emit(Effect::Event(event.clone(), effect));
    }

    /// Gives the log its next id without a record, so that a lane set back to before this step is behind.
    pub fn mark(&mut self) {
        self.emit(Effect::Stepped(self.state.log.last + 1));
    }

    /// A change the WAL does not keep: presence, a room's beat, and a lease that is renewed or given back.
    pub fn in_memory(&mut self, change: impl FnOnce(&mut LaneState)) {
        change(self.state);
    }

    pub fn effects(mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The caller broke the contract; nothing was changed.
    pub fn contract<T>(&self, detail: &str) -> Result<T> {
        Err(Fault::Contract { lane: self.lane, detail: detail.to_owned() })
    }
}

impl Drop for LaneStep<'_> {
    /// A panic half-way leaves memory ahead of the WAL, and no answer may be given from it any more.
    fn drop(&mut self) {
        if std::thread::panicking() && !self.effects.is_empty() {
            std::process::abort();
        }
    }
}
