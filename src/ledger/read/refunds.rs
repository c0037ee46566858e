//! Refunds as facts.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::facts::ids::{OrderId, RefundId};
use crate::facts::refund::{RefundBy, RefundFact, RefundRefusal};
use crate::facts::time::Millis;
use crate::ledger::rules::line::LineRefund;
use crate::ledger::rules::refund;
use crate::ledger::sheet::refund_fact;
use crate::ledger::store::row::{Row as _, Table};
use crate::ledger::store::rows::{RefundLineRow, RefundRow};
use crate::ledger::store::sql::texts;
use crate::ledger::{Conn, ReadSource, Reader, Result, sheet};

/// What a refund would give back. Minor units and points, after the fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundQuote {
    /// Cash to the buyer.
    pub cash: i64,
    /// Points to the buyer.
    pub points: i64,
    /// Earned points that are taken back.
    pub earn: i64,
    /// What is kept of cash and points together.
    pub fee: i64,
    /// The part of `cash` that gives booking fees back.
    pub booking_fee: i64,
    /// Each line's part.
    pub lines: Vec<LineRefund>,
}

impl Reader {
    /// What a refund of these lines of an order would give back if it were asked for at `at_ms`, or why it would be
    /// refused. `None`: the ledger does not have the order (yet). No lines: all of
    /// which something is left. It comes from the primary.
    pub async fn refund_quote(
        &self,
        order: &OrderId,
        by: RefundBy,
        lines: Vec<u32>,
        at_ms: Millis,
    ) -> Result<Option<std::result::Result<RefundQuote, RefundRefusal>>> {
        let order = order.clone();
        self.read("refund_quote", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let sheets = sheet::load(conn, &BTreeSet::from([order])).await?;
                let Some(sheet) = sheets.values().next() else { return Ok(None) };
                let all =
                    || sheet.lines.iter().filter(|line| !line.closed).map(|line| line.arithmetic().line).collect();
                let lines: Vec<u32> = if lines.is_empty() { all() } else { lines };
                let wanted: Vec<(u32, Option<i64>)> = lines.into_iter().map(|line| (line, None)).collect();
                Ok(Some(refund::parts(sheet, by, &wanted, at_ms).map(|lines| RefundQuote {
                    cash: lines.iter().map(|part| part.cash).sum(),
                    points: lines.iter().map(|part| part.points).sum(),
                    earn: lines.iter().map(|part| part.earn).sum(),
                    fee: lines.iter().map(|part| part.fee).sum(),
                    booking_fee: lines.iter().map(|part| part.booking_fee).sum(),
                    lines,
                })))
            })
        })
        .await
    }

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
