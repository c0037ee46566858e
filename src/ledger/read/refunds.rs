//! Refunds as facts.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::row::{Cells, cells};
use crate::facts::ids::{OrderId, RefundId};
use crate::facts::refund::{RefundFact, RefundLineFact, RefundStatus};
use crate::ledger::store::sql::{Value, fetch_in};
use crate::ledger::{Conn, ReadSource, Reader, Result};

const REFUND: &str = "SELECT id, order_id, digest, status, reason, failure, cash, points, earn, fee, \
     requested_ms FROM refund";

const LINE: &str = "SELECT refund, line, amount, cash, points, earn FROM refund_line WHERE refund IN";

impl Reader {
    /// A refund as the primary has it; `None`: the ledger does not have it (yet).
    pub async fn refund(&self, refund: &RefundId) -> Result<Option<RefundFact>> {
        let id = refund.to_string();
        let found = self.read("refund", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = format!("{REFUND} WHERE id = ?");
                let rows = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_all(&mut *conn).await?;
                facts(conn, &rows).await
            })
        });
        Ok(found.await?.pop())
    }

    /// An order's refunds, the oldest first. They come from the primary.
    pub async fn refunds_of(&self, order: &OrderId) -> Result<Vec<RefundFact>> {
        let id = order.to_string();
        self.read("refunds_of", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = format!("{REFUND} WHERE order_id = ? ORDER BY requested_ms, id");
                let rows = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_all(&mut *conn).await?;
                facts(conn, &rows).await
            })
        })
        .await
    }
}

async fn facts(conn: &mut Conn, rows: &[AnyRow]) -> Result<Vec<RefundFact>> {
    let mut facts: Vec<RefundFact> = cells("refund", rows).map(|row| refund_row(&row)).collect::<Result<_>>()?;
    let keys: Vec<Value> = facts.iter().map(|fact| fact.id.as_str().into()).collect();
    let at: HashMap<String, usize> = facts.iter().enumerate().map(|(at, fact)| (fact.id.to_string(), at)).collect();
    let lines = fetch_in(conn, LINE, &keys, "ORDER BY refund, line").await?;
    for row in cells("refund_line", &lines) {
        facts[at[&row.text("refund")?]].lines.push(line_row(&row)?);
    }
    Ok(facts)
}

fn refund_row(row: &Cells<'_>) -> Result<RefundFact> {
    Ok(RefundFact {
        id: RefundId::from(row.text("id")?),
        order: OrderId::from(row.text("order_id")?),
        digest: row.text("digest")?,
        status: row.word("status", RefundStatus::parse)?,
        reason: row.text("reason")?,
        failure: row.text_or_null("failure")?,
        cash: row.int("cash")?,
        points_restored: row.int("points")?,
        earn_clawed: row.int("earn")?,
        fee: row.int("fee")?,
        lines: Vec::new(),
        requested_ms: row.int("requested_ms")?,
    })
}

fn line_row(row: &Cells<'_>) -> Result<RefundLineFact> {
    Ok(RefundLineFact {
        line: row.small("line")?,
        amount: row.int("amount")?,
        cash: row.int("cash")?,
        points: row.int("points")?,
        earn: row.int("earn")?,
    })
}
