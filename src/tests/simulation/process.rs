//! A process as its surroundings see it: whether it goes on, and what time it thinks it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use stanchion::clock::{self, Clock, Instant};

use super::weather::Weather;

pub struct Process {
    pub weather: Arc<Weather>,
    /// Its own: it may be stepped.
    pub clock: Clock,
    dead: AtomicBool,
    frozen_until: Mutex<Option<Instant>>,
}

impl Process {
    /// One that begins at `now_ms`.
    pub fn new(weather: Arc<Weather>, now_ms: i64) -> Arc<Self> {
        let clock = Clock::played(now_ms);
        Arc::new(Self { weather, clock, dead: AtomicBool::new(false), frozen_until: Mutex::default() })
    }

    /// Nothing it has begun goes on.
    pub fn die(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    pub fn freeze(&self, time: Duration) {
        *self.frozen_until.lock() = Some(clock::instant() + time);
    }

    /// Returns when the process goes on; never, when it is dead.
    pub async fn goes_on(&self) {
        let until = *self.frozen_until.lock();
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}
