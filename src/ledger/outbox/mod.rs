//! The outbox: what transactions told, until it is handed to the subscriptions. While nobody subscribes, nothing is told.
//!
//! A row gets its number while its transaction holds the lane's row of `outbox_head`. So the numbers of a lane rise in
//! the order of the commits, without gaps. A reader that begins with the lowest number misses nothing.

pub mod delivery;
pub mod kafka;
pub mod room;
pub mod subscription;

use sqlx::Row as _;

use super::store::sql::{self, Value};
use super::{Conn, Error, Ledger, ReadSource, Reader, Result};
use crate::facts::ids::LaneId;
use crate::facts::notice::Told;
use crate::facts::time::Millis;
use delivery::NewDelivery;

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its number in its lane.
    pub seq: i64,
    /// When it was told.
    pub at_ms: Millis,
    pub told: Told,
}

/// Adds rows to a lane's outbox, inside the transaction that they tell of.
pub(in crate::ledger) async fn tell(conn: &mut Conn, lane: LaneId, at_ms: Millis, told: &[Told]) -> Result<()> {
    if told.is_empty() || !is_wanted(conn).await? {
        return Ok(());
    }
    let lane = i64::from(lane.0);
    let count = i64::try_from(told.len()).expect("a batch is small");
    let raise = sqlx::query("UPDATE outbox_head SET seq = seq + ? WHERE lane = ?").bind(count).bind(lane);
    if raise.execute(&mut *conn).await?.rows_affected() == 0 {
        let first = sqlx::query("INSERT INTO outbox_head (lane, seq) VALUES (?, ?)").bind(lane).bind(count);
        first.execute(&mut *conn).await?;
    }
    let head = sqlx::query("SELECT seq FROM outbox_head WHERE lane = ?").bind(lane);
    let head: i64 = head.fetch_one(&mut *conn).await?.try_get(0)?;
    let mut rows = Vec::with_capacity(told.len());
    for (seq, told) in (head - count + 1..).zip(told) {
        let text = serde_json::to_string(told).expect("plain data");
        rows.push(vec![lane.into(), seq.into(), at_ms.into(), text.into()]);
    }
    sql::insert(conn, "outbox", &["lane", "seq", "at_ms", "told"], &rows).await
}

/// Whether anybody has subscribed. Who subscribes while this transaction is under way may miss what it tells.
async fn is_wanted(conn: &mut Conn) -> Result<bool> {
    Ok(sqlx::query("SELECT name FROM subscription LIMIT 1").fetch_optional(conn).await?.is_some())
}

impl Reader {
    /// The oldest rows of a lane's outbox, at most `max`, as the primary has them.
    pub async fn outbox(&self, lane: LaneId, max: i64) -> Result<Vec<OutboxRow>> {
        let lane = i64::from(lane.0);
        let rows = self.read("outbox", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT seq, at_ms, told FROM outbox WHERE lane = ? ORDER BY seq LIMIT ?";
                Ok(sqlx::query(text).bind(lane).bind(max).fetch_all(conn).await?)
            })
        });
        rows.await?
            .iter()
            .map(|row| {
                let (seq, told): (i64, String) = (row.try_get("seq")?, row.try_get("told")?);
                let told = serde_json::from_str(&told).map_err(|error| Error::Unreadable {
                    table: "outbox",
                    column: "told",
                    key: seq.to_string(),
                    detail: error.to_string(),
                })?;
                Ok(OutboxRow { seq, at_ms: row.try_get("at_ms")?, told })
            })
            .collect()
    }
}

/// The rows of a lane's outbox up to `upto`, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    pub lane: LaneId,
    /// Number of the last row.
    pub upto: i64,
    /// How many rows there are.
    pub rows: u64,
    pub deliveries: Vec<NewDelivery>,
}

impl Ledger {
    /// Turns rows of the outbox into deliveries, all or none. False: somebody else did so meanwhile.
    pub async fn hand_over(&self, hand: HandOver) -> Result<bool> {
        let done = self.transaction(move |conn| {
            Box::pin(async move {
                let gone = sqlx::query("DELETE FROM outbox WHERE lane = ? AND seq <= ?")
                    .bind(i64::from(hand.lane.0))
                    .bind(hand.upto)
                    .execute(&mut *conn)
                    .await
                    .map_err(Error::from)?
                    .rows_affected();
                if gone != hand.rows {
                    return Err(Lost::Race);
                }
                let rows: Vec<Vec<Value>> = hand.deliveries.iter().map(NewDelivery::values).collect();
                Ok(sql::insert(conn, "delivery", NewDelivery::COLUMNS, &rows).await?)
            })
        });
        match done.await {
            Ok(()) => Ok(true),
            Err(Lost::Race) => Ok(false),
            Err(Lost::Ledger(error)) => Err(error),
        }
    }
}

/// Why nothing was handed over.
#[derive(Debug)]
enum Lost {
    Race,
    Ledger(Error),
}

impl From<Error> for Lost {
    fn from(error: Error) -> Self {
        Lost::Ledger(error)
    }
}
