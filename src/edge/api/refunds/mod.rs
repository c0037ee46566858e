//! Asking for refunds and looking at them.

pub mod account;
pub mod body;
pub mod routes;
pub mod view;

use http::StatusCode;

use self::body::RefundBody;
use self::view::{RefundQuoteView, RefundView, RequestedView};
use super::lookup;
use super::page::Page;
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::ids::{FactKind, OrderId, RefundId, fact_id};
use crate::facts::order::OrderFact;
use crate::facts::refund::{RefundBy, RefundFact, RefundRefusal, RefundStatus};
use crate::inventory::RefundOutcome;
use crate::inventory::refunds::Refunding;

/// `POST /v1/orders/{order}/refunds`
pub async fn create(request: Request) -> Outcome {
    let user = request.user()?.clone();
    let scope = request.scope()?;
    let body = request.json::<RefundBody>()?;
    let (lines, reason) = body.value.lines()?;
    let (order, lane) = lookup::order_id(&request)?;
    let refund = RefundId::from(fact_id(FactKind::Refund, lane, scope));

    let by = buyer(&request, &lookup::order(&request, &order).await?);
    let ask = Refunding { order, user: Some(user), by, refund, digest: body.digest, lines, reason };
    request_refund(&request, ask).await
}

/// By which terms a buyer asks for a refund: those of the order, which its lane checks, or free of a fee after a
/// material change of the event.
fn buyer(request: &Request, order: &OrderFact) -> RefundBy {
    let state = &request.state;
    let event = state.catalog.any_event(order.event.as_str());
    match event.is_some_and(|event| event.frees_refunds(order.placed_ms, state.clock.now_ms())) {
        true => RefundBy::BuyerAfterChange,
        false => RefundBy::Buyer,
    }
}

pub(super) async fn request_refund(request: &Request, ask: Refunding) -> Outcome {
    let (order, refund) = (ask.order.clone(), ask.refund.clone());
    let outcome = match request.state.inventory.refund(ask.clone()).await? {
        RefundOutcome::NotFound => refund_later(request, ask).await?,
        outcome => outcome,
    };
    match outcome {
        RefundOutcome::Accepted => Ok(requested(&order, &refund, RefundStatus::Requested)),
        RefundOutcome::Repeated(fact) => Ok(requested(&order, &refund, fact.status).replayed()),
        RefundOutcome::KeyReused => Err(Code::IdempotencyKeyReused.into()),
        RefundOutcome::NotFound => Err(Code::OrderNotFound.into()),
        RefundOutcome::NotOwner => Err(Code::NotOwner.into()),
        RefundOutcome::NotRefundable => Err(Code::NotRefundable.into()),
        RefundOutcome::Closed => Err(Problem::new(Code::NotRefundable).detail("the time for refunds is over")),
        RefundOutcome::OverRefund { line } => {
            Err(Problem::new(Code::OverRefund).detail(format!("not so much is left of line {line}")))
        }
        RefundOutcome::LineNotFound { line } => {
            Err(Problem::new(Code::LineNotFound).detail(format!("the order has no line {line}")))
        }
        RefundOutcome::Full => Err(lookup::log_full()),
    }
}

/// Refunds an order that has left its lane because its time was over. If the order may still be refunded, it is brought
/// back into the lane first.
async fn refund_later(request: &Request, ask: Refunding) -> Result<RefundOutcome, Problem> {
    let (ledger, inventory) = (&request.state.ledger, &request.state.inventory);
    if let Some(known) = ledger.refund(&ask.refund).await? {
        return Ok(match known.digest == ask.digest {
            true => RefundOutcome::Repeated(known),
            false => RefundOutcome::KeyReused,
        });
    }
    let Some(order) = ledger.order(&ask.order).await? else { return Ok(RefundOutcome::NotFound) };
    if ask.user.as_ref().is_some_and(|user| *user != order.user) {
        return Ok(RefundOutcome::NotOwner);
    }
    let Some(order) = ledger.live_order(&ask.order).await? else { return Ok(RefundOutcome::NotRefundable) };
    if request.state.catalog.event(order.fact.event.as_str()).is_none() {
        let text = "its event has left its lane; an operator brings it back by putting it again";
        return Err(Problem::new(Code::NotRefundable).detail(text));
    }
    let refunds = ledger.refunds_of(&ask.order).await?;
    inventory.bring_back(order, refunds).await?;
    Ok(inventory.refund(ask).await?)
}

fn requested(order: &OrderId, refund: &RefundId, status: RefundStatus) -> Answer {
    let view = RequestedView { id: refund.to_string(), status: status.as_str() };
    let path = format!("/v1/orders/{order}/refunds/{refund}");
    Answer::json(StatusCode::ACCEPTED, &view).no_store().location(&path).retry_after(1)
}

/// `GET /v1/orders/{order}/refunds/quote?lines=`
pub async fn quote(request: Request) -> Outcome {
    let user = request.user()?;
    let (order, _) = lookup::order_id(&request)?;
    let lines = wanted(request.query.get("lines").unwrap_or(""))?;
    let by = buyer(&request, &lookup::own_order(&request, &order, user).await?);
    let now_ms = request.state.clock.now_ms();
    // An order that is not in the ledger yet is not paid.
    let found = request.state.ledger.refund_quote(&order, by, lines, now_ms).await?;
    match found.unwrap_or(Err(RefundRefusal::NotRefundable)) {
        Ok(quote) => Ok(Answer::json(StatusCode::OK, &RefundQuoteView::new(&quote)).no_store()),
        Err(RefundRefusal::NotRefundable) => Err(Code::NotRefundable.into()),
        Err(RefundRefusal::LineNotFound) => Err(Code::LineNotFound.into()),
        Err(RefundRefusal::OverRefund) => Err(Code::OverRefund.into()),
        Err(RefundRefusal::Empty) => Err(Problem::new(Code::OverRefund).detail("nothing is left of any line")),
    }
}

/// Numbers of lines, with commas.
fn wanted(text: &str) -> Result<Vec<u32>, Problem> {
    let malformed = || Problem::field("?lines", "numbers of lines, each once, with commas: 1,2");
    let numbers = text.split(',').filter(|part| !text.is_empty() || !part.is_empty());
    let lines: Vec<u32> = numbers.map(|part| part.parse().map_err(|_| malformed())).collect::<Result<_, _>>()?;
    let unique: std::collections::BTreeSet<&u32> = lines.iter().collect();
    if unique.len() == lines.len() { Ok(lines) } else { Err(malformed()) }
}

/// `GET /v1/orders/{order}/refunds/{refund}`
pub async fn get(request: Request) -> Outcome {
    let user = request.user()?;
    let (order, _) = lookup::order_id(&request)?;
    lookup::own_order(&request, &order, user).await?;
    let refund = RefundId::from(request.param("refund"));
    let fact = find(&request, &refund).await?.filter(|fact| fact.order == order).ok_or(Code::NotFound)?;
    Ok(Answer::json(StatusCode::OK, &RefundView::new(&fact)).no_store())
}

async fn find(request: &Request, refund: &RefundId) -> Result<Option<RefundFact>, Problem> {
    match request.state.inventory.get_refund(refund).await? {
        // Its account may be in the ledger already.
        Some(fact) if fact.status != RefundStatus::AwaitingAccount => Ok(Some(fact)),
        Some(_) | None => Ok(request.state.ledger.refund(refund).await?),
    }
}

/// `GET /v1/orders/{order}/refunds`
pub async fn list(request: Request) -> Outcome {
    let user = request.user()?;
    let (order, _) = lookup::order_id(&request)?;
    lookup::own_order(&request, &order, user).await?;
    let refunds = request.state.ledger.refunds_of(&order).await?;
    let page = Page { items: refunds.iter().map(RefundView::new).collect(), next: None };
    Ok(Answer::json(StatusCode::OK, &page).no_store())
}
