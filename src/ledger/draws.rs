//! The stored draws of rooms: the secrets they are made from, and who took part.

use std::fmt;

use super::catalog::Put;
use super::read::row::Cells;
use super::store::sql;
use super::store::sql::Value;
use super::{Cause, Conn, Error, Ledger, ReadSource, Reader, Result};
use crate::facts::ids::{EventId, VisitorId};
use crate::facts::time::Millis;
use crate::random;

/// Most visitors in one part of a list: a part is read, and sent, in one piece.
pub const PART_VISITORS: usize = 5_000;

/// The secret that an event's draws are made from: 32 random bytes, or none. Anyone who has it knows every draw
/// beforehand, so no answer contains it and `Debug` does not print it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DrawSecret(Option<[u8; 32]>);

impl DrawSecret {
    pub fn random() -> Self {
        Self(Some(random::secret()))
    }

    /// `None`: the event has no secret.
    pub fn bytes(&self) -> Option<[u8; 32]> {
        self.0
    }

    /// From the text of its column: hex, or empty.
    pub(super) fn read(text: &str) -> Self {
        Self(hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok()))
    }

    pub(super) fn text(&self) -> String {
        self.0.map(hex::encode).unwrap_or_default()
    }
}

impl fmt::Debug for DrawSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DrawSecret")
    }
}

/// A round's draw, to be stored.
#[derive(Debug, Clone)]
pub struct SaveDraw {
    pub event: EventId,
    pub round: i64,
    pub list_digest: String,
    pub visitors: i64,
    /// As [`parts`] makes them.
    pub parts: Vec<String>,
    pub now_ms: Millis,
}

/// A round's draw as it is stored; its list is read by parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDraw {
    pub list_digest: String,
    pub visitors: i64,
    /// How many parts its list has; they are numbered from 0.
    pub parts: i64,
    pub at_ms: Millis,
}

/// A sorted list in parts, one id a line, without a newline at the end.
pub fn parts(sorted: &[VisitorId]) -> Vec<String> {
    let lines = |chunk: &[VisitorId]| chunk.iter().map(VisitorId::as_str).collect::<Vec<_>>().join("\n");
    sorted.chunks(PART_VISITORS).map(lines).collect()
}

impl Ledger {
    /// Stores a round's draw. The first caller makes it: `Conflict` when one is stored already, which then stays.
    pub async fn save_draw(&self, draw: SaveDraw) -> Result<Put> {
        let saved = self.transaction(move |conn| Box::pin(async move { save(conn, draw).await })).await;
        match saved {
            Ok(()) => Ok(Put::Done),
            Err(Error::Database { cause: Cause::Duplicate, .. }) => Ok(Put::Conflict),
            Err(error) => Err(error),
        }
    }
}

impl Reader {
    /// A round's draw; `None`: not opened yet.
    pub async fn draw(&self, event: &EventId, round: i64) -> Result<Option<StoredDraw>> {
        let event = event.to_string();
        self.read_one("draw", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT list_digest, visitors, at_ms, \
                     (SELECT COUNT(*) FROM room_draw_part WHERE event = ? AND round = ?) AS parts \
                     FROM room_draw WHERE event = ? AND round = ?";
                let query = sqlx::query(text).bind(event.clone()).bind(round).bind(event).bind(round);
                let Some(row) = query.fetch_optional(conn).await? else { return Ok(None) };
                let row = Cells { table: "room_draw", row: &row };
                Ok(Some(StoredDraw {
                    list_digest: row.text("list_digest")?,
                    visitors: row.int("visitors")?,
                    parts: row.int("parts")?,
                    at_ms: row.int("at_ms")?,
                }))
            })
        })
        .await
    }

    /// One part of a draw's list; `None`: there is no such part.
    pub async fn draw_part(&self, event: &EventId, round: i64, part: i64) -> Result<Option<String>> {
        let event = event.to_string();
        self.read_one("draw_part", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT body FROM room_draw_part WHERE event = ? AND round = ? AND part = ?";
                let row = sqlx::query(text).bind(event).bind(round).bind(part).fetch_optional(conn).await?;
                row.map(|row| Cells { table: "room_draw_part", row: &row }.text("body")).transpose()
            })
        })
        .await
    }
}

/// Inserts the draw's own row first: its key stops every other caller before it writes a list.
async fn save(conn: &mut Conn, draw: SaveDraw) -> Result<()> {
    let SaveDraw { event, round, list_digest, visitors, parts, now_ms } = draw;
    let key = [Value::from(event.into_string()), Value::from(round)];
    let row = key.iter().cloned().chain([list_digest.into(), visitors.into(), now_ms.into()]).collect();
    sql::insert(conn, "room_draw", &["event", "round", "list_digest", "visitors", "at_ms"], &[row]).await?;
    for (part, body) in (0i64..).zip(parts) {
        // One statement a part: all parts together may be more than a server takes in one message.
        let row = key.iter().cloned().chain([part.into(), body.into()]).collect();
        sql::insert(conn, "room_draw_part", &["event", "round", "part", "body"], &[row]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_random_and_does_not_print() {
        let (one, other) = (DrawSecret::random(), DrawSecret::random());
        assert_ne!(one, other);
        assert_eq!(DrawSecret::read(&one.text()), one);
        assert_eq!(DrawSecret::default().bytes(), None);
        assert_eq!(format!("{one:?}"), "DrawSecret");
    }

    #[test]
    fn a_list_is_cut_into_parts() {
        assert_eq!(parts(&[]), [""; 0]);
        let ids: Vec<VisitorId> = (0..PART_VISITORS + 1).map(|n| VisitorId::from(format!("{n:05}"))).collect();
        let parts = parts(&ids);
        assert_eq!(parts.iter().map(|part| part.lines().count()).collect::<Vec<_>>(), [PART_VISITORS, 1]);
        assert_eq!(parts[1], "05000");
    }
}
