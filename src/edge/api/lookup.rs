//! Finds what a path names: events, campaigns, holds, orders. A malformed name is the 404 of its kind.

use std::sync::Arc;

use crate::catalog::{Campaign, Event};
use crate::edge::{Code, Problem, Request, credential};
use crate::facts::hold::HoldFact;
use crate::facts::ids;
use crate::facts::ids::{FactKind, HoldId, LaneId, OrderId, UserId, VisitorId, fact_lane};
use crate::facts::order::OrderFact;

/// `{event}` of the path.
pub fn event(request: &Request) -> Result<Arc<Event>, Problem> {
    let id = request.param("event");
    let found = if ids::is_slug(id) { request.state.catalog.event(id) } else { None };
    found.ok_or(Code::EventNotFound.into())
}

/// Refuses what begins or goes on with a sale that was called off.
pub fn not_cancelled(event: &Event) -> Result<(), Problem> {
    match &event.spec.cancelled {
        Some(cancelled) => Err(Problem::new(Code::EventCancelled).detail(&cancelled.reason)),
        None => Ok(()),
    }
}

/// Refuses an order of a cancelled event. The order is looked up only if an event of its lane is cancelled.
pub async fn order_not_cancelled(request: &Request, order: &OrderId, lane: LaneId) -> Result<(), Problem> {
    let state = &request.state;
    if state.catalog.events_of(lane).iter().all(|event| event.spec.cancelled.is_none()) {
        return Ok(());
    }
    let Some(fact) = state.inventory.order(order).await? else { return Ok(()) };
    state.catalog.any_event(fact.event.as_str()).map_or(Ok(()), |event| not_cancelled(&event))
}

/// `{event}` of the path, also one that has left its lane.
pub fn any_event(request: &Request) -> Result<Arc<Event>, Problem> {
    let id = request.param("event");
    let found = if ids::is_slug(id) { request.state.catalog.any_event(id) } else { None };
    found.ok_or(Code::EventNotFound.into())
}

/// `{campaign}` of the path.
pub fn campaign(request: &Request) -> Result<Arc<Campaign>, Problem> {
    let id = request.campaign_id()?;
    request.state.catalog.campaign(id.as_str()).ok_or(Code::CampaignNotFound.into())
}

/// `{hold}` of the path, when it is the user's.
pub async fn hold(request: &Request, event: &Event) -> Result<HoldFact, Problem> {
    let user = request.user()?;
    let hold = HoldId::from(request.param("hold"));
    match request.state.inventory.get_hold(&event.id, &hold).await? {
        Some(fact) if fact.user == *user => Ok(fact),
        Some(_) => Err(Code::NotOwner.into()),
        None => Err(Code::HoldNotFound.into()),
    }
}

/// `{order}` of the path, and the lane it names.
pub fn order_id(request: &Request) -> Result<(OrderId, LaneId), Problem> {
    let text = request.param("order");
    let lane = fact_lane(FactKind::Order, text).ok_or(Code::OrderNotFound)?;
    Ok((OrderId::from(text), lane))
}

/// An order as its lane knows it, else as the ledger does, which remembers longer.
pub async fn order(request: &Request, order: &OrderId) -> Result<OrderFact, Problem> {
    if let Some(fact) = request.state.inventory.order(order).await? {
        return Ok(fact);
    }
    request.state.ledger.order(order).await?.ok_or(Code::OrderNotFound.into())
}

/// An order, when it is the user's.
pub async fn own_order(request: &Request, id: &OrderId, user: &UserId) -> Result<OrderFact, Problem> {
    own(order(request, id).await?, user)
}

/// An order that its lane does not know (any more), when it is the user's. Nothing of it is under way.
pub async fn past_order(request: &Request, id: &OrderId, user: &UserId) -> Result<OrderFact, Problem> {
    own(request.state.ledger.order(id).await?.ok_or(Code::OrderNotFound)?, user)
}

fn own(fact: OrderFact, user: &UserId) -> Result<OrderFact, Problem> {
    if fact.user == *user { Ok(fact) } else { Err(Code::NotOwner.into()) }
}

/// The problem when a lane's log is full, because the ledger is away or far behind.
pub fn log_full() -> Problem {
    Problem::new(Code::Overloaded).detail("too much waits to be written; try again later").retry_after(5)
}

/// The problem for a hold that its owner gave back. It is answered like an expired one.
pub fn released() -> Problem {
    Problem::new(Code::HoldExpired).detail("the hold was released")
}

/// The visitor of the pass in the header, or in a cookie that one of our own pages sent.
pub fn pass(request: &Request, event: &Event) -> Result<VisitorId, Problem> {
    let found = request.state.pass(&request.headers, event.id.as_str());
    let Some((text, carried)) = found else { return Err(Code::PassRequired.into()) };
    if carried == credential::Carried::Cookie {
        request.state.origins.must_be_own(&request.headers)?;
    }
    request.state.admission.read_pass(&event.id, text).ok_or(Code::PassRequired.into())
}
