//! The deliveries of a subscription, as the office sees them.

use super::row::cells;
use super::{Cursor, ListPart, page};
use crate::facts::time::Millis;
use crate::ledger::outbox::delivery::DeliveryState;
use crate::ledger::{ReadSource, Reader, Result};

/// A notice for a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryEntry {
    /// The `webhook-id` that is sent.
    pub id: String,
    /// The CloudEvents type.
    pub kind: String,
    /// When it was told.
    pub at_ms: Millis,
    /// Attempts so far.
    pub attempts: i64,
    /// When it is due; of one that has ended, when it ended.
    pub next_ms: Millis,
    /// The HTTP status of the last attempt; `None`: there was no answer, or no attempt.
    pub status: Option<i64>,
    /// Why the last attempt was not taken.
    pub detail: Option<String>,
}

impl Reader {
    /// Deliveries of a subscription in one state, the newest first. The part begins behind `after` and has at most
    /// `limit` items. It comes from the primary.
    pub async fn deliveries(
        &self,
        subscription: &str,
        state: DeliveryState,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<ListPart<DeliveryEntry>> {
        let (after, subscription) = (after.unwrap_or_else(Cursor::newest), subscription.to_owned());
        self.read("deliveries", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT id, kind, at_ms, attempts, next_ms, status, detail FROM delivery \
                     WHERE subscription = ? AND state = ? AND (at_ms < ? OR at_ms = ? AND id < ?) \
                     ORDER BY at_ms DESC, id DESC LIMIT ?";
                let query = sqlx::query(text).bind(subscription).bind(state.as_str());
                let query = query.bind(after.number).bind(after.number).bind(after.id).bind(i64::from(limit) + 1);
                let rows = query.fetch_all(&mut *conn).await?;
                let entries = cells("delivery", &rows).map(|row| {
                    Ok(DeliveryEntry {
                        id: row.text("id")?,
                        kind: row.text("kind")?,
                        at_ms: row.int("at_ms")?,
                        attempts: row.int("attempts")?,
                        next_ms: row.int("next_ms")?,
                        status: row.int_or_null("status")?,
                        detail: row.text_or_null("detail")?,
                    })
                });
                let entries = entries.collect::<Result<Vec<_>>>()?;
                Ok(page(entries, limit, |entry| Cursor { number: entry.at_ms, id: entry.id.clone() }))
            })
        })
        .await
    }
}
