//! Hints: a provider says by itself that something happened to an order's payment. Nothing else of it is believed, so the
//! provider is asked.

use sqlx::AssertSqlSafe;

use super::due::PutOff;
use crate::facts::ids::{AttemptId, OrderId};
use crate::facts::time::Millis;
use crate::ledger::sheet::{NOT_YET_MS, status};
use crate::ledger::{Ledger, Result};

/// Makes the order's open calls due now, if they were put off. Its attempts at this provider that took no money, and its
/// deposits, are asked about once more.
pub async fn hint(ledger: &Ledger, provider: &str, order: &OrderId, now_ms: Millis) -> Result<()> {
    let (provider, order) = (provider.to_owned(), order.to_string());
    ledger
        .transaction(move |conn| {
            let (provider, order) = (provider.clone(), order.clone());
            Box::pin(async move {
                for (table, since) in [("payment", "created_ms"), ("refund", "requested_ms")] {
                    // A call whose due time is not after its beginning was never put off, and would be made again.
                    let text = format!(
                        "UPDATE {table} SET due_ms = CASE WHEN {since} < ? THEN ? ELSE {since} + 1 END \
                         WHERE order_id = ? AND opened = 1 AND due_ms > ? AND due_ms < ?"
                    );
                    let query = sqlx::query(AssertSqlSafe(text)).bind(now_ms).bind(now_ms);
                    let query = query.bind(order.clone()).bind(now_ms).bind(NOT_YET_MS);
                    query.execute(&mut *conn).await?;
                }
                let text = "DELETE FROM payment_hint \
                     WHERE attempt IN (SELECT id FROM payment WHERE order_id = ? AND provider = ?)";
                sqlx::query(text).bind(order.clone()).bind(provider.clone()).execute(&mut *conn).await?;
                // An open attempt is looked at when it has closed: its answer may be on its way already.
                let text = "INSERT INTO payment_hint (attempt, order_id, lane, due_ms) \
                     SELECT id, order_id, lane, ? FROM payment \
                     WHERE order_id = ? AND provider = ? AND (status <> ? OR deposit_until_ms IS NOT NULL)";
                let query = sqlx::query(text).bind(now_ms).bind(order).bind(provider);
                query.bind(status::CAPTURED).execute(&mut *conn).await?;
                Ok(())
            })
        })
        .await
}

/// Stores when hints are due again.
pub(super) async fn put_off_hints(conn: &mut crate::ledger::Conn, hints: &[(AttemptId, PutOff)]) -> Result<()> {
    for (attempt, put_off) in hints {
        let text = "UPDATE payment_hint SET due_ms = ? WHERE attempt = ?";
        sqlx::query(text).bind(put_off.due_ms).bind(attempt.to_string()).execute(&mut *conn).await?;
    }
    Ok(())
}

/// A hint: the attempt and when it was due. A newer hint about the same attempt is due later.
pub type HintAt = (AttemptId, Millis);

/// Forgets hints that have been looked at, or that nothing can come of. Newer ones about the same attempts stay.
pub async fn forget_hints(ledger: &Ledger, hints: Vec<HintAt>) -> Result<()> {
    ledger
        .transaction(move |conn| {
            let hints = hints.clone();
            Box::pin(async move {
                for (attempt, due_ms) in hints {
                    let text = "DELETE FROM payment_hint WHERE attempt = ? AND due_ms = ?";
                    sqlx::query(text).bind(attempt.to_string()).bind(due_ms).execute(&mut *conn).await?;
                }
                Ok(())
            })
        })
        .await
}
