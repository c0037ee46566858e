//! A connection's one timer.
//!
//! hyper makes a timer for the headers of each request and drops it when they have come. Adding it to tokio's timer
//! wheel and removing it takes a lock, which is a good part of the time of a short answer. Here a connection's timer is
//! made once. When it is given back it stays in the wheel, and the next wait only moves it further off, which takes no
//! lock.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use parking_lot::Mutex;

use crate::clock;

type KeptTimer = Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>;

/// Lends its one timer; while that one is lent, it makes another.
#[derive(Debug, Clone, Default)]
pub struct OneTimer(KeptTimer);

/// The lent timer. It goes back when it is dropped. It may still wake its connection then, which does no harm.
struct Lent {
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    home: KeptTimer,
}

impl Lent {
    fn sleep(&mut self) -> Pin<&mut tokio::time::Sleep> {
        self.sleep.as_mut().expect("there until dropped").as_mut()
    }
}

impl Timer for OneTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until((clock::instant() + duration).into_std())
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let sleep = match self.0.lock().take() {
            Some(mut sleep) => {
                sleep.as_mut().reset(deadline.into());
                sleep
            }
            None => Box::pin(tokio::time::sleep_until(deadline.into())),
        };
        Box::pin(Lent { sleep: Some(sleep), home: self.0.clone() })
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, new_deadline: Instant) {
        if let Some(lent) = sleep.as_mut().downcast_mut_pin::<Lent>() {
            lent.get_mut().sleep().reset(new_deadline.into());
        }
    }

    fn now(&self) -> Instant {
        clock::instant().into_std()
    }
}

impl Future for Lent {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.sleep().poll(cx)
    }
}

impl Sleep for Lent {}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.home.lock() = self.sleep.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_timer_is_kept_and_waits_as_it_is_told() {
        let timer = OneTimer::default();
        let soon = Duration::from_millis(1);
        drop(timer.sleep(Duration::from_secs(3_600)));
        assert!(timer.0.lock().is_some(), "given back");
        // The timer works with a nearer deadline than before, after it has rung, and while another one is lent.
        timer.sleep(soon).await;
        timer.sleep(soon).await;
        let mut far = timer.sleep(Duration::from_secs(3_600));
        assert!(timer.0.lock().is_none(), "lent");
        assert!(futures_util::poll!(&mut far).is_pending());
        timer.sleep(soon).await;
        assert!(futures_util::poll!(&mut far).is_pending());
        timer.reset(&mut far, (clock::instant() + soon).into_std());
        far.await;
    }
}
