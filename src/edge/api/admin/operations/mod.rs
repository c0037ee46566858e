//! What operators ask of the running gateway: the audit, the pipeline, its dead letters, and payments whose end only a
//! person can find out.

pub mod routes;
pub mod view;

use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::edge::operator::{RequeueOutcome, Resolution, ResolveOutcome};
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

/// How a payment attempt ended, as a person found out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ResolveRequest)]
pub struct ResolveBody {
    pub outcome: Resolution,
}

/// `POST /v1/admin/payments/{id}/resolve`
pub async fn resolve(request: Request) -> Outcome {
    let body = request.json::<ResolveBody>()?;
    let resolved = request.state.operator.resolve(request.param("id"), body.value.outcome).await;
    match resolved.map_err(|fault| Problem::unavailable("pipeline", fault))? {
        ResolveOutcome::Done => Ok(Answer::no_content()),
        ResolveOutcome::NotFound => Err(Code::NotFound.into()),
        ResolveOutcome::Closed => Err(Problem::new(Code::NotPayable).detail("this attempt has its answer already")),
    }
}
