//! Refunds as facts.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::facts::ids::{OrderId, RefundId};
use crate::facts::refund::RefundFact;
use crate::ledger::sheet::refund_fact;
use crate::ledger::store::row::{Row as _, Table};
use crate::ledger::store::rows::{RefundLineRow, RefundRow};
use crate::ledger::store::sql::texts;
use crate::ledger::{Conn, ReadSource, Reader, Result};

impl Reader {
    /// A refund as the primary has it; `None`: the ledger does not have it (yet).
    pub async fn refund(&self, refund: &RefundId) -> Result<Option<RefundFact>> {
        let id = refund.to_string();
        let found = self.read("refund", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = format!("{} WHERE id = ?", RefundRow::select());
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
                let text = format!("{} WHERE order_id = ? ORDER BY requested_ms, id", RefundRow::select());
                let rows = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_all(&mut *conn).await?;
                facts(conn, &rows).await
            })
        })
        .await
    }
}

async fn facts(conn: &mut Conn, rows: &[AnyRow]) -> Result<Vec<RefundFact>> {
    let refunds: Vec<RefundRow> = rows.iter().map(RefundRow::read).collect::<Result<_>>()?;
    let mut lines = Table::<RefundLineRow>::default();
    lines.load(conn, "refund", &texts(refunds.iter().map(|row| row.id.as_str())), "").await?;
    let lines_of = |refund: &RefundRow| lines.iter().filter(|line| line.refund == refund.id).collect::<Vec<_>>();
    Ok(refunds.iter().map(|refund| refund_fact(refund, lines_of(refund))).collect())
}
