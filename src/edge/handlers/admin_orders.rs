//! Orders and refunds, for the office.

use http::StatusCode;

use super::{lookup, orders, refunds};
use crate::edge::asks::Faults;
use crate::edge::asks::refund::AdminRefundBody;
use crate::edge::query::Query;
use crate::edge::views::order::AdminOrderView;
use crate::edge::views::page::{Page, Wanted};
use crate::edge::{Answer, Outcome, Problem, Request};
use crate::ids::{EventId, FactKind, RefundId, UserId, fact_id, is_slug, is_user};
use crate::inventory::refunds::Refunding;
use crate::lane::order::OrderStatus;
use crate::lane::record::RefundBy;
use crate::ledger::reads::OrderFilter;

/// `GET /v1/admin/orders?user=&event=&status=`: newest first.
pub async fn list(request: Request) -> Outcome {
    let Wanted { after, limit } = Wanted::of(&request)?;
    let rows = request.state.ledger.orders_where(filter(&request.query)?, after, limit).await?;
    let page =
        Page::of(rows, |fact| AdminOrderView { user: fact.user.to_string(), order: orders::view(&request, &fact) });
    Ok(Answer::json(StatusCode::OK, &page).no_store())
}

fn filter(query: &Query) -> Result<OrderFilter, Problem> {
    let set = |name| query.get(name).filter(|text| !text.is_empty());
    let mut faults = Faults::default();
    faults.check(set("user").is_none_or(is_user), "?user", "1 to 128 printable characters");
    faults.check(set("event").is_none_or(is_slug), "?event", "a slug: [a-z0-9][a-z0-9-]{0,47}");
    let status = set("status").map(OrderStatus::parse);
    faults.check(status != Some(None), "?status", "a status of an order");
    faults.verdict()?;
    Ok(OrderFilter {
        user: set("user").map(UserId::from),
        event: set("event").map(EventId::from),
        status: status.flatten(),
    })
}

/// `POST /v1/admin/orders/{order}/refunds`: whole lines or parts, at any time.
pub async fn refund(request: Request) -> Outcome {
    let scope = request.scope()?;
    let body = request.json::<AdminRefundBody>()?;
    let (lines, reason) = body.value.lines()?;
    let (order, lane) = lookup::order_id(&request)?;
    let refund = RefundId::from(fact_id(FactKind::Refund, lane, scope));
    let ask = Refunding { order, user: None, by: RefundBy::Admin, refund, digest: body.digest, lines, reason };
    refunds::request_refund(&request, ask).await
}
