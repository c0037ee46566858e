//! Refunds at the door. How much goes back belongs in the writer, which computes it.

use super::Inventory;
use crate::facts::ids::{FactKind, OrderId, RefundId, UserId};
use crate::facts::record::{Record, RecordBody, VERSION};
use crate::facts::refund::{RefundBy, RefundFact, RefundStatus};
use crate::facts::time::Millis;
use crate::lane::Result;
use crate::lane::orders::{Refund, RefundOutcome};

/// A refund as it is asked for. Its id names the order's lane.
#[derive(Clone)]
pub struct Refunding {
    pub order: OrderId,
    /// `None`: an admin asks.
    pub user: Option<UserId>,
    pub by: RefundBy,
    pub refund: RefundId,
    pub digest: String,
    /// (line, gross amount); no amount: all that is left of the line. No repeats, not empty.
    pub lines: Vec<(u32, Option<i64>)>,
    pub reason: String,
}

impl Inventory {
    pub async fn refund(&self, ask: Refunding) -> Result<RefundOutcome> {
        let Some(lane) = self.order_lane(&ask.order) else { return Ok(RefundOutcome::NotFound) };
        let now_ms = self.clock.now_ms();
        let outcome = lane.refund(now_ms, request(ask, now_ms, self.log_max)).await?;
        if let RefundOutcome::Accepted = outcome {
            self.nudge(lane.id());
        }
        Ok(outcome)
    }

    /// A refund's status as its lane shows it; `None`: the lane does not know it (any more).
    pub async fn get_refund(&self, refund: &RefundId) -> Result<Option<RefundFact>> {
        match self.lane_of(FactKind::Refund, refund.as_str()) {
            Some(lane) => lane.get_refund(refund).await,
            None => Ok(None),
        }
    }
}

fn request(ask: Refunding, now_ms: Millis, log_max: i64) -> Refund {
    let Refunding { order, user, by, refund, digest, lines, reason } = ask;
    let body = RecordBody::RefundRequested {
        v: VERSION,
        order: order.clone(),
        refund: refund.clone(),
        digest: digest.clone(),
        by,
        lines: lines.clone(),
        reason: reason.clone(),
    };
    let fact = RefundFact {
        id: refund.clone(),
        order: order.clone(),
        digest: digest.clone(),
        status: RefundStatus::Requested,
        reason,
        failure: None,
        cash: 0,
        points_restored: 0,
        earn_clawed: 0,
        fee: 0,
        booking_fee: 0,
        lines: Vec::new(),
        requested_ms: now_ms,
    };
    let record = Record { id: refund.to_string(), body };
    Refund { order, user, by, refund, digest, lines, fact, record, log_max }
}
