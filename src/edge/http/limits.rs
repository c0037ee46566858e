//! Limits on how often one client or visitor may ask.
//!
//! The crate `governor` counts. This module bounds how many keys it remembers: beyond `limits.keys_max`, all new
//! clients share one bucket. So a flood of addresses makes new clients wait, but no client that is remembered.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use crate::clock;
use crate::config;

/// Who asks, for the purpose of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker<'a> {
    /// Without a valid queue token, pass or user.
    Client(IpAddr),
    /// A visitor or user whom a signature vouches for.
    Known(&'a str),
}

/// Ask again after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSoon(pub Duration);

type KeyedLimiter<C> = RateLimiter<u64, Bounded, C, NoOpMiddleware<<C as Clock>::Instant>>;

pub struct Limits<C: Clock = Monotonic> {
    clients: Option<KeyedLimiter<C>>,
    visitors: Option<KeyedLimiter<C>>,
    joins: Option<KeyedLimiter<C>>,
    addresses: Option<KeyedLimiter<C>>,
    clock: C,
    /// A key is a hash with a secret of this process: nobody can aim at another client's bucket, and so few keys are
    /// remembered that two of them hardly ever share one.
    hasher: RandomState,
}

/// The process's monotonic clock, read through `clock` like all time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Monotonic;

impl Clock for Monotonic {
    type Instant = Instant;

    fn now(&self) -> Instant {
        clock::instant().into_std()
    }
}

impl Limits {
    pub fn new(config: &config::LimitsConfig) -> Self {
        Self::with_clock(config, Monotonic)
    }
}

impl<C: Clock + Clone> Limits<C> {
    pub fn with_clock(config: &config::LimitsConfig, clock: C) -> Self {
        let limiter = |rps: u32, burst: u32| {
            let rps = NonZeroU32::new(rps)?;
            let quota = Quota::per_second(rps).allow_burst(NonZeroU32::new(burst).unwrap_or(rps));
            Some(RateLimiter::new(quota, Bounded::new(config.keys_max), clock.clone()))
        };
        Self {
            clients: limiter(config.client_rps, config.client_burst),
            visitors: limiter(config.visitor_rps, config.visitor_rps.saturating_mul(2)),
            joins: limiter(config.join_rps, config.join_burst),
            // Off when `client_rps` is 0: all visitors may share one address then.
            addresses: limiter(if config.client_rps == 0 { 0 } else { config.address_rps }, config.address_rps),
            clock,
            hasher: RandomState::new(),
        }
    }

    /// Counts every request of an address, before any signature is verified: verifying one costs more than making one
    /// up, and thousands of clients may show the same good token.
    pub fn check_address(&self, address: IpAddr) -> Result<(), TooSoon> {
        self.count(&self.addresses, self.hasher.hash_one(address_key(address)))
    }

    pub fn check(&self, asker: Asker<'_>) -> Result<(), TooSoon> {
        let (limiter, key) = match asker {
            Asker::Client(address) => (&self.clients, self.hasher.hash_one(address_key(address))),
            Asker::Known(name) => (&self.visitors, self.hasher.hash_one(name)),
        };
        self.count(limiter, key)
    }

    /// Counts a request for a new place by its address, even if a signature vouches for its sender.
    pub fn check_join(&self, address: IpAddr) -> Result<(), TooSoon> {
        self.count(&self.joins, self.hasher.hash_one(address_key(address)))
    }

    fn count(&self, limiter: &Option<KeyedLimiter<C>>, key: u64) -> Result<(), TooSoon> {
        let Some(limiter) = limiter else { return Ok(()) };
        limiter.check_key(&key).map_err(|until| TooSoon(until.wait_time_from(self.clock.now())))
    }

    /// Forgets keys whose buckets are full again.
    pub fn prune(&self) {
        for limiter in [&self.clients, &self.visitors, &self.joins, &self.addresses].into_iter().flatten() {
            limiter.retain_recent();
        }
    }
}

/// An IPv6 client is its /64 network, because one home has that many addresses.
pub fn address_key(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits() & !u128::from(u64::MAX),
    }
}

/// governor's state for at most `max` keys.
#[derive(Debug)]
pub struct Bounded {
    known: DashMap<u64, InMemoryState, foldhash::fast::RandomState>,
    /// The approximate length of `known`: dashmap's own count locks every shard.
    count: AtomicUsize,
    strangers: InMemoryState,
    max: usize,
}

impl Bounded {
    fn new(max: usize) -> Self {
        Self { known: DashMap::default(), count: AtomicUsize::new(0), strangers: InMemoryState::default(), max }
    }
}

impl StateStore for Bounded {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if let Some(state) = self.known.get(key) {
            return state.measure_and_replace(&NotKeyed::NonKey, f);
        }
        if self.count.load(Ordering::Relaxed) >= self.max {
            return self.strangers.measure_and_replace(&NotKeyed::NonKey, f);
        }
        match self.known.entry(*key) {
            Entry::Occupied(entry) => entry.get().measure_and_replace(&NotKeyed::NonKey, f),
            Entry::Vacant(entry) => {
                self.count.fetch_add(1, Ordering::Relaxed);
                entry.insert(InMemoryState::default()).measure_and_replace(&NotKeyed::NonKey, f)
            }
        }
    }
}

impl ShrinkableKeyedStateStore<u64> for Bounded {
    fn retain_recent(&self, drop_below: Nanos) {
        self.known.retain(|_, state| {
            // A state can only be read by refusing to replace it.
            let read = state.measure_and_replace(&NotKeyed::NonKey, Err::<((), Nanos), _>);
            read.is_err_and(|at| at.is_some_and(|at| at > drop_below))
        });
        self.count.store(self.known.len(), Ordering::Relaxed);
    }

    fn len(&self) -> usize {
        self.known.len()
    }

    fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn config(keys_max: usize) -> config::LimitsConfig {
        let (client_rps, client_burst, visitor_rps, join_rps, join_burst) = (1, 2, 5, 2, 3);
        let (in_flight, streams) = (1, 1);
        config::LimitsConfig {
            address_rps: 0,
            client_rps,
            client_burst,
            visitor_rps,
            join_rps,
            join_burst,
            in_flight,
            streams,
            keys_max,
        }
    }

    fn limits(keys_max: usize) -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
        let config = config(keys_max);
        let clock = FakeRelativeClock::default();
        (Limits::with_clock(&config, clock.clone()), clock)
    }

    fn client(text: &str) -> Asker<'static> {
        Asker::Client(text.parse().expect("an address"))
    }

    #[test]
    fn a_client_has_a_burst_and_a_rate() {
        let (limits, clock) = limits(100);
        assert!(limits.check(client("192.0.2.1")).is_ok());
        assert!(limits.check(client("192.0.2.1")).is_ok());
        let refused = limits.check(client("::ffff:192.0.2.1")).expect_err("the same address");
        assert!(refused.0 <= Duration::from_secs(1));
        assert!(limits.check(client("192.0.2.2")).is_ok());
        clock.advance(Duration::from_secs(1));
        assert!(limits.check(client("192.0.2.1")).is_ok());
    }

    #[test]
    fn an_ipv6_client_is_its_subnet() {
        let (limits, _) = limits(100);
        assert!(limits.check(client("2001:db8::1")).is_ok());
        assert!(limits.check(client("2001:db8::2")).is_ok());
        assert!(limits.check(client("2001:db8::ffff:3")).is_err());
        assert!(limits.check(client("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn when_full_strangers_share_a_bucket_and_the_known_keep_theirs() {
        let (limits, clock) = limits(2);
        assert!(limits.check(client("192.0.2.1")).is_ok());
        assert!(limits.check(client("192.0.2.2")).is_ok());
        // Full: these three share one bucket, which has two requests.
        let strangers = ["192.0.2.3", "192.0.2.4", "192.0.2.5"].map(|a| limits.check(client(a)).is_ok());
        assert_eq!(strangers, [true, true, false]);
        assert!(limits.check(client("192.0.2.1")).is_ok(), "known, with one left");
        clock.advance(Duration::from_secs(60));
        limits.prune();
        assert!(limits.check(client("192.0.2.5")).is_ok(), "room again");
        assert_eq!(limits.clients.as_ref().map(RateLimiter::len), Some(1));
    }

    #[test]
    fn joins_have_a_bucket_of_their_own() {
        let (limits, clock) = limits(100);
        let join = |text: &str| limits.check_join(text.parse().expect("an address")).is_ok();
        assert_eq!(["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"].map(join), [true, true, true, false]);
        assert!(limits.check(client("2001:db8::5")).is_ok(), "asking is not joining");
        assert!(join("2001:db8:0:1::1"), "another home");
        clock.advance(Duration::from_millis(500));
        assert_eq!(["2001:db8::1", "2001:db8::2"].map(join), [true, false]);
        clock.advance(Duration::from_secs(60));
        limits.prune();
        assert_eq!(limits.joins.as_ref().map(RateLimiter::len), Some(0));
    }

    #[test]
    fn zero_is_off() {
        let limits = Limits::new(&config::LimitsConfig { client_rps: 0, visitor_rps: 0, join_rps: 0, ..config(0) });
        let address = "192.0.2.1".parse().expect("an address");
        for _ in 0..1000 {
            assert!(limits.check(Asker::Client(address)).is_ok() && limits.check(Asker::Known("v")).is_ok());
            assert!(limits.check_join(address).is_ok());
        }
    }
}
