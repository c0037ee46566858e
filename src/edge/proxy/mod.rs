//! Reverse-proxy mode: the servers behind the gateway, and what passes between them and visitors with a live pass.

mod flow;
mod headers;
mod path;
mod places;
mod relay;
mod tunnel;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{HeaderMap, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use headers::Hop;
pub use relay::{RelayRequest, Relayed};
pub use tunnel::Inside;
pub use waiting::wait;

use super::answer::AnswerBody;
use crate::config;
use path::Plain;
use places::Places;

/// Most idle connections to one server that are kept.
const KEPT_MAX: usize = 256;

/// Most bytes of one answer's headers.
const BUFFER_MAX: usize = 64 * 1024;

/// Paths below these never go to another server, even if this listener does not serve them. Otherwise a call of the
/// admin API at the wrong listener would show an admin's token to the shop.
const OWN: [&str; 2] = ["/v1", "/room"];

/// All servers behind the gateway, the most particular first: those with a host, then those with the longest path.
pub struct Upstreams {
    all: Vec<Arc<Upstream>>,
    tunnels: Tunnels,
}

/// Connections that are no longer HTTP.
#[derive(Clone, Default)]
struct Tunnels {
    open: TaskTracker,
    closing: CancellationToken,
}

/// A server behind the gateway.
pub struct Upstream {
    path: String,
    host: String,
    /// The event whose pass opens it.
    pub event: String,
    scheme: Scheme,
    authority: Authority,
    client: Client<HttpsConnector<HttpConnector>, AnswerBody>,
    /// This client keeps no connection: each of its requests has one of its own.
    fresh: Client<HttpsConnector<HttpConnector>, AnswerBody>,
    places: Places,
    answer: Duration,
    idle: Duration,
    /// Least rate of a request's body, bytes a second; 0: none.
    upload_bytes_s: u64,
    tunnels: Tunnels,
}

impl Upstreams {
    pub fn new(upstreams: &[config::UpstreamConfig]) -> Self {
        let tunnels = Tunnels::default();
        let mut all: Vec<_> = upstreams.iter().map(|u| Arc::new(Upstream::new(u, tunnels.clone()))).collect();
        all.sort_by_key(|upstream| (upstream.host.is_empty(), std::cmp::Reverse(upstream.path.len())));
        Self { all, tunnels }
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The server a request is for, if there is one. Paths are compared as a server may read them: decoded, and with
    /// one slash for several. A path with `.` or `..` segments leads nowhere.
    pub fn find(&self, uri: &Uri, headers: &HeaderMap) -> Option<&Arc<Upstream>> {
        if self.all.is_empty() {
            return None;
        }
        let path = Plain::of(uri.path())?;
        if OWN.iter().any(|own| path.is_under(own)) {
            return None;
        }
        let host = host(uri, headers).unwrap_or_default();
        self.all.iter().find(|u| (u.host.is_empty() || u.host == host) && path.is_under(&u.path))
    }

    /// Ends the web sockets and waits for them.
    pub async fn finish(&self) {
        self.tunnels.closing.cancel();
        self.tunnels.open.close();
        self.tunnels.open.wait().await;
    }
}

impl Upstream {
    fn new(config: &config::UpstreamConfig, tunnels: Tunnels) -> Self {
        let url: Uri = config.url.parse().expect("the configuration was checked");
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(Duration::from_millis(config.connect_ms)));
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())
            .expect("the provider knows the default versions")
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = |kept_max: usize| {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(Duration::from_millis(config.keep_ms))
                .pool_max_idle_per_host(kept_max)
                .http1_max_buf_size(BUFFER_MAX)
                .build(connector.clone())
        };
        Self {
            path: config.path.trim_end_matches('/').to_owned(),
            host: config.host.clone(),
            event: config.event.clone(),
            scheme: url.scheme().cloned().expect("the configuration was checked"),
            authority: url.authority().cloned().expect("the configuration was checked"),
            client: client(KEPT_MAX),
            fresh: client(0),
            places: Places::new(config.connections_max, config.visitor_max),
            upload_bytes_s: config.upload_bytes_s,
            answer: Duration::from_millis(config.answer_ms),
            idle: Duration::from_millis(config.idle_ms),
            tunnels,
        }
    }
}

/// The host that a request names, in lower case and without its port. The host of the target wins over the header
/// (RFC 9112 §3.2).
fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let of = |authority: &Authority| authority.host().trim_end_matches('.').to_ascii_lowercase();
    let named = || headers.get(header::HOST)?.to_str().ok()?.parse::<Authority>().ok();
    uri.authority().map(of).or_else(|| named().as_ref().map(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(host: &str, path: &str, event: &str) -> config::UpstreamConfig {
        let text = format!(
            "[[upstream]]\nhost = {host:?}\npath = {path:?}\nevent = {event:?}\nurl = \"http://127.0.0.1:1\"\n"
        );
        config::load_from(&text, std::iter::empty()).expect("good").upstream.remove(0)
    }

    #[tokio::test]
    async fn the_most_particular_upstream_is_found() {
        let upstreams = Upstreams::new(&[
            upstream("", "/", "rest"),
            upstream("", "/shop", "shop"),
            upstream("", "/shop/vip", "vip"),
            upstream("tickets.example", "", "tickets"),
            upstream("tickets.example", "/box", "box"),
        ]);
        let find = |uri: &str, host: &str| {
            let request = http::Request::builder().uri(uri).header("host", host).body(()).expect("a request");
            upstreams.find(request.uri(), request.headers()).map(|u| u.event.clone()).unwrap_or_default()
        };
        for (uri, host, event) in [
            ("/", "x", "rest"),
            ("/shopping", "x", "rest"),
            ("/shop", "x", "shop"),
            ("/shop/", "x", "shop"),
            ("/shop/vip", "x", "vip"),
            ("/shop/vip/1?a=/..", "x", "vip"),
            // As the server behind may read it.
            ("/shop/v%69p", "x", "vip"),
            ("//shop///vip", "x", "vip"),
            ("/shop/a/../vip", "x", ""),
            ("/shop/%2e%2E/vip", "x", ""),
            ("/shop/a%2f..%2fvip", "x", ""),
            ("/shop/..\\vip", "x", ""),
            // As a servlet container may read it.
            ("/shop/vip;x/1", "x", "vip"),
            ("/shop;a=b/vip;x=1", "x", "vip"),
            ("/;/shop/;x/vip/1", "x", "vip"),
            ("/shop/v%69p%3Bx/secret", "x", "vip"),
            ("/shop/..;/vip/x", "x", ""),
            ("/shop/..%3bx/vip", "x", ""),
            ("/shop/%2e%2e;x=1/vip", "x", ""),
            ("/shop/.;/vip", "x", ""),
            ("/v1;x/admin/audit", "x", ""),
            ("/;/v1/admin/audit", "x", ""),
            ("/shop", "TICKETS.example:8080", "tickets"),
            ("/box/1", "tickets.example.", "box"),
            ("http://tickets.example/box", "x", "box"),
            // Ours, served or not.
            ("/v1/admin/audit", "x", ""),
            ("/%761/admin/audit", "tickets.example", ""),
            ("/room/hall", "tickets.example", ""),
            ("*", "x", ""),
        ] {
            assert_eq!(find(uri, host), event, "{uri} at {host}");
        }
    }
}
