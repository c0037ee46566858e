//! What an operator asks of the house beyond the catalogue, answered by the pipeline.

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::edge::operator::{Fault, Operator, Requeued, Resolution, Resolved};
use crate::ids::AttemptId;
use crate::lane::Lanes;
use crate::lane::record::PaymentResult;
use crate::ledger::Ledger;
use crate::pipeline::{self, Pipeline, audit};

pub struct House {
    pub lanes: Lanes,
    pub ledger: Ledger,
    pub clock: Clock,
    pub pipeline: Pipeline,
}

#[async_trait]
impl Operator for House {
    async fn audit(&self) -> Result<Value, Fault> {
        let report = audit::run(&self.lanes, &self.ledger, &self.clock).await?;
        Ok(serde_json::to_value(report)?)
    }

    async fn pipeline(&self) -> Result<Value, Fault> {
        let lanes = self.pipeline.status().await?;
        let backlog: u64 = lanes.iter().map(|lane| lane.backlog).sum();
        let oldest_age_ms = lanes.iter().map(|lane| lane.oldest_age_ms).max().unwrap_or(0);
        let dead_letters: u64 = lanes.iter().map(|lane| lane.dead_letters).sum();
        Ok(json!({"backlog": backlog, "oldest_age_ms": oldest_age_ms, "dead_letters": dead_letters, "lanes": lanes}))
    }

    async fn requeue(&self, dead_letter: &str) -> Result<Requeued, Fault> {
        Ok(match self.pipeline.requeue(dead_letter).await? {
            pipeline::Requeued::Done => Requeued::Done,
            pipeline::Requeued::NotFound => Requeued::NotFound,
        })
    }

    async fn resolve(&self, payment: &str, resolution: Resolution) -> Result<Resolved, Fault> {
        let result = match resolution {
            Resolution::Captured => PaymentResult::Captured,
            Resolution::Declined => PaymentResult::Declined { detail: "resolved by an operator".into() },
            Resolution::NotDone => PaymentResult::NotDone,
        };
        Ok(match self.pipeline.resolve(&AttemptId::from(payment), result).await? {
            pipeline::Resolved::Done => Resolved::Done,
            pipeline::Resolved::NotFound => Resolved::NotFound,
            pipeline::Resolved::Closed => Resolved::Closed,
        })
    }
}
