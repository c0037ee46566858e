//! The attempts of one provider, for the comparison with what the provider says.

use super::row::cells;
use super::{Cursor, ListPart, page};
use crate::facts::ids::{AttemptId, LaneId, OrderId};
use crate::facts::time::Millis;
use crate::ledger::{ReadSource, Reader, Result};

/// An attempt to pay, with what was given back of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentEntry {
    /// The attempt.
    pub id: AttemptId,
    /// The order that it pays.
    pub order: OrderId,
    /// The order's lane.
    pub lane: LaneId,
    /// The provider's own token.
    pub key: String,
    /// ISO 4217.
    pub currency: String,
    /// It has no definite answer yet.
    pub is_open: bool,
    /// What was captured, minor units.
    pub captured: i64,
    /// What refunds that are done gave back of it.
    pub returned: i64,
    /// What of that was given back within the time that was asked for.
    pub returned_within: i64,
    /// What refunds without a definite answer may have given back of it.
    pub returning: i64,
    /// When it was made.
    pub created_ms: Millis,
    /// When it got its answer; of an open one, when it was made.
    pub updated_ms: Millis,
}

impl Reader {
    /// Attempts of a provider that were made in a time (from, and before), oldest first. `within`: the time of
    /// `returned_within`. The part begins behind `after` and has at most `limit` items. It comes from the primary.
    pub async fn payments(
        &self,
        provider: &str,
        (from_ms, until_ms): (Millis, Millis),
        within: (Millis, Millis),
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<ListPart<PaymentEntry>> {
        let (provider, after) = (provider.to_owned(), after.unwrap_or_else(Cursor::first));
        self.read("payments", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT p.id, p.order_id, p.lane, p.pay_key, p.opened, p.status, p.amount, p.created_ms, \
                     p.updated_ms, o.currency, \
                     CAST(COALESCE((SELECT SUM(r.cash) FROM refund r WHERE r.order_id = p.order_id \
                       AND r.attempt = p.id AND r.status = 'done'), 0) AS SIGNED) AS returned, \
                     CAST(COALESCE((SELECT SUM(r.cash) FROM refund r WHERE r.order_id = p.order_id \
                       AND r.attempt = p.id AND r.status = 'done' AND r.updated_ms >= ? AND r.updated_ms < ?), 0) \
                       AS SIGNED) AS returned_within, \
                     CAST(COALESCE((SELECT SUM(r.cash) FROM refund r WHERE r.order_id = p.order_id \
                       AND r.attempt = p.id AND r.opened = 1), 0) AS SIGNED) AS returning_cash \
                     FROM payment p JOIN orders o ON o.id = p.order_id \
                     WHERE p.provider = ? AND p.created_ms >= ? AND p.created_ms < ? \
                     AND (p.created_ms > ? OR p.created_ms = ? AND p.id > ?) ORDER BY p.created_ms, p.id LIMIT ?";
                let query = sqlx::query(text)
                    .bind(within.0)
                    .bind(within.1)
                    .bind(provider)
                    .bind(from_ms.max(after.number))
                    .bind(until_ms);
                let query = query.bind(after.number).bind(after.number).bind(after.id).bind(i64::from(limit) + 1);
                let rows = query.fetch_all(conn).await?;
                let entries = cells("payment", &rows).map(|row| {
                    let is_captured = row.text("status")? == "captured";
                    Ok(PaymentEntry {
                        id: AttemptId::from(row.text("id")?),
                        order: OrderId::from(row.text("order_id")?),
                        lane: LaneId(u16::try_from(row.small("lane")?).unwrap_or(u16::MAX)),
                        key: row.text("pay_key")?,
                        currency: row.text("currency")?,
                        is_open: row.int_or_null("opened")?.is_some(),
                        captured: if is_captured { row.int("amount")? } else { 0 },
                        returned: row.int("returned")?,
                        returned_within: row.int("returned_within")?,
                        returning: row.int("returning_cash")?,
                        created_ms: row.int("created_ms")?,
                        updated_ms: row.int("updated_ms")?,
                    })
                });
                let entries = entries.collect::<Result<Vec<_>>>()?;
                Ok(page(entries, limit, |entry| Cursor { number: entry.created_ms, id: entry.id.to_string() }))
            })
        })
        .await
    }
}
