//! Pages for browsers.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};

use crate::edge::router::{Route, get};
use crate::edge::{Answer, Outcome, Request};
use crate::web;

pub fn routes() -> Vec<Route> {
    vec![
        get("/", "index", "The front door, for browsers", index)
            .about("A page with a few links, the same for everybody.")
            .answers_text("The page", "text/html", "<!doctype html>…"),
    ]
}

/// `GET /`
pub async fn index(_request: Request) -> Outcome {
    let answer = Answer::bytes(StatusCode::OK, "text/html; charset=utf-8", web::INDEX);
    Ok(answer
        .header(CACHE_CONTROL, "public, max-age=300")
        .header(CONTENT_SECURITY_POLICY, web::POLICY)
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
}
