//! Spares a provider that is down: after some calls in a row without an answer, calls to it wait. Then one call at a
//! time tries whether it is back.
//!
//! A call that waits takes none of the turns that bound the calls under way, and nobody waits for a time-out that is sure
//! to come.

use std::collections::HashMap;
use std::time::Duration;

use metrics::gauge;
use parking_lot::Mutex;

use crate::clock::{self, Instant};
use crate::metrics::PAYMENT_CIRCUIT_OPEN;
use crate::payment::Registry;

/// Calls in a row without an answer, after which calls wait.
const OPENS_AFTER: u32 = 10;

/// How long calls wait at first, and at most: twice as long after each try that failed.
const WAIT: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30);

/// The circuits of a process, by provider.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Circuits(Mutex<HashMap<String, Circuit>>);

#[derive(Debug, Default)]
struct Circuit {
    /// Calls in a row without an answer.
    missed: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    /// When the next try may be made.
    until: Instant,
    wait: Duration,
    /// A try is under way.
    trying: bool,
}

/// Leave to make one call. It must be told what came of it; when it is dropped instead, nothing is learnt.
#[derive(Debug)]
pub(in crate::pipeline) struct Leave<'a> {
    circuits: &'a Circuits,
    provider: &'a str,
    is_told: bool,
}

impl Circuits {
    /// The circuits of these providers, all closed.
    pub fn of(providers: &Registry) -> Self {
        for name in providers.names() {
            gauge!(PAYMENT_CIRCUIT_OPEN, "provider" => name).set(0.0);
        }
        Self::default()
    }

    /// Leave to call the provider now, or how long to wait before asking again.
    pub fn leave<'a>(&'a self, provider: &'a str) -> Result<Leave<'a>, Duration> {
        let now = clock::instant();
        let mut circuits = self.0.lock();
        if let Some(Circuit { open: Some(open), .. }) = circuits.get_mut(provider) {
            if open.trying || now < open.until {
                return Err(open.until.saturating_duration_since(now).max(Duration::from_millis(100)));
            }
            open.trying = true;
        }
        Ok(Leave { circuits: self, provider, is_told: false })
    }
}

impl Leave<'_> {
    /// Tells whether the provider answered.
    pub fn tell(mut self, has_answered: bool) {
        self.is_told = true;
        let mut circuits = self.circuits.0.lock();
        let circuit = circuits.entry(self.provider.to_owned()).or_default();
        if has_answered {
            if circuit.open.is_some() {
                tracing::info!(provider = self.provider, "the payment provider answers again");
                gauge!(PAYMENT_CIRCUIT_OPEN, "provider" => self.provider.to_owned()).set(0.0);
            }
            *circuit = Circuit::default();
            return;
        }
        circuit.missed += 1;
        let now = clock::instant();
        if let Some(open) = &mut circuit.open {
            // Calls that were under way when it opened are no tries.
            if open.trying {
                open.wait = (open.wait * 2).min(*WAIT.end());
                open.until = now + open.wait;
                open.trying = false;
            }
        } else if circuit.missed >= OPENS_AFTER {
            tracing::error!(provider = self.provider, "the payment provider does not answer; calls to it wait");
            gauge!(PAYMENT_CIRCUIT_OPEN, "provider" => self.provider.to_owned()).set(1.0);
            circuit.open = Some(Open { until: now + *WAIT.start(), wait: *WAIT.start(), trying: false });
        }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if !self.is_told
            && let Some(Circuit { open: Some(open), .. }) = self.circuits.0.lock().get_mut(self.provider)
        {
            open.trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pass(ms: u64) {
        tokio::time::advance(Duration::from_millis(ms)).await;
    }

    fn miss(circuits: &Circuits, times: u32) {
        for _ in 0..times {
            circuits.leave("a").expect("leave").tell(false);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_in_between_keeps_it_closed() {
        let circuits = Circuits::default();
        for _ in 0..5 {
            miss(&circuits, OPENS_AFTER - 1);
            circuits.leave("a").expect("leave").tell(true);
        }
        assert!(circuits.leave("a").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_wait_and_one_at_a_time_tries() {
        let circuits = Circuits::default();
        miss(&circuits, OPENS_AFTER);
        assert_eq!(circuits.leave("a").err(), Some(Duration::from_secs(1)));
        assert!(circuits.leave("b").is_ok(), "another provider is none of its business");
        pass(1_000).await;
        let first = circuits.leave("a").expect("a try");
        assert!(circuits.leave("a").is_err(), "one at a time");
        first.tell(false);
        assert_eq!(circuits.leave("a").err(), Some(Duration::from_secs(2)), "twice as long");
        pass(2_000).await;
        circuits.leave("a").expect("a try").tell(true);
        for _ in 0..3 {
            assert!(circuits.leave("a").is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_is_dropped_leaves_room_for_another() {
        let circuits = Circuits::default();
        miss(&circuits, OPENS_AFTER);
        pass(1_000).await;
        drop(circuits.leave("a").expect("a try"));
        assert!(circuits.leave("a").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_under_way_does_not_make_the_wait_longer() {
        let circuits = Circuits::default();
        let late: Vec<_> = (0..5).map(|_| circuits.leave("a").expect("leave")).collect();
        miss(&circuits, OPENS_AFTER);
        late.into_iter().for_each(|leave| leave.tell(false));
        assert_eq!(circuits.leave("a").err(), Some(Duration::from_secs(1)));
    }
}
