//! Webhooks of payment providers. `app` implements this, so that the edge does not depend on the pipeline.

use async_trait::async_trait;
use http::HeaderMap;

use super::operator::PartFault;

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// It is noted, or it is about nothing of this house.
    Taken,
    /// No such provider is configured, or it sends no webhooks.
    NotFound,
    /// It is not the provider's, or it cannot be read.
    Refused,
}

#[async_trait]
pub trait Webhooks: Send + Sync + 'static {
    async fn take(&self, provider: &str, headers: &HeaderMap, body: &[u8]) -> Result<WebhookOutcome, PartFault>;
}
