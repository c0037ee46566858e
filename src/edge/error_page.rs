//! Errors as pages, for requests whose answer a person sees.

use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFRESH, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, Method, StatusCode, Uri};

use super::answer::Answer;
use super::api::room::onward;
use super::http::listed::listed;
use super::http::query::Query;
use super::problem::{Code, Problem};
use crate::random;
use crate::web::room::{self, Again, ErrorCause, ErrorPage, Lang, Template};

/// After a fault that names no time, a page is tried again after this many seconds.
const AGAIN_S: u64 = 5;

/// Whether the answer is shown to a person: the client accepts `text/html`.
pub fn is_page(headers: &HeaderMap) -> bool {
    accepts(headers, b"text/html")
}

fn accepts(headers: &HeaderMap, wanted: &[u8]) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().flat_map(|value| value.as_bytes().split(|&b| b == b','));
    accepted.into_iter().any(|kind| kind.trim_ascii().starts_with(wanted))
}

/// What an error's page needs to know of its request. It is noted before the request is handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorPageRequest {
    lang: Lang,
    /// The path at which the page is tried again; empty: its own address. `None`: another try could change something.
    again: Option<String>,
}

impl ErrorPageRequest {
    /// `None`: a program asks. Under `/room/` a client that does not ask for HTML gets a page too, unless it accepts
    /// JSON.
    pub fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        let room = uri.path().strip_prefix("/room/");
        if !is_page(headers) && (room.is_none() || accepts(headers, b"application/json")) {
            return None;
        }
        let own = matches!(*method, Method::GET | Method::HEAD).then(String::new);
        // A form of the waiting room's page leads back to the page, and keeps where the page leads on.
        let event = room.and_then(|rest| rest.split('/').next()).filter(|event| crate::facts::ids::is_slug(event));
        let page = |event| match onward::returning(&Query::parse(uri.query().unwrap_or(""))) {
            Some(kept) => format!("/room/{event}?{kept}"),
            None => format!("/room/{event}"),
        };
        Some(Self { lang: Lang::wanted(listed(headers, &ACCEPT_LANGUAGE)), again: own.or_else(|| event.map(page)) })
    }

    /// The problem as a page, with its status and all its headers.
    pub fn page(&self, problem: &Problem, request_id: &str, template: &Template) -> Answer {
        let nonce = hex::encode(random::bytes::<16>());
        let after_s = after_s(problem);
        let again = after_s.and_then(|after_s| Some(Again { after_s, path: self.again.as_deref()? }));
        let code = problem.code.text();
        let page = ErrorPage { fault: fault(problem.code), lang: self.lang, nonce: &nonce, code, request_id, again };
        let answer = Answer::problem(problem, request_id)
            .with_body(page.write(template))
            .header(CONTENT_TYPE, "text/html; charset=utf-8")
            .vary("accept")
            .vary("accept-language")
            .header(CONTENT_SECURITY_POLICY, &room::policy(&nonce))
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff");
        match again {
            Some(Again { after_s, path: "" }) => answer.header(REFRESH, &after_s.to_string()),
            Some(Again { after_s, path }) => answer.header(REFRESH, &format!("{after_s}; url={path}")),
            None => answer,
        }
    }
}

/// Seconds until the page tries again; `None`: another try is useless. The time is never shorter than `Retry-After`. It
/// is random, so that not all pages come back at once.
fn after_s(problem: &Problem) -> Option<u64> {
    let ours = problem.code.status().is_server_error();
    let least_s = problem.retry_after_seconds().or(ours.then_some(AGAIN_S))?;
    Some(least_s + random::below(least_s.clamp(2, 30) + 1))
}

fn fault(code: Code) -> ErrorCause {
    match (code, code.status()) {
        (Code::EventNotFound, _) => ErrorCause::Event,
        (_, StatusCode::NOT_FOUND) => ErrorCause::Missing,
        (_, StatusCode::TOO_MANY_REQUESTS) => ErrorCause::Many,
        (Code::Internal, _) => ErrorCause::Ours,
        (_, status) if status.is_server_error() => ErrorCause::Busy,
        _ => ErrorCause::Refused,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(accept: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))])
    }

    #[test]
    fn browsers_get_pages() {
        assert!(is_page(&headers("text/html,application/xhtml+xml,*/*;q=0.8")));
        assert!(!is_page(&headers("application/json")));
        assert!(!is_page(&headers("*/*")));
    }

    #[test]
    fn a_page_is_tried_again_where_that_changes_nothing() {
        let again = |method, path: &str, accept| {
            ErrorPageRequest::of(&method, &path.parse().expect("a path"), &headers(accept))
                .map(|reader| reader.again.unwrap_or_else(|| "never".into()))
        };
        let html = "text/html";
        assert_eq!(again(Method::GET, "/shop", html).as_deref(), Some(""));
        assert_eq!(again(Method::POST, "/shop", html).as_deref(), Some("never"));
        assert_eq!(again(Method::POST, "/room/hall/leave", html).as_deref(), Some("/room/hall"));
        let kept = again(Method::POST, "/room/hall?return=%2Fshop", html);
        assert_eq!(kept.as_deref(), Some("/room/hall?return=%2Fshop"), "it still leads on to where it did");
        let evil = again(Method::POST, "/room/hall?return=%2F%2Fevil", html);
        assert_eq!(evil.as_deref(), Some("/room/hall"));
        assert_eq!(again(Method::POST, "/room/Hall%22/leave", html).as_deref(), Some("never"), "no slug");
        assert_eq!(again(Method::GET, "/room/hall", "*/*").as_deref(), Some(""));
        assert_eq!(again(Method::GET, "/room/hall", "application/json"), None);
        assert_eq!(again(Method::GET, "/v1/events", "*/*"), None);
    }

    #[test]
    fn what_may_pass_is_tried_again_not_too_soon_and_not_all_at_once() {
        let many = |problem: &Problem| (0..200).map(|_| after_s(problem)).collect::<std::collections::BTreeSet<_>>();
        let busy = many(&Problem::new(Code::Overloaded).retry_after(30));
        assert!(busy.iter().all(|s| s.is_some_and(|s| (30..=60).contains(&s))) && busy.len() > 5, "{busy:?}");
        assert!(many(&Code::Internal.into()).iter().all(|s| s.is_some_and(|s| s >= AGAIN_S)));
        assert_eq!(after_s(&Code::EventNotFound.into()), None);
        assert_eq!(after_s(&Code::BadOrigin.into()), None);
    }
}
