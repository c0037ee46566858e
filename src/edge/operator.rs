//! What an operator may ask of the running gateway beyond the catalogue. `app` implements it, so that the edge does not
//! depend on the pipeline.

use async_trait::async_trait;

use super::api::admin::operations::view::{AuditView, PipelineView};
use crate::ledger::outbox::subscription::{Subscription, SubscriptionState};
use crate::ledger::provider_payout::{PaidOut, PayoutAsk};
use crate::ledger::settlement::{CloseAsk, Closed, PaidAsk, Settled};

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

/// What a webhook is to be.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookAsk {
    pub name: String,
    pub url: String,
    /// `None`: the one it has.
    pub secret: Option<String>,
    pub types: Vec<String>,
    pub state: SubscriptionState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookPut {
    Created(Subscription),
    Changed(Subscription),
    /// It is new, and no secret was given.
    NeedsSecret,
    /// The house has as many as it may have.
    TooMany,
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
    async fn put_webhook(&self, ask: WebhookAsk) -> Result<WebhookPut, PartFault>;
    /// False: there is none.
    async fn delete_webhook(&self, name: &str) -> Result<bool, PartFault>;
    /// Sends a notice again. False: there is no such delivery.
    async fn replay_delivery(&self, webhook: &str, id: &str) -> Result<bool, PartFault>;
    /// Makes a test notice. Returns its id.
    async fn test_webhook(&self, name: &str) -> Result<String, PartFault>;
    /// Closes a month of an organizer. What is not done soon is done later.
    async fn close_settlement(&self, ask: CloseAsk) -> Result<Closed, PartFault>;
    /// Notes that an organizer has the money of a closed month.
    async fn settlement_paid(&self, ask: PaidAsk) -> Result<Settled, PartFault>;
    /// Books what a payment provider paid out.
    async fn provider_payout(&self, ask: PayoutAsk) -> Result<PaidOut, PartFault>;
    /// Closes an open refund with the answer that its provider did not give.
    async fn resolve_refund(&self, refund: &str, resolution: RefundResolution) -> Result<ResolveOutcome, PartFault>;
}
