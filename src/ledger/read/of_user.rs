//! Reads of one user's rows that a replica may answer, and never with less than the user has seen.

use sqlx::Row as _;

use crate::facts::ids::UserId;
use crate::ledger::store::db::{Statements, Work};
use crate::ledger::{Conn, ReadSource, Reader, Result};

impl Reader {
    /// Reads rows of a user from the replica while it has all that the primary has of the user. Otherwise the primary
    /// answers. The version of the user's wallet decides: every transaction that changes the user's orders, tickets,
    /// coupons or points raises it. So a buyer sees here every change that they were shown before.
    pub(super) async fn read_of_user<T, F>(
        &self,
        query: &'static str,
        user: &UserId,
        statements: Statements,
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut Conn) -> Work<'c, T> + Clone + Send + 'static,
    {
        if !self.has_replica() {
            return self.timed(query, ReadSource::Primary, statements, work).await;
        }
        let (of, at_primary, at_replica) = (user.to_string(), user.to_string(), work.clone());
        let wanted = self.read_one("wallet_version", ReadSource::Primary, move |conn| {
            Box::pin(async move { version(conn, at_primary).await })
        });
        let wanted = wanted.await?;
        let read = self.read(query, ReadSource::Replica, move |conn| {
            Box::pin(async move {
                let is_behind = version(conn, of).await? < wanted;
                if is_behind { Ok(None) } else { at_replica(conn).await.map(Some) }
            })
        });
        match read.await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(error) => tracing::debug!(query, %error, "the replica does not answer"),
        }
        self.timed(query, ReadSource::Primary, statements, work).await
    }
}

/// 0: the user has no wallet yet, and nothing else.
async fn version(conn: &mut Conn, user: String) -> Result<i64> {
    let row = sqlx::query("SELECT version FROM wallet WHERE user_id = ?").bind(user).fetch_optional(conn).await?;
    row.map_or(Ok(0), |row| Ok(row.try_get(0)?))
}
