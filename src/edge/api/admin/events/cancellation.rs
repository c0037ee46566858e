//! Cancelling an event, and how far its refunds have come.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::{Event, EventCancellation};
use crate::edge::api::field_faults::FieldFaults;
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::time::rfc3339;

const REASON_MAX: usize = 200;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventCancelRequest)]
pub struct CancelBody {
    /// Buyers read it as the reason of their refunds.
    #[schema(example = "the singer is ill")]
    pub reason: String,
}

impl CancelBody {
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = FieldFaults::default();
        faults.text(&self.reason, 1, REASON_MAX, "/reason");
        faults.verdict()
    }
}

/// How far a cancelled event has come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventCancellationProgress)]
pub struct CancellationView {
    #[schema(example = "spring-hall")]
    pub event: String,
    #[schema(example = "the singer is ill")]
    pub reason: String,
    #[schema(example = "2026-11-20T10:00:00Z")]
    pub cancelled_at: String,
    /// `running`, or `done`: nothing is sold, held or under way any more. Failed refunds are left to a person.
    #[schema(example = "running")]
    pub state: &'static str,
    /// Orders that were paid.
    #[schema(example = 1200)]
    pub orders: i64,
    /// Of `orders`: given back whole, those included that had been refunded before.
    #[schema(example = 1150)]
    pub refunded: i64,
    /// Of `orders`: paid by deposit, and the buyer has yet to name the account that the money goes back to.
    #[schema(example = 3)]
    pub waiting_for_account: i64,
    /// Of `orders`: the provider refused to give the money back. `GET /v1/admin/payments?state=failed` names them.
    #[schema(example = 1)]
    pub failed: i64,
    /// Orders that wait for a payment or for its result. They are cancelled, or refunded once they are paid.
    #[schema(example = 0)]
    pub unpaid: i64,
    /// Seats in holds, and in orders that wait for a payment or are not in the ledger yet.
    #[schema(example = 0)]
    pub held: i64,
}

/// `POST /v1/admin/events/{event}/cancel`
pub async fn create(request: Request) -> Outcome {
    let id = request.event_id()?;
    let body = request.json::<CancelBody>()?.value;
    body.check()?;
    let outcome = request.state.catalog.cancel_event(&id, &body.reason).await?;
    let event = super::done(outcome)?;
    let view = progress(&request, &event).await?;
    Ok(Answer::json(StatusCode::ACCEPTED, &view).no_store().location(&format!("/v1/admin/events/{id}/cancel")))
}

/// `GET /v1/admin/events/{event}/cancel`
pub async fn get(request: Request) -> Outcome {
    let id = request.event_id()?;
    let event = request.state.catalog.any_event(id.as_str()).ok_or(Code::EventNotFound)?;
    Ok(Answer::json(StatusCode::OK, &progress(&request, &event).await?).no_store())
}

async fn progress(request: &Request, event: &Event) -> Result<CancellationView, Problem> {
    let Some(EventCancellation { at, reason }) = event.spec.cancelled.clone() else {
        return Err(Code::NotFound.into());
    };
    let state = &request.state;
    // The lane first: what it has not told the ledger yet, the ledger cannot count.
    let room = state.inventory.counts(event.lane, &event.id).await?;
    let held = room.map_or(0, |room| room.held + room.paying);
    let orders = state.ledger.cancelled_orders(&event.id).await?;
    let is_done = held + orders.open == 0 && orders.unpaid == 0 && orders.paid == orders.failed;
    Ok(CancellationView {
        event: event.id.to_string(),
        reason,
        cancelled_at: rfc3339(at.0),
        state: if is_done { "done" } else { "running" },
        orders: orders.paid + orders.refunded,
        refunded: orders.refunded,
        waiting_for_account: orders.awaiting_account,
        failed: orders.failed,
        unpaid: orders.unpaid,
        held,
    })
}
