//! A limit on how often each of many keys may do something.
//!
//! The crate `governor` counts. This module bounds how many keys are remembered: beyond `keys_max`, all new keys share
//! one bucket. So a flood of addresses makes new clients wait, but no client that is remembered.

use std::hash::{BuildHasher as _, Hash, RandomState};
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

/// Ask again after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSoon(pub Duration);

/// The process's monotonic clock, read through `clock` like all time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Monotonic;

impl Clock for Monotonic {
    type Instant = Instant;

    fn now(&self) -> Instant {
        clock::instant().into_std()
    }
}

/// A limit for each key.
pub struct Limiter<C: Clock = Monotonic> {
    /// `None`: off.
    buckets: Option<RateLimiter<u64, Bounded, C, NoOpMiddleware<<C as Clock>::Instant>>>,
    clock: C,
    /// A key is a hash with a secret of this process: nobody can aim at another client's bucket, and so few keys are
    /// remembered that two of them hardly ever share one.
    hasher: RandomState,
}

impl Limiter {
    /// `rps` a second, `burst` at once, for at most `keys_max` keys; `rps` 0: no limit.
    pub fn new(rps: u32, burst: u32, keys_max: usize) -> Self {
        Self::with_clock(rps, burst, keys_max, Monotonic)
    }

    /// Limits nothing.
    pub fn off() -> Self {
        Self::new(0, 0, 0)
    }
}

impl<C: Clock + Clone> Limiter<C> {
    pub fn with_clock(rps: u32, burst: u32, keys_max: usize, clock: C) -> Self {
        let buckets = NonZeroU32::new(rps).map(|rps| {
            let quota = Quota::per_second(rps).allow_burst(NonZeroU32::new(burst).unwrap_or(rps));
            RateLimiter::new(quota, Bounded::new(keys_max), clock.clone())
        });
        Self { buckets, clock, hasher: RandomState::new() }
    }

    /// Counts one more of this key, or refuses it.
    pub fn check(&self, key: impl Hash) -> Result<(), TooSoon> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        let key = self.hasher.hash_one(key);
        buckets.check_key(&key).map_err(|until| TooSoon(until.wait_time_from(self.clock.now())))
    }

    /// Forgets keys whose buckets are full again.
    pub fn prune(&self) {
        if let Some(buckets) = &self.buckets {
            buckets.retain_recent();
        }
    }

    #[cfg(test)]
    pub fn known(&self) -> usize {
        self.buckets.as_ref().map_or(0, RateLimiter::len)
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
