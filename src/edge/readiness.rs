//! Whether traffic may come to this process.

use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug)]
pub struct Readiness {
    serving: AtomicBool,
    store_fit: AtomicBool,
}

impl Default for Readiness {
    fn default() -> Self {
        Self { serving: AtomicBool::new(false), store_fit: AtomicBool::new(true) }
    }
}

impl Readiness {
    /// The process has started: traffic may come.
    pub fn begin(&self) {
        self.serving.store(true, Ordering::Relaxed);
    }

    /// The process drains: traffic should go elsewhere, and event streams end.
    pub fn drain(&self) {
        self.serving.store(false, Ordering::Relaxed);
    }

    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
    }

    /// Notes whether the lanes' store keeps what it is given. A store that evicts keys or cannot write to its disk does
    /// not.
    pub fn store_is(&self, fit: bool) {
        self.store_fit.store(fit, Ordering::Relaxed);
    }

    pub fn store_fit(&self) -> bool {
        self.store_fit.load(Ordering::Relaxed)
    }
}
