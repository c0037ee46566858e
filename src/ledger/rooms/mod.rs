//! Rooms as they stood a moment ago, to rebuild a lost lane's rooms from: saved by differences, read whole but
//! for spent draws, which may be a million and are read by who rebuilds alone. Knows no room's rules.

mod change;
mod part;

use sqlx::any::AnyRow;

use super::catalog::Put;
use super::reads::row::{Cells, cells};
use super::sql::Value;
use super::{Error, Ledger, Result, Source};
use crate::clock::Millis;
use crate::ids::{EventId, LaneId, LogId, VisitorId};
use crate::lane::{Checkpoint, Insider, Look, SpentChunk};
use change::{Change, Refused};
use part::{INSIDE, PAGE, Part, SPENT, SPENT_DRAW};

/// How often a room that is being saved meanwhile is read anew.
const READS_MAX: usize = 8;

/// A room's checkpoint as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// When it was stored, and what tells one save from the next.
    pub at_ms: Millis,
    /// So many changes of the round's spent draws are stored with it.
    pub draws_upto: i64,
    pub checkpoint: Checkpoint,
}

/// A checkpoint to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Save<'a> {
    pub lane: LaneId,
    /// The lane's generation that the checkpoint was taken from.
    pub generation: u64,
    /// The lane's last log id at that moment.
    pub log_last: LogId,
    pub event: &'a EventId,
    /// What the caller knows to be stored; `None`: nothing is.
    pub before: Option<&'a Saved>,
    /// The room, and the changes of its spent draws since `before`.
    pub after: &'a Look,
    pub now_ms: Millis,
}

impl Save<'_> {
    /// The stored `at_ms`: now, but always after the one before, whatever the clock does.
    pub fn at_ms(&self) -> Millis {
        self.before.map_or(self.now_ms, |before| self.now_ms.max(before.at_ms + 1))
    }

    /// What is stored once this is.
    pub fn saved(&self) -> Saved {
        Saved { at_ms: self.at_ms(), draws_upto: self.after.draws.upto, checkpoint: self.after.room.clone() }
    }
}

impl Ledger {
    /// An event's room as it was last saved.
    pub async fn room_checkpoint(&self, event: &EventId) -> Result<Option<Saved>> {
        // In pages, each a read of its own: a large room is more than one read's time limit allows.
        // What was saved in between shows by its time.
        for _ in 0..READS_MAX {
            let Some(mut saved) = self.room_head(event).await? else { return Ok(None) };
            saved.checkpoint.inside = self.room_pages(event, &INSIDE, insider).await?;
            saved.checkpoint.spent = self.room_pages(event, &SPENT, spent_chunk).await?;
            if self.room_head(event).await?.is_some_and(|now| now.at_ms == saved.at_ms) {
                return Ok(Some(saved));
            }
        }
        Err(Error::Timeout(self.read_limit()))
    }

    /// Visitors of a draw who are through, in order. Of one save only while none can come in between: when the
    /// lane has a new generation, and is not open yet.
    pub async fn spent_draws(&self, event: &EventId) -> Result<Vec<VisitorId>> {
        self.room_pages(event, &SPENT_DRAW, spent_draw).await
    }

    /// Stores a checkpoint, by its differences to the one before, and raises the lane's mark to `log_last`.
    ///
    /// `Conflict`, and nothing is written: the ledger knows the lane by another generation, or what is
    /// stored is not `before`. The caller then reads what is. That is also what repeating a save whose
    /// answer was lost comes to.
    pub async fn save_room(&self, save: Save<'_>) -> Result<Put> {
        let change = Change::of(&save);
        let saved = self.transaction(move |conn| Box::pin(async move { change.write(conn).await })).await;
        match saved {
            Ok(()) => Ok(Put::Done),
            Err(Refused::Conflict) => Ok(Put::Conflict),
            Err(Refused::Fault(error)) => Err(error),
        }
    }

    async fn room_head(&self, event: &EventId) -> Result<Option<Saved>> {
        let event = event.to_string();
        self.read("room_checkpoint", Source::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT round, epoch, serial, admitted_total, head, drawing, closed, draws_upto, at_ms \
                     FROM room_checkpoint WHERE event = ?";
                let row = sqlx::query(text).bind(event).fetch_optional(conn).await?;
                row.as_ref().map(head).transpose()
            })
        })
        .await
    }

    /// All rows a table has of an event, in the order of their keys.
    async fn room_pages<T: Send + 'static>(
        &self,
        event: &EventId,
        part: &'static Part,
        item: fn(&Cells<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        let mut after: Option<Value> = None;
        loop {
            let (first, from) = (Value::from(event.as_str()), after.clone());
            let (items, last, full) = self
                .read(part.table, Source::Primary, move |conn| {
                    Box::pin(async move {
                        let rows = part.page(conn, &first, from.as_ref()).await?;
                        let items: Vec<T> = cells(part.table, &rows).map(|row| item(&row)).collect::<Result<_>>()?;
                        let last = rows.last().map(|row| part.key_of(row)).transpose()?;
                        Ok((items, last, rows.len() == PAGE))
                    })
                })
                .await?;
            found.extend(items);
            if !full {
                return Ok(found);
            }
            after = last;
        }
    }
}

fn head(row: &AnyRow) -> Result<Saved> {
    let row = Cells { table: "room_checkpoint", row };
    Ok(Saved {
        at_ms: row.int("at_ms")?,
        draws_upto: row.int("draws_upto")?,
        checkpoint: Checkpoint {
            round: row.int("round")?,
            epoch: row.int("epoch")?,
            serial: row.int("serial")?,
            admitted_total: row.int("admitted_total")?,
            head: row.int("head")?,
            drawing: row.int("drawing")? != 0,
            closed: row.int("closed")? != 0,
            ..Checkpoint::default()
        },
    })
}

fn insider(row: &Cells<'_>) -> Result<Insider> {
    Ok(Insider {
        visitor: VisitorId::from(row.text("visitor")?),
        score: row.int("score")?,
        expires_ms: row.int("expires_ms")?,
        claimed: row.int("claimed")? != 0,
    })
}

fn spent_chunk(row: &Cells<'_>) -> Result<SpentChunk> {
    let bits = row.word("bits", |text| hex::decode(text).ok()?.try_into().ok())?;
    Ok(SpentChunk { chunk: row.int("chunk")?, bits })
}

fn spent_draw(row: &Cells<'_>) -> Result<VisitorId> {
    Ok(VisitorId::from(row.text("visitor")?))
}
