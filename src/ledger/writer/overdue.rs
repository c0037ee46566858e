//! Orders past their deadline.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;

use crate::facts::ids::{LaneId, OrderId};
use crate::facts::order::Reason;
use crate::facts::time::Millis;
use crate::ledger::sheet::{Sheet, status};
use crate::ledger::{Ledger, ReadSource, Result, sheet};

/// An order whose time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    pub order: OrderId,
    pub version: i64,
    pub reason: Reason,
}

/// Orders of a lane that are to expire: past their deadline without an open attempt, or past it by `unknown_ms` with
/// an open attempt whose result is unknown. At most `limit` of each.
pub async fn overdue(
    ledger: &Ledger,
    lane: LaneId,
    now_ms: Millis,
    unknown_ms: i64,
    limit: i64,
) -> Result<Vec<Overdue>> {
    ledger
        .read("overdue", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                // One statement, because it nearly always finds nothing. `limit` stands in the text, because SQLite
                // prepares a statement again whenever another value is bound there.
                let past = |status| {
                    format!(
                        "SELECT id FROM (SELECT id FROM orders WHERE lane = ? AND status = '{status}' \
                         AND deadline_ms <= ? ORDER BY deadline_ms LIMIT {limit}) AS {status}"
                    )
                };
                let text = ["pending_payment", "paying", "awaiting_deposit"].map(past).join(" UNION ALL ");
                let (lane_value, asked_by_ms) = (i64::from(lane.0), now_ms - unknown_ms);
                let query = sqlx::query_scalar(AssertSqlSafe(text));
                let query = query.bind(lane_value).bind(now_ms).bind(lane_value).bind(asked_by_ms);
                let query = query.bind(lane_value).bind(asked_by_ms);
                let orders: Vec<String> = query.fetch_all(&mut *conn).await?;
                let orders: BTreeSet<OrderId> = orders.into_iter().map(OrderId::from).collect();
                Ok(sheet::load(conn, &orders).await?.values().map(late).collect())
            })
        })
        .await
}

fn late(sheet: &Sheet) -> Overdue {
    let order = sheet.order();
    let last = sheet.attempts().into_iter().next_back();
    // A deposit that did not come was declined by nobody.
    let declined = last.is_some_and(|last| last.status == status::DECLINED && last.deposit.is_none());
    Overdue {
        order: order.id.clone(),
        version: order.version,
        reason: if declined { Reason::PaymentDeclined } else { Reason::PaymentExpired },
    }
}
