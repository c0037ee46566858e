//! Webhooks and their deliveries as the office sees them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::facts::time::{Millis, rfc3339};
use crate::ledger::outbox::delivery::DeliveryState;
use crate::ledger::outbox::subscription::Subscription;
use crate::ledger::read::DeliveryEntry;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookView {
    #[schema(example = "crm")]
    pub name: String,
    #[schema(example = "https://crm.example.org/hooks/stanchion")]
    pub url: String,
    #[schema(example = json!(["order.*", "ticket.voided"]))]
    pub types: Vec<String>,
    /// `on`, `paused`, or `disabled` because the endpoint answered 410.
    #[schema(example = "on")]
    pub state: &'static str,
    /// Until when notices are signed with the secret before, too; `null`: there is one secret.
    #[schema(example = json!(null))]
    pub old_secret_until: Option<String>,
}

impl WebhookView {
    pub fn new(subscription: &Subscription, now_ms: Millis) -> Self {
        let until = subscription.to.secrets().iter().filter_map(|secret| secret.until_ms).max();
        Self {
            name: subscription.name.clone(),
            url: subscription.to.url().to_owned(),
            types: subscription.types.clone(),
            state: subscription.state.as_str(),
            old_secret_until: until.filter(|until_ms| now_ms < *until_ms).map(rfc3339),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryView {
    #[schema(example = "3-1045-0")]
    pub id: String,
    /// Sent with every attempt; the same as `id`.
    #[schema(example = "3-1045-0")]
    pub webhook_id: String,
    #[schema(example = "stanchion.order.confirmed.v1")]
    pub r#type: String,
    #[schema(example = "2026-11-20T10:03:21Z")]
    pub told_at: String,
    #[schema(example = 1)]
    pub attempts: i64,
    /// When it is sent next; `null`: it has ended.
    #[schema(example = "2026-11-20T10:03:26Z")]
    pub next_at: Option<String>,
    /// When it was delivered or failed.
    #[schema(example = json!(null))]
    pub ended_at: Option<String>,
    /// The HTTP status of the last attempt; `null`: there was no answer.
    #[schema(example = 503)]
    pub status: Option<i64>,
    /// Why the last attempt was not taken.
    #[schema(example = "answered 503 Service Unavailable")]
    pub detail: Option<String>,
}

impl DeliveryView {
    pub fn new(row: DeliveryEntry, state: DeliveryState) -> Self {
        let (next, ended) = match state {
            DeliveryState::Pending => (Some(row.next_ms), None),
            DeliveryState::Delivered | DeliveryState::Failed => (None, Some(row.next_ms)),
        };
        Self {
            webhook_id: row.id.clone(),
            id: row.id,
            r#type: row.kind,
            told_at: rfc3339(row.at_ms),
            attempts: row.attempts,
            next_at: next.map(rfc3339),
            ended_at: ended.map(rfc3339),
            status: row.status,
            detail: row.detail,
        }
    }
}

/// The answer to a test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookTest)]
pub struct TestView {
    /// Of the delivery that was made.
    #[schema(example = "test-5f1c8a52b3e94d0c")]
    pub id: String,
}
