//! What operators ask of the running gateway: the audit, the pipeline, its dead letters.

pub mod routes;
pub mod view;

use http::StatusCode;

use self::view::DeadLetterView;
use crate::edge::api::page::{Page, Wanted};
use crate::edge::operator::RequeueOutcome;
use crate::edge::{Answer, Code, Outcome, Problem, Request};

/// `GET /v1/admin/audit`
pub async fn audit(request: Request) -> Outcome {
    let report = request.state.operator.audit().await.map_err(|fault| Problem::unavailable("audit", fault))?;
    Ok(Answer::json(StatusCode::OK, &report).no_store())
}

/// `GET /v1/admin/pipeline`
pub async fn pipeline(request: Request) -> Outcome {
    let report = request.state.operator.pipeline().await.map_err(|fault| Problem::unavailable("pipeline", fault))?;
    Ok(Answer::json(StatusCode::OK, &report).no_store())
}

/// `POST /v1/admin/dead-letters/{id}/requeue`
pub async fn requeue(request: Request) -> Outcome {
    let requeued = request.state.operator.requeue(request.param("id")).await;
    match requeued.map_err(|fault| Problem::unavailable("pipeline", fault))? {
        RequeueOutcome::Done => Ok(Answer::no_content()),
        RequeueOutcome::NotFound => Err(Code::NotFound.into()),
    }
}

/// `GET /v1/admin/dead-letters`: oldest first.
pub async fn dead_letters(request: Request) -> Outcome {
    let Wanted { after, limit } = Wanted::of(&request)?;
    let letters = request.state.ledger.dead_letters(after, limit).await?;
    Ok(Answer::json(StatusCode::OK, &Page::of(letters, DeadLetterView::new)).no_store())
}
