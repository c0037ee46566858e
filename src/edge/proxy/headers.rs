//! How headers change on their way through the gateway.

use std::net::IpAddr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
pub const VISITOR: HeaderName = HeaderName::from_static("stanchion-visitor");
pub const COMMAND: HeaderName = HeaderName::from_static("stanchion-command");

/// The only protocol that may take a connection over. A protocol that carries HTTP again (h2c) could send requests for
/// which no pass was shown.
pub const WEBSOCKET: &str = "websocket";

/// Always hop-by-hop, whether `Connection` names them or not (RFC 9110 §7.6.1, §11.7).
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// How a request came to us.
#[derive(Debug, Clone, Copy)]
pub struct Hop {
    pub peer: IpAddr,
    /// The peer is one of `server.trusted_proxies`: the headers in which it describes the way before it are kept.
    pub trusted: bool,
    /// Browsers reach us by https.
    pub https: bool,
}

/// Removes the headers that were meant for this connection only.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // With two lengths, that of the chunks counts (RFC 9112 §6.3); the other one must not reach the next reader.
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    let named: Vec<HeaderName> = words(headers, &CONNECTION).filter_map(|word| word.parse().ok()).collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Whether this head asks for, or agrees to, web socket on its connection.
pub fn is_websocket(headers: &HeaderMap) -> bool {
    words(headers, &CONNECTION).any(|word| word.eq_ignore_ascii_case("upgrade"))
        && words(headers, &UPGRADE).any(|word| word.eq_ignore_ascii_case(WEBSOCKET))
}

/// Makes this head ask for, or agree to, web socket on the next connection.
pub fn set_websocket(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
}

/// Changes a request's headers into those that the server behind gets. `Stanchion-Visitor` is added after this, so that
/// a client cannot remove it by naming it in `Connection`.
pub fn inward(headers: &mut HeaderMap, host: Option<HeaderValue>, hop: Hop) {
    strip_hop_by_hop(headers);
    // The gateway itself answers `Expect`, as soon as the body is asked for.
    headers.remove(EXPECT);
    // Trailers could name a visitor once more, so none are passed on.
    headers.remove(TRAILER);
    // Our own headers are removed, and so are headers with an underscore, which many servers read as a dash.
    let ours: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("stanchion-") || name.as_str().contains('_'))
        .cloned()
        .collect();
    for name in &ours {
        headers.remove(name);
    }
    strip_cookies(headers);
    forwarded(headers, host.as_ref(), hop);
    if let Some(host) = host {
        headers.insert(HOST, host);
    }
    headers.append(VIA, HeaderValue::from_static("1.1 stanchion"));
}

fn forwarded(headers: &mut HeaderMap, host: Option<&HeaderValue>, hop: Hop) {
    if !hop.trusted {
        let told: Vec<HeaderName> =
            headers.keys().filter(|name| name.as_str().starts_with("x-forwarded-")).cloned().collect();
        for name in told.iter().chain(&[FORWARDED, REAL_IP]) {
            headers.remove(name);
        }
    }
    let mut way: Vec<Vec<u8>> = headers.get_all(FORWARDED_FOR).iter().map(|value| value.as_bytes().to_vec()).collect();
    way.push(hop.peer.to_canonical().to_string().into_bytes());
    if let Ok(way) = HeaderValue::from_bytes(&way.join(&b", "[..])) {
        headers.insert(FORWARDED_FOR, way);
    }
    let proto = HeaderValue::from_static(if hop.https { "https" } else { "http" });
    headers.entry(FORWARDED_PROTO).or_insert(proto);
    if let Some(host) = host {
        headers.entry(FORWARDED_HOST).or_insert_with(|| host.clone());
    }
}

/// Removes our cookies, of any event, and leaves the others as they are.
fn strip_cookies(headers: &mut HeaderMap) {
    let given: Vec<HeaderValue> = headers.get_all(COOKIE).iter().cloned().collect();
    headers.remove(COOKIE);
    for value in given {
        let ours = |pair: &[u8]| {
            let pair = pair.trim_ascii_start();
            pair.starts_with(b"stanchion_queue_") || pair.starts_with(b"stanchion_pass_")
        };
        let kept: Vec<&[u8]> = value.as_bytes().split(|b| *b == b';').filter(|pair| !ours(pair)).collect();
        let kept = kept.join(&b';');
        if let (false, Ok(kept)) = (kept.trim_ascii().is_empty(), HeaderValue::from_bytes(kept.trim_ascii())) {
            headers.append(COOKIE, kept);
        }
    }
}

/// The words of a comma-separated header, from all its lines.
fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let words = headers.get_all(name).into_iter().flat_map(|line| line.as_bytes().split(|&b| b == b','));
    words.filter_map(|word| std::str::from_utf8(word).ok()).map(str::trim)
}

#[cfg(test)]
mod tests;
