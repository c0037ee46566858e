//! The one signal to stop: anyone may wait for it, `app` gives it. Knows no stage.

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
    /// Returns once the signal was given.
    pub async fn wait(&mut self) {
        // An error means the sender is gone, which is the signal too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    pub fn is_stopping(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}
