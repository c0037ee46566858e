//! Kafka among the subscriptions.
//!
//! Where its brokers are is configured for each process. That notices go there at all is kept in the ledger. So a process
//! that is not configured for it yet, or not any more, keeps the notices for one that is.

use super::subscription::{Destination, SubscriptionState};
use crate::facts::time::Millis;
use crate::ledger::{Cause, Error, Ledger, Result};

/// The name of Kafka's subscription. It is no slug, so no webhook has it.
pub const KAFKA: &str = "@kafka";

impl Ledger {
    /// Notes that a process sends to Kafka now. From the first time on, all notices are kept for it.
    pub async fn keep_kafka(&self, now_ms: Millis) -> Result<()> {
        let done = self.transaction(move |conn| {
            Box::pin(async move {
                let seen =
                    sqlx::query("UPDATE subscription SET updated_ms = ? WHERE name = ?").bind(now_ms).bind(KAFKA);
                if seen.execute(&mut *conn).await?.rows_affected() == 1 {
                    return Ok(());
                }
                sqlx::query(
                    "INSERT INTO subscription (name, version, url, secrets, types, state, created_ms, updated_ms) \
                     VALUES (?, 1, ?, '[]', '[\"*\"]', ?, ?, ?)",
                )
                .bind(KAFKA)
                .bind(Destination::Kafka.url())
                .bind(SubscriptionState::On.as_str())
                .bind(now_ms)
                .bind(now_ms)
                .execute(conn)
                .await?;
                Ok(())
            })
        });
        match done.await {
            // Another process began at the same time.
            Err(Error::Database { cause: Cause::Duplicate, .. }) => Ok(()),
            done => done,
        }
    }

    /// Keeps no more notices for Kafka if no process has sent there since `before_ms`.
    pub async fn forget_kafka(&self, before_ms: Millis) -> Result<()> {
        self.transaction(move |conn| {
            Box::pin(async move {
                let old = sqlx::query("DELETE FROM subscription WHERE name = ? AND updated_ms < ?");
                old.bind(KAFKA).bind(before_ms).execute(conn).await?;
                Ok(())
            })
        })
        .await
    }
}
