//! The signal to stop: its owner gives it, and anyone may wait for it.

use tokio::sync::watch;

/// Gives the signal; dropping it gives it too.
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

/// Waits for the signal; clones wait for the same one.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

pub fn channel() -> (Stop, Stopping) {
    let (sender, receiver) = watch::channel(false);
    (Stop(sender), Stopping(receiver))
}

impl Stop {
    pub fn now(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// As [`Stopping::wait`], but takes `self`, so that the future borrows nothing.
    pub async fn stopped(mut self) {
        self.wait().await;
    }

    /// Returns once the signal was given.
    pub async fn wait(&mut self) {
        // An error means the sender is gone, which is the signal too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Whether the signal was given since this one last waited for it; takes no lock.
    pub fn is_given(&self) -> bool {
        self.0.has_changed().unwrap_or(true)
    }

    pub fn is_stopping(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}
