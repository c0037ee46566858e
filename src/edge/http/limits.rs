//! Limits on how often one client or visitor may ask.

use std::net::IpAddr;

use governor::clock::Clock;

use crate::config;
use crate::limiter::{Limiter, Monotonic, TooSoon, address_key};

/// Who asks, for the purpose of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker<'a> {
    /// Without a valid queue token, pass or user.
    Client(IpAddr),
    /// A visitor or user whom a signature vouches for.
    Known(&'a str),
}

pub struct Limits<C: Clock = Monotonic> {
    clients: Limiter<C>,
    visitors: Limiter<C>,
    addresses: Limiter<C>,
    webhooks: Limiter<C>,
}

/// Webhooks of one provider a second, and at once.
const WEBHOOK_RPS: u32 = 200;
const WEBHOOK_BURST: u32 = 1_000;

impl Limits {
    pub fn new(config: &config::LimitsConfig) -> Self {
        Self::with_clock(config, Monotonic)
    }
}

impl<C: Clock + Clone> Limits<C> {
    pub fn with_clock(config: &config::LimitsConfig, clock: C) -> Self {
        let limiter = |rps: u32, burst: u32| Limiter::with_clock(rps, burst, config.keys_max, clock.clone());
        Self {
            clients: limiter(config.client_rps, config.client_burst),
            visitors: limiter(config.visitor_rps, config.visitor_rps.saturating_mul(2)),
            // Off when `client_rps` is 0: all visitors may share one address then.
            webhooks: limiter(WEBHOOK_RPS, WEBHOOK_BURST),
            addresses: limiter(if config.client_rps == 0 { 0 } else { config.address_rps }, config.address_rps),
        }
    }

    /// Counts every request of an address, before any signature is verified: verifying one costs more than making one
    /// up, and thousands of clients may show the same good token.
    pub fn check_address(&self, address: IpAddr) -> Result<(), TooSoon> {
        self.addresses.check(address_key(address))
    }

    /// Counts a webhook of a provider. Webhooks have this limit only, so false ones take nothing from other clients.
    pub fn check_webhooks(&self, provider: &str) -> Result<(), TooSoon> {
        self.webhooks.check(provider)
    }

    pub fn check(&self, asker: Asker<'_>) -> Result<(), TooSoon> {
        match asker {
            Asker::Client(address) => self.clients.check(address_key(address)),
            Asker::Known(name) => self.visitors.check(name),
        }
    }

    /// Forgets keys whose buckets are full again.
    pub fn prune(&self) {
        [&self.clients, &self.visitors, &self.addresses, &self.webhooks].into_iter().for_each(Limiter::prune);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        assert_eq!(limits.clients.known(), 1);
    }

    #[test]
    fn zero_is_off() {
        let limits = Limits::new(&config::LimitsConfig { client_rps: 0, visitor_rps: 0, ..config(0) });
        let address = "192.0.2.1".parse().expect("an address");
        for _ in 0..1000 {
            assert!(limits.check(Asker::Client(address)).is_ok() && limits.check(Asker::Known("v")).is_ok());
        }
    }
}
