//! What was told last of each room, so that each change is told once, whichever process sees it.

use sqlx::Row as _;

use super::tell;
use crate::facts::ids::{EventId, LaneId};
use crate::facts::notice::{Notice, Told};
use crate::facts::time::Millis;
use crate::ledger::{Ledger, ReadSource, Reader, Result};

/// What of a room is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomTold {
    /// The word of its mode.
    pub mode: String,
    /// Whether all seats that are on sale are sold.
    pub sold_out: bool,
}

/// A change of a room, and what it tells.
#[derive(Debug, Clone)]
pub struct RoomNews {
    pub lane: LaneId,
    pub event: EventId,
    /// What was told last; `None`: nothing was told yet.
    pub before: Option<RoomTold>,
    pub after: RoomTold,
    /// May be empty: not every change is told.
    pub notices: Vec<Notice>,
}

impl Reader {
    /// What was told last of a room, as the primary has it; `None`: nothing.
    pub async fn room_told(&self, event: &EventId) -> Result<Option<RoomTold>> {
        let event = event.to_string();
        self.read_one("room_told", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let query = sqlx::query("SELECT mode, sold_out FROM room_told WHERE event = ?").bind(event);
                let row = query.fetch_optional(conn).await?;
                row.map(|row| Ok(RoomTold { mode: row.try_get(0)?, sold_out: row.try_get::<i64, _>(1)? != 0 }))
                    .transpose()
            })
        })
        .await
    }
}

impl Ledger {
    /// Tells what has changed. False: something else was told last than `before`, so nothing is told.
    pub async fn tell_room(&self, news: RoomNews, now_ms: Millis) -> Result<bool> {
        self.transaction(move |conn| {
            let RoomNews { lane, event, before, after, notices } = news.clone();
            Box::pin(async move {
                let event = event.to_string();
                let met = match &before {
                    Some(before) => {
                        let text =
                            "UPDATE room_told SET mode = ?, sold_out = ? WHERE event = ? AND mode = ? AND sold_out = ?";
                        let query = sqlx::query(text).bind(after.mode).bind(i64::from(after.sold_out)).bind(event);
                        let query = query.bind(before.mode.clone()).bind(i64::from(before.sold_out));
                        query.execute(&mut *conn).await?.rows_affected()
                    }
                    None => {
                        let known = sqlx::query("SELECT event FROM room_told WHERE event = ?").bind(event.clone());
                        if known.fetch_optional(&mut *conn).await?.is_some() {
                            return Ok(false);
                        }
                        let text = "INSERT INTO room_told (event, mode, sold_out) VALUES (?, ?, ?)";
                        let query = sqlx::query(text).bind(event).bind(after.mode).bind(i64::from(after.sold_out));
                        query.execute(&mut *conn).await?.rows_affected()
                    }
                };
                if met != 1 {
                    return Ok(false);
                }
                if !notices.is_empty() {
                    tell(conn, lane, now_ms, &[Told { order: None, notices }]).await?;
                }
                Ok(true)
            })
        })
        .await
    }
}
