//! Calls to payment providers that a person may have to look at, and dead letters.

use sqlx::AssertSqlSafe;

use super::row::cells;
use super::{Cursor, ListPart, page};
use crate::facts::ids::{EventId, LaneId, OrderId, UserId};
use crate::facts::time::Millis;
use crate::ledger::sheet::NOT_YET_MS;
use crate::ledger::{ReadSource, Reader, Result};

/// Which calls an operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFilter {
    /// Attempts and refunds without a definite answer.
    Open,
    /// Refunds that their provider refused: the money is still with the house.
    Failed,
}

/// An attempt or a refund, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEntry {
    /// Id of the attempt or of the refund; the provider's idempotency key begins with it.
    pub id: String,
    /// `payment` or `refund`.
    pub kind: String,
    /// The order that is paid or refunded.
    pub order: OrderId,
    /// The event of the order.
    pub event: EventId,
    /// The buyer.
    pub user: UserId,
    /// The provider that is asked.
    pub provider: String,
    /// The provider's own token for the payment.
    pub key: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// When it was opened.
    pub since_ms: Millis,
    /// When the provider is asked next; `None`: not before its buyer names an account.
    pub due_ms: Option<Millis>,
    /// Why there is no definite answer, or why the refund was refused; `None`: it was not asked yet.
    pub waits_for: Option<String>,
}

/// A record that could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterEntry {
    /// Id of the record.
    pub id: String,
    /// The lane whose log had it.
    pub lane: LaneId,
    /// The order that it is about; `None`: no order.
    pub order: Option<OrderId>,
    /// Why it could not be written.
    pub error: String,
    /// When it was given up.
    pub died_ms: Millis,
}

impl Reader {
    /// Attempts and refunds, the oldest first. The part begins behind `after` and has at most `limit` items. It comes from
    /// the primary.
    pub async fn calls(&self, which: CallFilter, after: Option<Cursor>, limit: u32) -> Result<ListPart<CallEntry>> {
        let after = after.unwrap_or_else(Cursor::lowest);
        self.read("calls", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let query = sqlx::query(AssertSqlSafe(calls(which)));
                let query = query.bind(after.number).bind(after.number).bind(after.id).bind(i64::from(limit) + 1);
                let rows = query.fetch_all(&mut *conn).await?;
                let entries = cells("payment", &rows).map(|row| {
                    Ok(CallEntry {
                        id: row.text("id")?,
                        kind: row.text("kind")?,
                        order: row.text("order_id")?.into(),
                        event: row.text("event")?.into(),
                        user: row.text("user_id")?.into(),
                        provider: row.text("provider")?,
                        key: row.text("pay_key")?,
                        amount: row.int("amount")?,
                        currency: row.text("currency")?,
                        since_ms: row.int("since_ms")?,
                        due_ms: Some(row.int("due_ms")?).filter(|due_ms| *due_ms < NOT_YET_MS),
                        waits_for: row.text_or_null("waits_for")?,
                    })
                });
                let entries = entries.collect::<Result<Vec<_>>>()?;
                Ok(page(entries, limit, |entry| Cursor { number: entry.since_ms, id: entry.id.clone() }))
            })
        })
        .await
    }

    /// Dead letters, the oldest first. The part begins behind `after` and has at most `limit` items. It comes from the
    /// primary.
    pub async fn dead_letters(&self, after: Option<Cursor>, limit: u32) -> Result<ListPart<LetterEntry>> {
        let after = after.unwrap_or_else(Cursor::lowest);
        self.read("dead_letters", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT id, lane, order_id, error, died_ms FROM dead_letter \
                     WHERE died_ms > ? OR died_ms = ? AND id > ? ORDER BY died_ms, id LIMIT ?";
                let query = sqlx::query(text).bind(after.number).bind(after.number).bind(after.id);
                let rows = query.bind(i64::from(limit) + 1).fetch_all(&mut *conn).await?;
                let entries = cells("dead_letter", &rows).map(|row| {
                    Ok(LetterEntry {
                        id: row.text("id")?,
                        lane: LaneId(u16::try_from(row.small("lane")?).unwrap_or(u16::MAX)),
                        order: row.text_or_null("order_id")?.map(OrderId::from),
                        error: row.text("error")?,
                        died_ms: row.int("died_ms")?,
                    })
                });
                let entries = entries.collect::<Result<Vec<_>>>()?;
                Ok(page(entries, limit, |entry| Cursor { number: entry.died_ms, id: entry.id.clone() }))
            })
        })
        .await
    }
}

fn calls(which: CallFilter) -> String {
    // The lanes lead to the open calls by an index that begins with the lane.
    let charges = "SELECT p.id, 'payment' AS kind, p.order_id, p.provider, p.pay_key, p.amount, \
         p.created_ms AS since_ms, p.due_ms, \
         COALESCE(p.waits_for, CASE WHEN p.status = 'awaiting' THEN 'the deposit of its buyer' END) AS waits_for \
         FROM lane l JOIN payment p ON p.lane = l.lane AND p.opened = 1";
    let refunds = |from: &str, why: &str| {
        format!(
            "SELECT r.id, 'refund' AS kind, r.order_id, p.provider, p.pay_key, r.cash AS amount, \
             r.requested_ms AS since_ms, r.due_ms, {why} AS waits_for FROM {from} JOIN payment p ON p.id = r.attempt"
        )
    };
    let found = match which {
        CallFilter::Open => {
            let from = "lane l JOIN refund r ON r.lane = l.lane AND r.opened = 1";
            // Why the account before was wrong, or that there was none.
            let why = "CASE WHEN r.status = 'awaiting_account' AND r.account IS NULL \
                 THEN COALESCE(r.failure, 'the account of its buyer') ELSE r.waits_for END";
            format!("{charges} UNION ALL {}", refunds(from, why))
        }
        CallFilter::Failed => format!("{} WHERE r.status = 'failed' AND r.cash > 0", refunds("refund r", "r.failure")),
    };
    format!(
        "SELECT c.*, o.event, o.user_id, o.currency FROM ({found}) AS c JOIN orders o ON o.id = c.order_id \
         WHERE c.since_ms > ? OR c.since_ms = ? AND c.id > ? ORDER BY c.since_ms, c.id LIMIT ?"
    )
}
