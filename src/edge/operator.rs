//! What an operator may ask of the running gateway beyond the catalogue. `app` implements it, so that the edge does not
//! depend on the pipeline.

use async_trait::async_trait;

use super::api::admin::operations::view::{AuditView, PipelineView};

/// How a payment attempt ended, as a person found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    Captured,
    Declined,
    NotDone,
}

/// How a refund ended, as a person found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundResolution {
    /// The money is with the buyer.
    Done,
    /// It stays with the house; the ticket is valid again.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequeueOutcome {
    Done,
    /// No dead letter has this id.
    NotFound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolveOutcome {
    Done,
    /// No attempt or refund has this id.
    NotFound,
    /// It has its answer already.
    Closed,
}

/// A part of the gateway failed, or did not answer.
pub type PartFault = Box<dyn std::error::Error + Send + Sync>;

#[async_trait]
pub trait Operator: Send + Sync + 'static {
    async fn audit(&self) -> Result<AuditView, PartFault>;
    async fn pipeline(&self) -> Result<PipelineView, PartFault>;
    /// Writes a dead letter, and all other dead letters of its order, to the ledger and to its lane's log again.
    async fn requeue(&self, dead_letter: &str) -> Result<RequeueOutcome, PartFault>;
    /// Closes an open payment attempt with the answer that its provider did not give.
    async fn resolve(&self, payment: &str, resolution: Resolution) -> Result<ResolveOutcome, PartFault>;
    /// Closes an open refund with the answer that its provider did not give.
    async fn resolve_refund(&self, refund: &str, resolution: RefundResolution) -> Result<ResolveOutcome, PartFault>;
}
