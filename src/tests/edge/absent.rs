//! What stands for the rest of the house where only the edge runs.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use http::HeaderMap;
use stanchion::edge::api::admin::operations::view::{AuditView, PipelineView};
use stanchion::edge::operator::{
    Operator, PartFault, RefundResolution, RequeueOutcome, Resolution, ResolveOutcome, WebhookAsk, WebhookPut,
};
use stanchion::edge::refund_accounts::RefundAccounts;
use stanchion::edge::webhooks::{WebhookOutcome, Webhooks};
use stanchion::facts::ids::{OrderId, RefundId};
use stanchion::ledger::AccountNamed;
use stanchion::ledger::provider_payout::{PaidOut, PayoutAsk};
use stanchion::ledger::settlement::{CloseAsk, Closed, PaidAsk, Settled};
use tokio::sync::Notify;

/// Stands for the rest of the house, which does not run here: it fails, panics, or takes its time.
#[derive(Default)]
pub struct Absent {
    /// Notified when `resolve` has begun.
    pub begun: Notify,
    /// Lets `resolve` go on.
    pub go: Notify,
    /// How often `resolve` came to its end.
    pub done: AtomicUsize,
}

#[async_trait]
impl Operator for Absent {
    async fn audit(&self) -> Result<AuditView, PartFault> {
        Err("absent".into())
    }

    async fn pipeline(&self) -> Result<PipelineView, PartFault> {
        panic!("a handler that panics")
    }

    async fn requeue(&self, _dead_letter: &str) -> Result<RequeueOutcome, PartFault> {
        panic!("a handler that panics")
    }

    async fn resolve(&self, _payment: &str, _resolution: Resolution) -> Result<ResolveOutcome, PartFault> {
        self.begun.notify_one();
        self.go.notified().await;
        self.done.fetch_add(1, Ordering::SeqCst);
        Ok(ResolveOutcome::Done)
    }

    async fn put_webhook(&self, _: WebhookAsk) -> Result<WebhookPut, PartFault> {
        Err("absent".into())
    }

    async fn delete_webhook(&self, _: &str) -> Result<bool, PartFault> {
        Err("absent".into())
    }

    async fn replay_delivery(&self, _: &str, _: &str) -> Result<bool, PartFault> {
        Err("absent".into())
    }

    async fn test_webhook(&self, _: &str) -> Result<String, PartFault> {
        Err("absent".into())
    }

    async fn close_settlement(&self, _: CloseAsk) -> Result<Closed, PartFault> {
        Err("absent".into())
    }

    async fn settlement_paid(&self, _: PaidAsk) -> Result<Settled, PartFault> {
        Err("absent".into())
    }

    async fn provider_payout(&self, _: PayoutAsk) -> Result<PaidOut, PartFault> {
        Err("absent".into())
    }

    async fn resolve_refund(&self, _refund: &str, _resolution: RefundResolution) -> Result<ResolveOutcome, PartFault> {
        Ok(ResolveOutcome::NotFound)
    }
}

#[async_trait]
impl RefundAccounts for Absent {
    async fn name_account(&self, _: &OrderId, _: &RefundId, _: &str) -> Result<AccountNamed, PartFault> {
        Err("absent".into())
    }
}

#[async_trait]
impl Webhooks for Absent {
    fn read(&self, _: &str, _: &HeaderMap, _: &[u8]) -> WebhookOutcome {
        WebhookOutcome::NotFound
    }

    async fn note(&self, _: &str, _: &OrderId) -> Result<(), PartFault> {
        Err("absent".into())
    }
}
