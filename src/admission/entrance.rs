//! The entrance: whether a newcomer may take a place. While many enter, a newcomer needs a proof of work. The joins of
//! one address are limited. A visitor with a token has passed these checks before.

use std::net::IpAddr;

use governor::clock::Clock;

use super::proof::{Challenge, Door, Proof, ProofOutcome, Proofs};
use crate::facts::ids::{EventId, VisitorId};
use crate::facts::time::Millis;
use crate::limiter::{Limiter, Monotonic, TooSoon, address_key};

/// Why a newcomer takes no place now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntranceRefusal {
    /// A proof is asked for, and none was brought.
    ProofRequired,
    ProofInvalid,
    /// Very many join from this address.
    TooSoon(TooSoon),
}

/// The entrance to all rooms. One per gateway.
pub struct Entrance<C: Clock = Monotonic> {
    proofs: Proofs,
    joins: Limiter<C>,
}

impl<C: Clock + Clone> Entrance<C> {
    /// `joins`: by address.
    pub fn new(proofs: Proofs, joins: Limiter<C>) -> Self {
        Self { proofs, joins }
    }

    /// Lets a newcomer take a place, or refuses it. A good proof decides which visitor the newcomer is. That visitor is
    /// returned.
    pub fn pass(
        &self,
        now_ms: Millis,
        door: Door<'_>,
        proof: Option<Proof<'_>>,
        client: IpAddr,
    ) -> Result<Option<VisitorId>, EntranceRefusal> {
        let proven = match self.proofs.check(now_ms, door, proof) {
            ProofOutcome::Free => None,
            ProofOutcome::Proven(visitor) => Some(visitor),
            ProofOutcome::Missing => return Err(EntranceRefusal::ProofRequired),
            ProofOutcome::Refused(_) => return Err(EntranceRefusal::ProofInvalid),
        };
        // Joins are counted after the proof: a request that only gets a challenge is no join, and a newcomer who is
        // refused here may show the same proof again later.
        self.joins.check(address_key(client)).map_err(EntranceRefusal::TooSoon)?;
        Ok(proven)
    }

    /// What a newcomer has to solve now.
    pub fn challenge(&self, now_ms: Millis, door: Door<'_>) -> Challenge {
        self.proofs.challenge(now_ms, door)
    }

    /// Whether a newcomer needs a proof just now.
    pub fn asks(&self, now_ms: Millis, event: &EventId) -> bool {
        self.proofs.bits(now_ms, event) > 0
    }

    /// Counts a new place in the event's rate of entries.
    pub fn entered(&self, now_ms: Millis, event: &EventId) {
        self.proofs.entered(now_ms, event);
    }

    /// Forgets addresses that may join as often as any other again.
    pub fn prune(&self) {
        self.joins.prune();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn joins_of_one_home_have_a_burst_and_a_rate() {
        let clock = FakeRelativeClock::default();
        let joins = Limiter::with_clock(2, 3, 100, clock.clone());
        let entrance = Entrance::new(Proofs::new(None, &[vec![7; 32]]), joins);
        let event = EventId::from("hall");
        let door = Door { event: &event, holder: None };
        let join = |text: &str| entrance.pass(0, door, None, text.parse().expect("an address")).is_ok();
        assert_eq!(["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"].map(join), [true, true, true, false]);
        assert!(join("2001:db8:0:1::1"), "another home");
        clock.advance(Duration::from_millis(500));
        assert_eq!(["2001:db8::1", "2001:db8::2"].map(join), [true, false]);
        clock.advance(Duration::from_secs(60));
        entrance.prune();
        assert_eq!(entrance.joins.known(), 0);
    }
}
