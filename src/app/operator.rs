//! Answers what an operator asks of the gateway beyond the catalogue. The pipeline does the work.

use async_trait::async_trait;

use super::{settlements, subscriptions};
use crate::clock::Clock;
use crate::edge::api::admin::operations::view::{AuditView, InvariantView, LaneView, PipelineView};
use crate::edge::operator::{
    Operator, PartFault, RefundResolution, RequeueOutcome, Resolution, ResolveOutcome, WebhookAsk, WebhookPut,
};
use crate::facts::ids::{AttemptId, RefundId};
use crate::facts::record::{PaymentResult, RefundResult};
use crate::facts::settlement::Bookkeeping;
use crate::lane::Lanes;
use crate::ledger::Ledger;
use crate::ledger::provider_payout::{PaidOut, PayoutAsk};
use crate::ledger::settlement::{CloseAsk, Closed, PaidAsk, Settled};
use crate::pipeline;
use crate::pipeline::{LaneStatus, Pipeline, audit};

pub struct House {
    pub lanes: Lanes,
    pub ledger: Ledger,
    pub clock: Clock,
    pub pipeline: Pipeline,
    pub books: Bookkeeping,
}

#[async_trait]
impl Operator for House {
    async fn audit(&self) -> Result<AuditView, PartFault> {
        let audit::AuditReport { ok, checked_at, invariants } =
            audit::run(&self.lanes, &self.ledger, &self.clock).await?;
        let view =
            |audit::Finding { id, checked, violations }| InvariantView { id: id.to_owned(), checked, violations };
        Ok(AuditView { ok, checked_at, invariants: invariants.into_iter().map(view).collect() })
    }

    async fn pipeline(&self) -> Result<PipelineView, PartFault> {
        let lanes = self.pipeline.status().await?;
        let view = |lane: &LaneStatus| LaneView {
            lane: lane.lane.0,
            leased: lane.leased,
            recovering: lane.recovering,
            backlog: lane.backlog,
            oldest_age_ms: lane.oldest_age_ms,
            dead_letters: lane.dead_letters,
            open_calls: lane.open_calls,
        };
        Ok(PipelineView {
            backlog: lanes.iter().map(|lane| lane.backlog).sum(),
            oldest_age_ms: lanes.iter().map(|lane| lane.oldest_age_ms).max().unwrap_or(0),
            dead_letters: lanes.iter().map(|lane| lane.dead_letters).sum(),
            lanes: lanes.iter().map(view).collect(),
        })
    }

    async fn requeue(&self, dead_letter: &str) -> Result<RequeueOutcome, PartFault> {
        Ok(match self.pipeline.requeue(dead_letter).await? {
            pipeline::Requeued::Done => RequeueOutcome::Done,
            pipeline::Requeued::NotFound => RequeueOutcome::NotFound,
        })
    }

    async fn put_webhook(&self, ask: WebhookAsk) -> Result<WebhookPut, PartFault> {
        Ok(subscriptions::put(&self.ledger, ask, self.clock.now_ms()).await?)
    }

    async fn delete_webhook(&self, name: &str) -> Result<bool, PartFault> {
        Ok(self.ledger.delete_subscription(name.to_owned()).await?)
    }

    async fn replay_delivery(&self, webhook: &str, id: &str) -> Result<bool, PartFault> {
        Ok(self.ledger.replay_delivery(webhook.to_owned(), id.to_owned(), self.clock.now_ms()).await?)
    }

    async fn test_webhook(&self, name: &str) -> Result<String, PartFault> {
        Ok(self.pipeline.test_delivery(name).await?)
    }

    async fn close_settlement(&self, ask: CloseAsk) -> Result<Closed, PartFault> {
        Ok(settlements::close(&self.ledger, &self.clock, &self.books, ask).await?)
    }

    async fn settlement_paid(&self, ask: PaidAsk) -> Result<Settled, PartFault> {
        Ok(self.ledger.settlement_paid(ask, self.clock.now_ms()).await?)
    }

    async fn provider_payout(&self, ask: PayoutAsk) -> Result<PaidOut, PartFault> {
        Ok(self.ledger.provider_payout(ask, self.clock.now_ms()).await?)
    }

    async fn resolve(&self, payment: &str, resolution: Resolution) -> Result<ResolveOutcome, PartFault> {
        let result = match resolution {
            Resolution::Captured => PaymentResult::Captured,
            Resolution::Declined => PaymentResult::Declined { detail: "resolved by an operator".into() },
            Resolution::NotDone => PaymentResult::NotDone,
        };
        Ok(outcome(self.pipeline.resolve(&AttemptId::from(payment), result).await?))
    }

    async fn resolve_refund(&self, refund: &str, resolution: RefundResolution) -> Result<ResolveOutcome, PartFault> {
        let result = match resolution {
            RefundResolution::Done => RefundResult::Done,
            RefundResolution::Refused => RefundResult::Refused { detail: "resolved by an operator".into() },
        };
        Ok(outcome(self.pipeline.resolve_refund(&RefundId::from(refund), result).await?))
    }
}

fn outcome(resolved: pipeline::Resolved) -> ResolveOutcome {
    match resolved {
        pipeline::Resolved::Done => ResolveOutcome::Done,
        pipeline::Resolved::NotFound => ResolveOutcome::NotFound,
        pipeline::Resolved::Closed => ResolveOutcome::Closed,
    }
}
