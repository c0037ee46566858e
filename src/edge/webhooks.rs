//! Webhooks of payment providers. `app` implements this, so that the edge does not depend on the pipeline.

use async_trait::async_trait;
use http::HeaderMap;

use super::operator::PartFault;
use crate::facts::ids::OrderId;

/// What a webhook says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// Something happened to this order's payment; `None`: it is about nothing of this house.
    Taken(Option<OrderId>),
    /// No such provider is configured, or it sends no webhooks.
    NotFound,
    /// It is not the provider's, or it cannot be read.
    Refused,
}

#[async_trait]
pub trait Webhooks: Send + Sync + 'static {
    /// Verifies and reads a webhook.
    fn read(&self, provider: &str, headers: &HeaderMap, body: &[u8]) -> WebhookOutcome;
    /// Notes that something happened to this order's payment.
    async fn note(&self, provider: &str, order: &OrderId) -> Result<(), PartFault>;
}
