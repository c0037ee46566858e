//! Whose address a request comes from. Knows no routes.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

/// The proxies whose word is taken.
#[derive(Debug, Default)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Networks or addresses; the configuration was checked, so what is neither is left out.
    pub fn new(trusted: &[String]) -> Self {
        let parse = |text: &String| text.parse().ok().or_else(|| text.parse().ok().map(|ip: IpAddr| IpNet::from(ip)));
        Self(trusted.iter().filter_map(parse).collect())
    }

    /// Whether this address is one of them.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// The nearest address that is no trusted proxy: who connected, or, read from its right end, what the
    /// proxies wrote into `X-Forwarded-For`. What stands left of that anyone could have made up.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trust(peer) {
            return peer;
        }
        let mut client = peer;
        let mut hops = headers.get_all("x-forwarded-for").iter().rev().flat_map(|value| {
            let text = value.to_str().unwrap_or("?");
            text.rsplit(',').map(|hop| hop.trim().to_owned()).collect::<Vec<_>>()
        });
        while self.trust(client) {
            match hops.next().and_then(|hop| hop.parse().ok()) {
                Some(hop) => client = hop,
                None => break,
            }
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|&t| t.to_owned()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().expect("a header"));
        }
        Proxies::new(&trusted).client(peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client(&[], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(&["10.1.1.1"], "10.1.1.1", &["1.1.1.1, 198.51.100.7, 10.1.1.1"]), "198.51.100.7");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["1.1.1.1", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["nonsense"]), "10.1.1.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(client(&["127.0.0.1"], "::ffff:127.0.0.1", &["2001:db8::1"]), "2001:db8::1");
    }
}
