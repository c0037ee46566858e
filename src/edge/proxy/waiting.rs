//! The answer that visitors without a live pass get instead of what they asked for.
//!
//! Browsers are sent to the waiting room's page, and from there back. A program that has a place in line gets that
//! place, with 503 and `Retry-After`: it must not be taken for the shop's own answer, and clients, caches and crawlers
//! understand 503 as "the same again, later". Without a place, asking again is of no use: 403 `PASS_REQUIRED`.

use http::{Method, StatusCode, Uri};

use crate::admission::VisitorPlace;
use crate::catalog::Event;
use crate::edge::api::queue;
use crate::edge::api::room::onward::{is_own_path, parameter};
use crate::edge::error_page::is_page;
use crate::edge::problem::{Code, Problem};
use crate::edge::{Answer, Outcome, Request};

pub async fn wait(request: Request, event: &Event, uri: &Uri) -> Outcome {
    if is_page(&request.headers) {
        let room = format!("/room/{}{}", event.id, back(&request.method, uri));
        return Ok(Answer::empty(StatusCode::SEE_OTHER).location(&room).no_store());
    }
    let required = || Problem::new(Code::PassRequired).detail(format!("enter at /v1/events/{}/queue", event.id));
    let Ok(token) = queue::token(&request, event) else { return Err(required()) };
    let standing = queue::poll_place(&request, &event.room(), token, None).await?;
    match standing.place {
        VisitorPlace::Done { .. } | VisitorPlace::Closed { .. } => Err(required()),
        VisitorPlace::Scheduled { .. }
        | VisitorPlace::Waiting { .. }
        | VisitorPlace::Late { .. }
        | VisitorPlace::Admitted { .. }
        | VisitorPlace::Recovering => {
            let after_s = u64::try_from(standing.poll_after_ms).unwrap_or(0).div_ceil(1_000).max(1);
            let answer = queue::placed(&request, event, StatusCode::SERVICE_UNAVAILABLE, standing);
            Ok(answer.retry_after(after_s))
        }
    }
}

/// The `?return=` that brings the visitor back, or empty. What was sent with a POST cannot be sent again.
fn back(method: &Method, uri: &Uri) -> String {
    let whole = uri.path_and_query().map_or("/", |whole| whole.as_str());
    let fits = |path: &&str| is_own_path(path);
    let read = matches!(*method, Method::GET | Method::HEAD);
    match [whole, uri.path()].into_iter().filter(|_| read).find(fits) {
        Some(path) => format!("?{}", parameter(path)),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitors_are_brought_back_where_they_wanted_to_go() {
        let back = |method, uri: &str| back(&method, &uri.parse().expect("a uri"));
        assert_eq!(back(Method::GET, "/shop/a?b=c&d"), "?return=%2Fshop%2Fa%3Fb%3Dc%26d");
        assert_eq!(back(Method::GET, &format!("/shop?{}", "x".repeat(3_000))), "?return=%2Fshop");
        assert_eq!(back(Method::GET, "//evil.example/shop"), "");
        assert_eq!(back(Method::POST, "/shop"), "");
    }
}
