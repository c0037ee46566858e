//! Gives back what was sold of cancelled events. The session that has the lane's lease asks for it, some orders in each
//! tick, until the ledger has nothing left to ask for.
//!
//! Nothing is remembered here: what is left stands in the ledger. So a session that begins after a crash goes on where
//! the one before ended. A record that is appended twice has the same id, or finds nothing left to refund.

use std::time::Duration;

use super::Error;
use super::parts::PipelineShared;
use crate::clock::{self, Instant};
use crate::facts::ids::{EventId, FactKind, RefundId, Scope, fact_id};
use crate::facts::record::{Record, RecordBody, VERSION};
use crate::facts::refund::{EVENT_CANCELLED, RefundBy};
use crate::lane::Lane;
use crate::ledger::read::Uncancelled;

/// How long a session waits after it has found nothing left.
const EVERY: Duration = Duration::from_secs(5);

/// Most orders asked for in one tick.
const ORDERS_MAX: i64 = 100;

#[derive(Default)]
pub(super) struct Cancellations {
    /// When nothing was left of any cancelled event.
    rests: Option<Instant>,
}

impl Cancellations {
    /// `in_hand`: how many calls to providers this session has under way.
    pub async fn run(&mut self, shared: &PipelineShared, lane: &dyn Lane, in_hand: usize) -> Result<(), Error> {
        if self.rests.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(());
        }
        // Other events' payments wait behind the refunds that were asked for before them. Calls that wait for a person
        // hold nobody up.
        if in_hand >= shared.settings.calls_max {
            return Ok(());
        }
        let mut room = ORDERS_MAX;
        for (event, reason) in shared.sources.cancelled(lane.id()) {
            let left = shared.ledger.uncancelled(&event, room).await?;
            if left.is_empty() {
                continue;
            }
            room -= i64::try_from(left.len()).unwrap_or(room);
            let records = left.into_iter().map(|left| record(lane, &event, &reason, left)).collect();
            lane.append(shared.clock.now_ms(), records).await?;
            if room == 0 {
                break;
            }
        }
        self.rests = (room == ORDERS_MAX).then(clock::instant);
        Ok(())
    }
}

/// The ids name the order's version, so that a later look, after a refund has failed for example, may ask anew.
fn record(lane: &dyn Lane, event: &EventId, reason: &str, left: Uncancelled) -> Record {
    let Uncancelled { order, version, is_paid } = left;
    if !is_paid {
        let body = RecordBody::OrderCancelled { v: VERSION, order: order.clone() };
        return Record { id: format!("{order}.cancelled.{version}"), body };
    }
    let key = format!("{order}.{version}");
    let scope = Scope { user: "", method: "CANCEL", path: event.as_str(), key: &key };
    let refund = RefundId::from(fact_id(FactKind::Refund, lane.id(), scope));
    let body = RecordBody::RefundRequested {
        v: VERSION,
        order,
        refund: refund.clone(),
        digest: EVENT_CANCELLED.to_owned(),
        by: RefundBy::EventCancelled,
        lines: Vec::new(),
        reason: reason.to_owned(),
    };
    Record { id: refund.to_string(), body }
}
