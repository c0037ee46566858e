//! A process as its surroundings see it: whether it runs, its clock, and its role.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use stanchion::app::Role;
use stanchion::clock::{self, Clock, Instant};
use tokio::sync::watch;

use super::weather::Weather;

pub struct Process {
    pub weather: Arc<Weather>,
    pub role: Role,
    /// The process's own clock, which may be stepped.
    pub clock: Clock,
    dead: watch::Sender<bool>,
    /// How many steps it still takes; `None`: without a limit.
    steps: Mutex<Option<u64>>,
    frozen_until: Mutex<Option<Instant>>,
}

impl Process {
    /// A process that begins at `now_ms`.
    pub fn new(weather: Arc<Weather>, role: Role, now_ms: i64) -> Arc<Self> {
        let (clock, dead) = (Clock::played(now_ms), watch::Sender::new(false));
        Arc::new(Self { weather, role, clock, dead, steps: Mutex::default(), frozen_until: Mutex::default() })
    }

    /// Ends the process: nothing that it has begun goes on.
    pub fn die(&self) {
        self.dead.send_replace(true);
    }

    /// Lets the process die after this many steps: before a step is taken, or before its answer is read.
    pub fn die_after(&self, steps: u64) {
        *self.steps.lock() = Some(steps);
    }

    /// Returns when the process is dead.
    pub async fn death(&self) {
        let mut dead = self.dead.subscribe();
        // It fails only when the sender is gone, which `self` keeps.
        let _ = dead.wait_for(|dead| *dead).await;
    }

    pub fn is_dead(&self) -> bool {
        *self.dead.borrow()
    }

    /// Whether the process is dead or is to die.
    pub fn is_doomed(&self) -> bool {
        self.is_dead() || self.steps.lock().is_some()
    }

    fn count_step(&self) {
        let mut steps = self.steps.lock();
        match steps.as_mut() {
            Some(0) => self.die(),
            Some(left) => *left -= 1,
            None => {}
        }
    }

    pub fn freeze(&self, time: Duration) {
        *self.frozen_until.lock() = Some(clock::instant() + time);
    }

    /// Returns when the process goes on. Never returns when it is dead.
    pub async fn goes_on(&self) {
        let until = *self.frozen_until.lock();
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
        self.count_step();
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }
}
