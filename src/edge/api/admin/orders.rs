//! Orders and refunds, for the office.

use http::StatusCode;

use crate::edge::api::field_faults::FieldFaults;
use crate::edge::api::orders::view::AdminOrderView;
use crate::edge::api::page::{Page, Wanted};
use crate::edge::api::refunds::body::AdminRefundBody;
use crate::edge::api::refunds::routes::REFUND;
use crate::edge::api::refunds::view::RequestedView;
use crate::edge::api::{lookup, orders, refunds};
use crate::edge::http::query::Query;
use crate::edge::problem::Code;
use crate::edge::router::{Route, get, post};
use crate::edge::{Answer, Outcome, Problem, Request};
use crate::facts::ids::{EventId, FactKind, RefundId, UserId, fact_id, is_slug, is_user};
use crate::facts::order::OrderStatus;
use crate::facts::refund::RefundBy;
use crate::inventory::refunds::Refunding;
use crate::ledger::read::OrderFilter;

pub fn routes() -> Vec<Route> {
    vec![
        get("/v1/admin/orders", "list_orders", "Orders, newest first", list)
            .admin()
            .about(
                "Whole orders of all users, as the ledger has them, each with its user. An order is listed when all \
                 given filters fit it. A malformed filter is `VALIDATION`.",
            )
            .paged()
            .query("user", "Only this user's", "kim")
            .query("event", "Only this event's, by slug", "spring-hall")
            .query("status", "Only those in this status", "confirmed")
            .answers_page::<AdminOrderView>(),
        post("/v1/admin/orders/{order}/refunds", "refund_order", "Refund lines or parts of them, at any time", refund)
            .admin()
            .about(
                "Refunds whole lines, or with `amount` a part of a line, of an order that is confirmed or partially \
                 refunded. The refund is not bound to the refund terms and takes no cancellation fee. A ticket stays \
                 valid when only a part of its line is refunded. 202 says that the refund will be decided: `Location` \
                 names it, and its buyer may look at it.",
            )
            .keyed()
            .body::<AdminRefundBody>()
            .answers::<RequestedView>(202, "Accepted")
            .carries("Location", "The refund", "/v1/orders/o0360303ae22b998861bce3b28f33eec1be/refunds/r03…")
            .carries("Retry-After", "Seconds after which to look at the refund", "1")
            .errors(REFUND)
            .errors(&[Code::Overloaded]),
    ]
}

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
    let mut faults = FieldFaults::default();
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
