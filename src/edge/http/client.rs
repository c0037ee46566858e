//! The address of a request's client, also behind trusted proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderMap;
use ipnet::IpNet;
use metrics::counter;

use crate::metrics::EDGE_FORWARDED_UNREADABLE;

/// The trusted proxies: their `X-Forwarded-For` is believed.
#[derive(Debug, Default)]
pub struct Proxies {
    networks: Vec<IpNet>,
    /// Whether an unreadable `X-Forwarded-For` was logged already.
    unreadable: AtomicBool,
}

impl Proxies {
    /// Takes networks and addresses. The configuration was checked before, so a text that is neither is skipped.
    pub fn new(trusted: &[String]) -> Self {
        let parse = |text: &String| text.parse().ok().or_else(|| text.parse().ok().map(|ip: IpAddr| IpNet::from(ip)));
        Self { networks: trusted.iter().filter_map(parse).collect(), unreadable: AtomicBool::new(false) }
    }

    /// Whether this address is a trusted proxy's.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// The nearest address that is not a trusted proxy's: the peer's, else the first such address in `X-Forwarded-For`,
    /// read from its right end. Anyone could have made up what stands further left. Where the header ends or is
    /// unreadable, the last proxy counts as the client.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trust(peer) {
            return peer;
        }
        let mut client = peer;
        let mut hops = headers.get_all("x-forwarded-for").iter().rev().flat_map(|value| {
            let hops = value.as_bytes().rsplit(|&b| b == b',');
            hops.map(|hop| std::str::from_utf8(hop).ok().and_then(address))
        });
        while self.trust(client) {
            match hops.next() {
                Some(Some(hop)) => client = hop,
                Some(None) => {
                    counter!(EDGE_FORWARDED_UNREADABLE).increment(1);
                    if !self.unreadable.swap(true, Ordering::Relaxed) {
                        tracing::warn!(
                            proxy = %client,
                            "a trusted proxy writes an X-Forwarded-For that is no address: its visitors share one limit"
                        );
                    }
                    break;
                }
                None => break,
            }
        }
        client
    }
}

/// One hop of `X-Forwarded-For`: an address, in brackets or not, with a port or without.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim().trim_matches('"');
    let bare = hop.parse::<IpAddr>().ok();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    bare.or_else(with_port).or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|&t| t.to_owned()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", http::HeaderValue::from_bytes(value.as_bytes()).expect("a header"));
        }
        Proxies::new(&trusted).client(peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn what_cannot_be_read_is_counted_and_said_once() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let proxies = Proxies::new(&["10.0.0.0/8".to_owned()]);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "nonsense".parse().expect("a value"));
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..3 {
                assert_eq!(proxies.client("10.1.1.1".parse().expect("an address"), &headers).to_string(), "10.1.1.1");
            }
        });
        let text = recorder.handle().render();
        assert!(text.contains(&format!("{EDGE_FORWARDED_UNREADABLE} 3")), "{text}");
        assert!(proxies.unreadable.load(Ordering::Relaxed), "said once, and not again");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client(&[], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(&["10.1.1.1"], "10.1.1.1", &["1.1.1.1, 198.51.100.7, 10.1.1.1"]), "198.51.100.7");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["1.1.1.1", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["nonsense"]), "10.1.1.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["[2001:db8::1]:80"]), "2001:db8::1");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["\u{e9}, 198.51.100.7, 10.2.2.2:80"]), "198.51.100.7");
        assert_eq!(client(&["127.0.0.1"], "::ffff:127.0.0.1", &["2001:db8::1"]), "2001:db8::1");
    }
}
