//! Orders and refunds, for the office.

use http::StatusCode;

use super::{lookup, orders, refunds};
use crate::edge::asks::refund::AdminRefundBody;
use crate::edge::views::page::Page;
use crate::edge::{Answer, Outcome, Problem, Request};
use crate::ids::{FactKind, RefundId, fact_id};
use crate::inventory::refunds::Refunding;
use crate::lane::order::OrderStatus;

/// `GET /v1/admin/orders?user=&event=&status=`
pub async fn list(request: Request) -> Outcome {
    let query = &request.query;
    let status = query.get("status").map(|text| {
        OrderStatus::parse(text).ok_or_else(|| Problem::field("?status", "not a status of an order"))
    });
    todo!("{status:?}")
}

/// `POST /v1/admin/orders/{order}/refunds`: whole lines or parts, at any time.
pub async fn refund(request: Request) -> Outcome {
    let scope = request.scope()?;
    let body = request.json::<AdminRefundBody>()?;
    let (lines, reason) = body.value.lines()?;
    let (order, lane) = lookup::order_id(&request)?;
    let refund = RefundId(fact_id(FactKind::Refund, lane, scope));
    let ask = Refunding { order, user: None, refund, digest: body.digest, lines, reason };
    refunds::request_refund(&request, ask).await
}
