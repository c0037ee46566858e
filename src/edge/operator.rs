//! What an operator may ask of the running house beyond the catalogue: `app` gives the admin routes one
//! of these, so that the edge need not know the pipeline.

use async_trait::async_trait;

use super::views::operations::{AuditView, PipelineView};

/// What a payment attempt came to, as a human found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    Captured,
    Declined,
    NotDone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeued {
    Done,
    /// No dead letter has this id.
    NotFound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    Done,
    /// No attempt has this id.
    NotFound,
    /// The attempt has its answer already.
    Closed,
}

/// A part of the house was away.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

#[async_trait]
pub trait Operator: Send + Sync + 'static {
    async fn audit(&self) -> Result<AuditView, Fault>;
    async fn pipeline(&self) -> Result<PipelineView, Fault>;
    /// Returns a dead letter, and the later records of its order, to its lane.
    async fn requeue(&self, dead_letter: &str) -> Result<Requeued, Fault>;
    /// Closes an open payment attempt with an answer the provider would not give.
    async fn resolve(&self, payment: &str, resolution: Resolution) -> Result<Resolved, Fault>;
}
