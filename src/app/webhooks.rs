//! Takes the webhooks of payment providers: the provider reads them, the pipeline asks.

use async_trait::async_trait;
use http::HeaderMap;

use crate::clock::Clock;
use crate::edge::operator::PartFault;
use crate::edge::webhooks::{WebhookOutcome, Webhooks};
use crate::payment::{Registry, Webhook, WebhookFault};
use crate::pipeline::Pipeline;

pub struct Hints {
    pub providers: Registry,
    pub pipeline: Pipeline,
    pub clock: Clock,
}

#[async_trait]
impl Webhooks for Hints {
    async fn take(&self, provider: &str, headers: &HeaderMap, body: &[u8]) -> Result<WebhookOutcome, PartFault> {
        let Some(known) = self.providers.get(provider) else { return Ok(WebhookOutcome::NotFound) };
        match known.hint(Webhook { headers, body, at_ms: self.clock.now_ms() }) {
            Ok(Some(order)) => {
                self.pipeline.hint(provider, &order).await?;
                Ok(WebhookOutcome::Taken)
            }
            Ok(None) => Ok(WebhookOutcome::Taken),
            Err(WebhookFault::NotTaken) => Ok(WebhookOutcome::NotFound),
            Err(WebhookFault::Refused) => Ok(WebhookOutcome::Refused),
        }
    }
}
