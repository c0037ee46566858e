//! Which addresses a client connects to.
//!
//! A name is resolved when a connection is made, and the connection goes to one of the addresses that were checked. So
//! an answer of the DNS that changes between a look and the connection gains nothing.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use ipnet::IpNet;
use tower_service::Service;

/// Which addresses may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Anywhere,
    /// No private, loopback, link-local, metadata, multicast or otherwise special address.
    Public,
}

/// Addresses that are not of the public internet:
/// <https://www.iana.org/assignments/iana-ipv4-special-registry> and, for IPv6, all but the global unicast addresses,
/// less <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const SPECIAL: [&str; 20] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    // Teredo, benchmarks, ORCHID and others; an address inside may lead to any IPv4 address.
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "2620:4f:8000::/48",
];
const GLOBAL_V6: &str = "2000::/3";

impl Reach {
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Reach::Anywhere => true,
            Reach::Public => is_public(address.to_canonical()),
        }
    }

    /// Whether a URL's host may be asked for: a name is decided when it is resolved.
    pub fn allows_host(self, host: &str) -> bool {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        bare.parse().map_or(true, |address| self.allows(address))
    }
}

fn is_public(address: IpAddr) -> bool {
    let within = |net: &str| net.parse::<IpNet>().expect("written above").contains(&address);
    (address.is_ipv4() || within(GLOBAL_V6)) && !SPECIAL.iter().any(|net| within(net))
}

/// Resolves names to the addresses that may be reached.
#[derive(Clone)]
pub(super) struct Resolver<R = GaiResolver> {
    pub names: R,
    pub reach: Reach,
}

type Found = Pin<Box<dyn Future<Output = io::Result<std::vec::IntoIter<SocketAddr>>> + Send>>;

impl<R> Service<Name> for Resolver<R>
where
    R: Service<Name, Error = io::Error>,
    R::Response: Iterator<Item = SocketAddr>,
    R::Future: Send + 'static,
{
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Found;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.names.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Found {
        let (found, reach) = (self.names.call(name), self.reach);
        Box::pin(async move {
            let allowed: Vec<_> = found.await?.filter(|found| reach.allows(found.ip())).collect();
            if allowed.is_empty() {
                return Err(io::Error::other("the name leads to no public address"));
            }
            Ok(allowed.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            let address = special.parse().expect("an address");
            assert!(!Reach::Public.allows(address) && Reach::Anywhere.allows(address), "{special}");
        }
        for public in ["1.1.1.1", "172.32.0.1", "192.169.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(Reach::Public.allows(public.parse().expect("an address")), "{public}");
        }
        assert!(!Reach::Public.allows_host("[::1]") && !Reach::Public.allows_host("127.0.0.1"));
        assert!(Reach::Public.allows_host("localhost"), "a name is decided when it is resolved");
    }

    /// A server of names whose owner changes the answer.
    #[derive(Clone)]
    struct Names(Vec<&'static str>);

    impl Service<Name> for Names {
        type Response = std::vec::IntoIter<SocketAddr>;
        type Error = io::Error;
        type Future = std::future::Ready<io::Result<Self::Response>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Name) -> Self::Future {
            let answer = self.0.remove(0).split(' ').map(|text| SocketAddr::new(text.parse().expect("an address"), 0));
            std::future::ready(Ok(answer.collect::<Vec<_>>().into_iter()))
        }
    }

    #[tokio::test]
    async fn every_answer_of_the_dns_is_checked() {
        let names = Names(vec!["1.1.1.1 127.0.0.1", "10.0.0.1", "127.0.0.1"]);
        let mut resolver = Resolver { names, reach: Reach::Public };
        let name = || Name::from_str("hook.example.org").expect("a name");
        let first: Vec<_> =
            resolver.call(name()).await.expect("one is public").map(|found| found.ip().to_string()).collect();
        assert_eq!(first, ["1.1.1.1"]);
        assert!(resolver.call(name()).await.is_err(), "the answer has changed");
        resolver.reach = Reach::Anywhere;
        assert_eq!(resolver.call(name()).await.expect("all may be reached").count(), 1);
    }
}
