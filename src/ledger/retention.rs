//! Deletes rows that nobody can ask for any more. The book of record itself (orders, journal, points, coupons) is kept.

use sqlx::{AssertSqlSafe, Row as _};

use super::store::keyed::KeyedQuery;
use super::store::sql::Value;
use super::{Conn, Ledger, Result};
use crate::facts::ids::LaneId;
use crate::facts::time::Millis;

impl Ledger {
    /// Forgets which records of a lane were done before `before_ms`, at most `max`. Returns how many went.
    pub async fn forget(&self, lane: LaneId, before_ms: Millis, max: i64) -> Result<usize> {
        let lane = i64::from(lane.0);
        self.transaction(move |conn| {
            Box::pin(async move {
                let done = "SELECT id FROM record_done WHERE lane = ? AND done_ms < ? ORDER BY done_ms LIMIT ?";
                let done = ids(conn, done, &[lane, before_ms, max]).await?;
                delete(conn, "DELETE FROM record_done WHERE id IN", &done).await?;
                Ok(done.len())
            })
        })
        .await
    }

    /// Forgets the specs of a lane's campaigns at versions under which no coupon was claimed, if a newer version took
    /// their place before `before_ms`: a claim still on its way to the ledger is younger than that. At most 1,000 of
    /// them. Returns how many went.
    pub async fn forget_campaign_versions(&self, lane: LaneId, before_ms: Millis) -> Result<usize> {
        let lane = i64::from(lane.0);
        self.transaction(move |conn| {
            Box::pin(async move {
                let text = "SELECT k.campaign, k.version FROM campaign_version k JOIN campaign g ON g.id = k.campaign \
                     WHERE g.lane = ? AND k.version < g.version \
                     AND EXISTS (SELECT 1 FROM campaign_version n \
                         WHERE n.campaign = k.campaign AND n.version > k.version AND n.since_ms < ?) \
                     AND NOT EXISTS (SELECT 1 FROM coupon c \
                         WHERE c.campaign = k.campaign AND c.version = k.version) LIMIT 1000";
                let rows = sqlx::query(text).bind(lane).bind(before_ms).fetch_all(&mut *conn).await?;
                for row in &rows {
                    let (campaign, version): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
                    let text = "DELETE FROM campaign_version WHERE campaign = ? AND version = ?";
                    sqlx::query(text).bind(campaign).bind(version).execute(&mut *conn).await?;
                }
                Ok(rows.len())
            })
        })
        .await
    }
}

async fn ids(conn: &mut Conn, text: &'static str, numbers: &[i64]) -> Result<Vec<Value>> {
    let query = numbers.iter().fold(sqlx::query(AssertSqlSafe(text)), |query, number| query.bind(*number));
    let rows = query.fetch_all(conn).await?;
    rows.iter().map(|row| Ok(row.try_get::<String, _>(0)?.as_str().into())).collect()
}

async fn delete(conn: &mut Conn, text: &'static str, ids: &[Value]) -> Result<()> {
    KeyedQuery { text, fixed: &[], keys: ids, tail: "" }.run(conn).await?;
    Ok(())
}
