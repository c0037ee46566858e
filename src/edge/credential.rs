//! A visitor's credentials, the queue token and the pass: how a header or cookie carries them. Checking their
//! signatures belongs in `admission`.

use http::{HeaderMap, HeaderName, header};

pub const QUEUE_HEADER: HeaderName = HeaderName::from_static("stanchion-queue");
pub const PASS_HEADER: HeaderName = HeaderName::from_static("stanchion-pass");

/// How long a browser keeps a queue cookie, seconds. A place itself does not expire, so it gives no such time.
const QUEUE_COOKIE_S: i64 = 7 * 24 * 3600;

/// A cookie that the waiting room's page sets. If it comes back with the page's form, the browser keeps cookies.
const PROBE: &str = "stanchion_cookies";

/// The two credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    Queue,
    Pass,
}

/// How a credential came. A browser adds a cookie by itself, even to a request that another site made it send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    Header,
    Cookie,
    Body,
}

impl CredentialKind {
    fn header(self) -> HeaderName {
        match self {
            CredentialKind::Queue => QUEUE_HEADER,
            CredentialKind::Pass => PASS_HEADER,
        }
    }

    fn cookie(self, event: &str) -> String {
        match self {
            CredentialKind::Queue => format!("stanchion_queue_{event}"),
            CredentialKind::Pass => format!("stanchion_pass_{event}"),
        }
    }
}

/// The token or pass for an event. The header wins over cookies. Several cookies may have its name, since cookies of
/// another path or host reach us too: the first that is `good` counts, else the first.
pub fn find<'a>(
    headers: &'a HeaderMap,
    kind: CredentialKind,
    event: &str,
    good: impl Fn(&str) -> bool,
) -> Option<(&'a str, Carried)> {
    // An unreadable header counts as present, with an empty and so invalid token.
    if let Some(value) = headers.get(kind.header()) {
        return Some((value.to_str().unwrap_or(""), Carried::Header));
    }
    if !headers.contains_key(header::COOKIE) {
        return None;
    }
    let mut values = values(headers, kind, event);
    let first = values.next()?;
    let best = match values.next() {
        None => first,
        Some(second) => [first, second].into_iter().chain(values).find(|value| good(value)).unwrap_or(first),
    };
    Some((best, Carried::Cookie))
}

/// Whether one of the request's cookies for this credential and event contains exactly this text.
pub fn is_in_cookie(headers: &HeaderMap, kind: CredentialKind, event: &str, text: &str) -> bool {
    values(headers, kind, event).any(|value| value == text)
}

/// Whether the browser has kept the cookie of [`Jar::probe`].
pub fn keeps_cookies(headers: &HeaderMap) -> bool {
    cookies(headers).any(|(name, _)| name == PROBE.as_bytes())
}

/// The values of all cookies for this credential and event.
fn values<'a>(headers: &'a HeaderMap, kind: CredentialKind, event: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let name = kind.cookie(event);
    let ours = cookies(headers).filter(move |(n, _)| *n == name.as_bytes());
    ours.filter_map(|(_, value)| std::str::from_utf8(value).ok())
}

/// Names and values of all cookies, as bytes: other programs on this host may put any bytes into their cookies, and
/// those must not hide ours.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let pairs = headers.get_all(header::COOKIE).iter().flat_map(|value| value.as_bytes().split(|&b| b == b';'));
    pairs.filter_map(|pair| {
        let pair = pair.trim_ascii();
        let at = pair.iter().position(|&b| b == b'=')?;
        Some((&pair[..at], &pair[at + 1..]))
    })
}

/// Attributes of our cookies.
#[derive(Debug, Clone, Copy)]
pub struct Jar {
    pub https: bool,
}

impl Jar {
    pub fn queue(self, event: &str, token: &str) -> String {
        self.set(CredentialKind::Queue, event, token, QUEUE_COOKIE_S)
    }

    pub fn pass(self, event: &str, pass: &str, expires_in_s: i64) -> String {
        self.set(CredentialKind::Pass, event, pass, expires_in_s)
    }

    /// A cookie for the browser's session, which only shows that the browser keeps cookies.
    pub fn probe(self) -> String {
        format!("{PROBE}=1; Path=/room; HttpOnly; SameSite=Lax{}", self.secure())
    }

    /// Makes the browser delete the cookie.
    pub fn drop(self, kind: CredentialKind, event: &str) -> String {
        self.set(kind, event, "", 0)
    }

    fn set(self, kind: CredentialKind, event: &str, value: &str, max_age_s: i64) -> String {
        let (name, secure) = (kind.cookie(event), self.secure());
        format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}")
    }

    fn secure(self) -> &'static str {
        if self.https { "; Secure" } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(headers: &'a HeaderMap, kind: CredentialKind, event: &str) -> Option<(&'a str, Carried)> {
        super::find(headers, kind, event, |value| value.starts_with("good"))
    }

    #[test]
    fn a_header_wins_over_the_cookie_of_its_event() {
        let mut headers = HeaderMap::new();
        let cookies = "a=b; stanchion_queue_hall=one; stanchion_queue_dome=two;stanchion_pass_hall=p";
        headers.insert(header::COOKIE, cookies.parse().expect("a value"));
        assert_eq!(find(&headers, CredentialKind::Queue, "hall"), Some(("one", Carried::Cookie)));
        assert_eq!(find(&headers, CredentialKind::Pass, "hall"), Some(("p", Carried::Cookie)));
        assert_eq!(find(&headers, CredentialKind::Pass, "dome"), None);
        headers.insert(QUEUE_HEADER, "three".parse().expect("a value"));
        assert_eq!(find(&headers, CredentialKind::Queue, "hall"), Some(("three", Carried::Header)));
    }

    #[test]
    fn a_strangers_cookie_of_any_bytes_hides_none_of_ours() {
        let mut headers = HeaderMap::new();
        let cookies = "nick=\u{d64d}\u{ae38}; stanchion_queue_hall=one; x=\u{e9}".as_bytes();
        headers.insert(header::COOKIE, http::HeaderValue::from_bytes(cookies).expect("a value"));
        assert_eq!(find(&headers, CredentialKind::Queue, "hall"), Some(("one", Carried::Cookie)));
        assert_eq!(find(&headers, CredentialKind::Pass, "hall"), None);
    }

    #[test]
    fn of_several_cookies_the_first_good_one_counts() {
        let mut headers = HeaderMap::new();
        let cookies = "stanchion_queue_hall=old; stanchion_queue_hall=good1; stanchion_queue_hall=good2";
        headers.insert(header::COOKIE, cookies.parse().expect("a value"));
        assert_eq!(find(&headers, CredentialKind::Queue, "hall"), Some(("good1", Carried::Cookie)));
        assert!(is_in_cookie(&headers, CredentialKind::Queue, "hall", "old"));
        assert!(!is_in_cookie(&headers, CredentialKind::Pass, "hall", "old"));
        headers.insert(header::COOKIE, "stanchion_queue_hall=a; stanchion_queue_hall=b".parse().expect("a value"));
        assert_eq!(find(&headers, CredentialKind::Queue, "hall"), Some(("a", Carried::Cookie)));
    }

    #[test]
    fn cookies_are_out_of_reach_of_scripts_and_other_sites() {
        let cookie = Jar { https: true }.pass("hall", "x.y.z", 60);
        assert_eq!(cookie, "stanchion_pass_hall=x.y.z; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
        assert!(!Jar { https: false }.queue("hall", "t").contains("Secure"));
        assert!(
            Jar { https: false }
                .drop(CredentialKind::Queue, "hall")
                .starts_with("stanchion_queue_hall=; Path=/; Max-Age=0")
        );
    }
}
