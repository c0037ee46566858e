//! Takes the webhooks of payment providers: the provider reads them, the pipeline asks.

use async_trait::async_trait;
use http::HeaderMap;

use crate::clock::Clock;
use crate::edge::operator::PartFault;
use crate::edge::webhooks::{WebhookOutcome, Webhooks};
use crate::facts::ids::OrderId;
use crate::payment::{Registry, Webhook, WebhookFault};
use crate::pipeline::Pipeline;

pub struct Hints {
    pub providers: Registry,
    pub pipeline: Pipeline,
    pub clock: Clock,
}

#[async_trait]
impl Webhooks for Hints {
    fn read(&self, provider: &str, headers: &HeaderMap, body: &[u8]) -> WebhookOutcome {
        let Some(known) = self.providers.get(provider) else { return WebhookOutcome::NotFound };
        match known.hint(Webhook { headers, body, at_ms: self.clock.now_ms() }) {
            Ok(order) => WebhookOutcome::Taken(order),
            Err(WebhookFault::NotTaken) => WebhookOutcome::NotFound,
            Err(WebhookFault::Refused) => WebhookOutcome::Refused,
        }
    }

    async fn note(&self, provider: &str, order: &OrderId) -> Result<(), PartFault> {
        Ok(self.pipeline.hint(provider, order).await?)
    }
}
