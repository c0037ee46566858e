//! Limits on a listener's open connections, in all and for one client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use metrics::gauge;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::client::Proxies;
use crate::config;
use crate::edge::router::Listener;
use crate::limiter::address_key;
use crate::metrics::EDGE_CONNECTIONS;

/// The open connections of one listener.
pub struct Connections {
    all: Arc<Semaphore>,
    /// Most connections of one client; `None`: no limit.
    client_max: Option<NonZeroUsize>,
    /// Trusted proxies connect on behalf of many clients, so the limit for one client does not apply to them.
    proxies: Proxies,
    /// Open connections by client. A client without one has no entry, so there are no more entries than connections.
    clients: Mutex<HashMap<u128, usize>>,
}

/// An open connection, counted until dropped.
pub struct OpenConnection {
    _place: OwnedSemaphorePermit,
    connections: Arc<Connections>,
    /// The client whose count includes this connection; `None`: the limit for one client does not apply.
    client: Option<u128>,
}

impl Connections {
    /// The admin listener has no limit for one client: operators must get in to see why nobody else does.
    pub fn new(config: &config::ServerConfig, listener: Listener) -> Arc<Self> {
        let client_max = match listener {
            Listener::Public => NonZeroUsize::new(config.client_connections_max),
            Listener::Admin => None,
        };
        Arc::new(Self {
            all: Arc::new(Semaphore::new(config.connections_max.min(Semaphore::MAX_PERMITS))),
            client_max,
            proxies: Proxies::new(&config.trusted_proxies),
            clients: Mutex::default(),
        })
    }

    /// Waits for a place among the listener's connections.
    pub async fn place(&self) -> OwnedSemaphorePermit {
        self.all.clone().acquire_owned().await.expect("never closed")
    }

    /// Opens a connection from this address. `None`: its client has reached its limit, and the place is free again.
    pub fn open(self: &Arc<Self>, place: OwnedSemaphorePermit, address: IpAddr) -> Option<OpenConnection> {
        let client = match self.client_max {
            Some(max) if !self.proxies.trust(address) => Some(self.count(address_key(address), max)?),
            Some(_) | None => None,
        };
        gauge!(EDGE_CONNECTIONS).increment(1.0);
        Some(OpenConnection { _place: place, connections: self.clone(), client })
    }

    fn count(&self, client: u128, max: NonZeroUsize) -> Option<u128> {
        let mut clients = self.clients.lock();
        let open = clients.entry(client).or_default();
        // A new entry is 0, which is below any limit. So a refusal never leaves an entry of 0 behind.
        (*open < max.get()).then(|| {
            *open += 1;
            client
        })
    }

    fn forget(&self, client: u128) {
        let mut clients = self.clients.lock();
        let open = clients.get_mut(&client).expect("counted when it was opened");
        *open -= 1;
        if *open == 0 {
            clients.remove(&client);
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        if let Some(client) = self.client {
            self.connections.forget(client);
        }
        gauge!(EDGE_CONNECTIONS).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(client_max: usize, listener: Listener) -> Arc<Connections> {
        let config = config::load_from("", std::iter::empty()).expect("the defaults are good");
        let config = config::ServerConfig {
            client_connections_max: client_max,
            connections_max: 10,
            trusted_proxies: vec!["2001:db8::ffff".into()],
            ..config.server
        };
        Connections::new(&config, listener)
    }

    async fn open(connections: &Arc<Connections>, address: &str) -> Option<OpenConnection> {
        connections.open(connections.place().await, address.parse().expect("an address"))
    }

    #[tokio::test]
    async fn a_client_has_so_many_and_is_forgotten_with_its_last() {
        let connections = connections(2, Listener::Public);
        let first = open(&connections, "2001:db8::1").await.expect("one");
        let second = open(&connections, "2001:db8::2").await.expect("two");
        assert!(open(&connections, "2001:db8::3").await.is_none(), "one home");
        let neighbour = open(&connections, "2001:db8:0:1::1").await.expect("another home");
        let fourth = open(&connections, "192.0.2.1").await.expect("another client");
        let mapped = open(&connections, "::ffff:192.0.2.1").await.expect("its second");
        assert!(open(&connections, "192.0.2.1").await.is_none());
        assert_eq!(connections.all.available_permits(), 5, "who is refused takes no place");
        drop(first);
        let again = open(&connections, "2001:db8::3").await.expect("a place came back");
        assert!(open(&connections, "2001:db8::1").await.is_none());
        assert_eq!(connections.clients.lock().len(), 3);
        drop((second, neighbour, fourth, mapped, again));
        assert!(connections.clients.lock().is_empty());
        assert_eq!(connections.all.available_permits(), 10);
    }

    #[tokio::test]
    async fn a_trusted_proxy_is_not_bounded_and_takes_nothing_from_its_neighbours() {
        let connections = connections(1, Listener::Public);
        let mut proxied = Vec::new();
        for _ in 0..5 {
            proxied.push(open(&connections, "2001:db8::ffff").await.expect("not bounded"));
        }
        let _beside = open(&connections, "2001:db8::1").await.expect("of the same /64");
        assert!(open(&connections, "2001:db8::1").await.is_none());
    }

    #[tokio::test]
    async fn zero_is_off_and_operators_are_not_bounded() {
        for connections in [connections(0, Listener::Public), connections(1, Listener::Admin)] {
            let one = open(&connections, "192.0.2.1").await;
            let two = open(&connections, "192.0.2.1").await;
            assert!(one.is_some() && two.is_some() && connections.clients.lock().is_empty());
        }
    }
}
