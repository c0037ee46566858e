//! Probes and metrics, for operators.

use http::StatusCode;

use crate::edge::{Answer, Outcome, Request};

pub async fn livez(_request: Request) -> Outcome {
    Ok(Answer::bytes(StatusCode::OK, "text/plain; charset=utf-8", "ok\n"))
}
