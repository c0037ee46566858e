//! Error pages: what a browser is shown instead of a JSON error, with the same status.

use http::Method;
use serde_json::json;

use crate::edge::support::{Answer, Edge};

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// The text of a page's headline. Checks the page's status, language and headers.
#[track_caller]
fn headline<'a>(answer: &'a Answer, status: u16, lang: &str) -> &'a str {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(
        (answer.header("cache-control"), answer.header("x-content-type-options")),
        (Some("no-store"), Some("nosniff"))
    );
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'nonce-") && !policy.contains("unsafe"), "{policy}");
    assert!(answer.text.contains(&format!("<html lang=\"{lang}\">")), "{}", answer.text);
    let (_, rest) = answer.text.split_once("<h1 id=\"headline\">").expect("a headline");
    rest.split('<').next().expect("a first part")
}

/// Seconds after which the browser asks again.
fn refresh(answer: &Answer) -> Option<u64> {
    answer.header("refresh").map(|text| text.split(';').next().expect("a first part").parse().expect("seconds"))
}

#[tokio::test]
async fn what_is_not_there_is_a_page() {
    let edge = Edge::new().await;
    let event = edge.get("/room/nowhere").header("accept", HTML).send().await;
    assert_eq!((headline(&event, 404, "en"), refresh(&event)), ("There is no such event", None));
    let code = event.header("x-request-id").expect("an id");
    assert!(event.text.contains(&format!("EVENT_NOT_FOUND · {code}")), "the page names the code and the request's id");
    // Below `/room` every error is a page, unless the request asks for JSON.
    let korean = edge.get("/room/nowhere").header("accept-language", "ko-KR").send().await;
    assert_eq!(headline(&korean, 404, "ko"), "그런 공연이 없습니다");
    let json = edge.get("/room/nowhere").header("accept", "application/json").send().await;
    assert_eq!(json.code(), (404, "EVENT_NOT_FOUND"));

    let missing = edge.get("/nothing").header("accept", HTML).send().await;
    assert_eq!(headline(&missing, 404, "en"), "There is nothing here");
    assert_eq!(edge.get("/nothing").header("accept", "*/*").send().await.code(), (404, "NOT_FOUND"));
    let admin = edge.admin_call(Method::GET, "/").header("accept", HTML).send().await;
    assert_eq!(headline(&admin, 404, "en"), "There is nothing here", "the admin listener's root");
}

#[tokio::test]
async fn a_browser_that_asks_too_often_asks_again_by_itself() {
    let edge = Edge::with(|config| config.limits.client_rps = 1).await;
    edge.put_event("hall", json!({})).await;
    let mut refused = None;
    while refused.is_none() {
        let answer = edge.get("/room/hall").header("accept", HTML).send().await;
        refused = Some(answer).filter(|answer| answer.status == 429);
    }
    let refused = refused.expect("refused");
    assert_eq!(headline(&refused, 429, "en"), "Too many requests");
    let least: u64 = refused.header("retry-after").expect("a time").parse().expect("seconds");
    assert!(refresh(&refused).is_some_and(|s| s >= least), "{:?}", refused.headers);
    let soon = format!("This page tries again by itself in {} s.", refresh(&refused).expect("seconds"));
    assert!(refused.text.contains(&soon), "the text names the seconds of the header: {}", refused.text);
}

/// A page without a script refreshes itself. No answer of the gateway may end that.
#[tokio::test]
async fn an_outage_does_not_end_the_refreshes_of_who_is_in_line() {
    let edge = Edge::with(|config| config.limits.in_flight = 0).await;
    for path in ["/room/hall", "/room/hall/leave", "/shop"] {
        let busy = edge.get(path).header("accept", HTML).send().await;
        assert_eq!(headline(&busy, 503, "en"), "Just a moment", "{path}");
        assert!(refresh(&busy).is_some() && busy.header("retry-after").is_some(), "{path}: {:?}", busy.headers);
    }
    // The refresh does not send the form again: it asks for the page of the form.
    let form = edge.post("/room/hall/leave").header("accept", HTML).send().await;
    assert_eq!(headline(&form, 503, "en"), "Just a moment");
    assert!(form.header("refresh").is_some_and(|text| text.ends_with("; url=/room/hall")), "{:?}", form.headers);
    let elsewhere = edge.post("/shop").header("accept", HTML).send().await;
    assert_eq!((headline(&elsewhere, 503, "en"), refresh(&elsewhere)), ("Just a moment", None));
    assert_eq!(edge.get("/v1/events").send().await.code(), (503, "OVERLOADED"), "programs read JSON");
}

#[tokio::test]
async fn a_fault_of_ours_is_a_page_too() {
    let edge = Edge::new().await;
    let bearer = edge.token("root", "admin");
    let fault = edge.admin_call(Method::GET, "/v1/admin/pipeline").bearer(&bearer).header("accept", HTML).send().await;
    assert_eq!(headline(&fault, 500, "en"), "Something went wrong");
    assert!(refresh(&fault).is_some() && !fault.text.contains("panics"), "nothing internal");
}
