//! Pages for browsers.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};

use crate::edge::{Answer, Outcome, Request};
use crate::web;

/// `GET /`
pub async fn index(_request: Request) -> Outcome {
    let answer = Answer::bytes(StatusCode::OK, "text/html; charset=utf-8", web::INDEX);
    Ok(answer
        .header(CACHE_CONTROL, "public, max-age=300")
        .header(CONTENT_SECURITY_POLICY, web::POLICY)
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
}
