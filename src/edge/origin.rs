//! The origin of a browser's request: our own pages, a site that is allowed to call, or any other site.

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use super::answer::Answer;
use super::problem::{Code, Problem};
use crate::config;

/// How long a browser may remember a preflight, seconds.
const PREFLIGHT_S: &str = "600";

const REQUEST_HEADERS: &str =
    "authorization, content-type, idempotency-key, if-none-match, stanchion-pass, stanchion-queue, x-request-id";
const ANSWER_HEADERS: &str = "etag, idempotent-replayed, location, retry-after, stanchion-visitor, x-request-id";

pub struct Origins {
    /// The origin of `public_url`; `None`: that of the Host header.
    own: Option<String>,
    allowed: Vec<String>,
    pub https: bool,
}

impl Origins {
    pub fn new(server: &config::ServerConfig) -> Self {
        Self {
            own: normal(&server.public_url),
            allowed: server.cors_origins.iter().filter_map(|origin| normal(origin)).collect(),
            https: server.public_url.starts_with("https://"),
        }
    }

    /// Whether a cookie may be believed. The browser must name us as the request's origin; if it names none, the cookie
    /// is not believed.
    pub fn must_be_own(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let origin = text(headers, header::ORIGIN).map(|origin| self.is_own(origin, headers));
        let site = text(headers, HeaderName::from_static("sec-fetch-site")).map(|site| site == "same-origin");
        match (origin, site) {
            (None, None) | (Some(false), _) | (_, Some(false)) => Err(Code::BadOrigin.into()),
            (Some(true), _) | (_, Some(true)) => Ok(()),
        }
    }

    /// Whether the answer may replace cookies that the browser keeps. A page of a site that is neither ours nor allowed
    /// may not cause that. (Its POST carries none of our cookies, so its visitor would look like a newcomer.)
    pub fn must_not_be_foreign(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let foreign =
            |origin: &str| !self.is_own(origin, headers) && self.allowed(headers.get(header::ORIGIN)).is_none();
        if text(headers, header::ORIGIN).is_some_and(foreign) { Err(Code::BadOrigin.into()) } else { Ok(()) }
    }

    fn is_own(&self, origin: &str, headers: &HeaderMap) -> bool {
        let Some(origin) = normal(origin) else { return false };
        match &self.own {
            Some(own) => origin == *own,
            // A gateway behind a TLS proxy cannot tell the scheme, so both are accepted.
            None => text(headers, header::HOST).is_some_and(|host| {
                ["http", "https"].iter().any(|scheme| normal(&format!("{scheme}://{host}")).as_ref() == Some(&origin))
            }),
        }
    }

    fn allowed<'a>(&self, origin: Option<&'a HeaderValue>) -> Option<&'a str> {
        let origin = origin?.to_str().ok()?;
        self.allowed.contains(&normal(origin)?).then_some(origin)
    }

    /// Lets an allowed site's page read the answer; `origin` is the request's.
    pub fn share(&self, origin: Option<&HeaderValue>, answer: Answer) -> Answer {
        if self.allowed.is_empty() {
            return answer;
        }
        let answer = answer.vary("origin");
        match self.allowed(origin) {
            None => answer,
            Some(origin) => answer
                .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)
                .header(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS),
        }
    }

    /// The answer to `OPTIONS`; `share` adds the origin.
    pub fn preflight(&self, headers: &HeaderMap, methods: &str) -> Answer {
        let answer = Answer::no_content().header(header::ALLOW, methods);
        let asked = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asked || self.allowed(headers.get(header::ORIGIN)).is_none() {
            return answer;
        }
        answer
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, methods)
            .header(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS)
            .header(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_S)
    }
}

/// `scheme://host[:port]` in lower case, without the scheme's default port; `None`: not of this form (`null`).
fn normal(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, host) = (uri.scheme_str()?.to_ascii_lowercase(), uri.host()?.to_ascii_lowercase());
    Some(match (scheme.as_str(), uri.port_u16()) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => format!("{scheme}://{host}"),
        (_, Some(port)) => format!("{scheme}://{host}:{port}"),
    })
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    // An unreadable value counts as `null`, not as absent.
    headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("null"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(public_url: &str, cors: &[&str]) -> Origins {
        let mut config = config::load_from("", std::iter::empty()).expect("the defaults are good").server;
        config.public_url = public_url.to_owned();
        config.cors_origins = cors.iter().map(|&c| c.to_owned()).collect();
        Origins::new(&config)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), v.parse().expect("a value"))).collect()
    }

    #[test]
    fn only_foreign_pages_may_not_put_a_place_over_ours() {
        let fine = |pairs: &[(&'static str, &str)]| {
            origins("https://tickets.example", &["https://shop.example"]).must_not_be_foreign(&headers(pairs)).is_ok()
        };
        assert!(fine(&[]), "no browser");
        assert!(fine(&[("origin", "https://tickets.example")]));
        assert!(fine(&[("origin", "https://shop.example")]));
        assert!(!fine(&[("origin", "https://evil.example")]));
        assert!(!fine(&[("origin", "null")]));
    }

    #[test]
    fn a_cookie_counts_only_from_our_own_pages() {
        let own = |public_url: &str, pairs: &[(&'static str, &str)]| {
            origins(public_url, &["https://shop.example"]).must_be_own(&headers(pairs)).is_ok()
        };
        let site = "https://tickets.example";
        assert!(own(site, &[("origin", "https://TICKETS.example:443")]));
        assert!(own(site, &[("sec-fetch-site", "same-origin")]));
        assert!(own("", &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")]));
        assert!(own("", &[("host", "t.example"), ("origin", "https://t.example")]));
        let foreign: &[&[(&'static str, &str)]] = &[
            &[],
            &[("origin", "null")],
            &[("origin", "http://tickets.example")],
            &[("origin", "https://tickets.example.evil")],
            &[("origin", "https://shop.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://tickets.example"), ("sec-fetch-site", "cross-site")],
            &[("host", "evil.example"), ("origin", "https://evil.example")],
        ];
        for pairs in foreign {
            assert!(!own(site, pairs), "{pairs:?}");
        }
        assert!(!own("", &[("origin", "https://t.example")]), "no host to compare with");
    }

    #[test]
    fn only_allowed_sites_may_read() {
        let shared = |cors: &[&str], origin: &'static str| {
            let asked = headers(&[("origin", origin), ("access-control-request-method", "POST")]);
            let origins = origins("", cors);
            let answer =
                origins.share(asked.get(header::ORIGIN), origins.preflight(&asked, "GET, POST")).into_response();
            let get = |name: HeaderName| answer.headers().get(name).map(|v| v.to_str().expect("text").to_owned());
            (get(header::ACCESS_CONTROL_ALLOW_ORIGIN), get(header::ACCESS_CONTROL_ALLOW_METHODS))
        };
        let site = "https://shop.example";
        assert_eq!(shared(&[site], site), (Some(site.into()), Some("GET, POST".into())));
        assert_eq!(shared(&[site], "https://evil.example"), (None, None));
        assert_eq!(shared(&[], site), (None, None));
    }
}
