//! Checkpoints of rooms, from which a lost lane's rooms are rebuilt. A save writes the differences to the last one. A
//! read takes everything but the spent draws: they may be a million, and only a rebuild reads them.

mod change;
mod part;
mod rows;

use sqlx::any::AnyRow;

use super::catalog::Put;
use super::read::row::{Cells, cells};
use super::store::sql::Value;
use super::{Error, Ledger, ReadSource, Result};
use crate::facts::checkpoint::{Checkpoint, Insider, Look, SpentChunk};
use crate::facts::ids::{EventId, LaneId, LogId, VisitorId};
use crate::facts::time::Millis;
use change::{Change, SaveRefused};
use part::{INSIDE, ListTable, PAGE, SPENT, SPENT_DRAW};

/// How often a room is read, while saves change it during the read, before the reader gives up.
const READS_MAX: usize = 8;

/// A room's checkpoint as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// When it was stored. It also tells one save from another.
    pub at_ms: Millis,
    /// How many changes of the round's spent draws are stored with it.
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
    /// What is stored as far as the caller knows; `None`: nothing.
    pub before: Option<&'a Saved>,
    /// The room, and the changes of its spent draws since `before`.
    pub after: &'a Look,
    pub now_ms: Millis,
}

impl Save<'_> {
    /// The `at_ms` to store: now, but always after the last one, even when the clock goes back.
    pub fn at_ms(&self) -> Millis {
        self.before.map_or(self.now_ms, |before| self.now_ms.max(before.at_ms + 1))
    }

    /// What is stored after this save.
    pub fn saved(&self) -> Saved {
        Saved { at_ms: self.at_ms(), draws_upto: self.after.draws.upto, checkpoint: self.after.room.clone() }
    }
}

impl Ledger {
    /// An event's room as it was last saved.
    pub async fn room_checkpoint(&self, event: &EventId) -> Result<Option<Saved>> {
        // The room is read in pages, each a read of its own, because a large room takes longer than the time limit of
        // one read. A save in between shows in `at_ms`.
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

    /// The visitors whose draws are spent, by id. The pages are of one save only if no other save can come between:
    /// when the lane has a new generation and is not open yet.
    pub async fn spent_draws(&self, event: &EventId) -> Result<Vec<VisitorId>> {
        self.room_pages(event, &SPENT_DRAW, spent_draw).await
    }

    /// Stores a checkpoint, by its differences to the one before, and raises the lane's mark to `log_last`.
    ///
    /// `Conflict`, and nothing is written: the lane's mark is of another generation, or what is stored is not `before`.
    /// The caller then reads what is stored. A repeat of a save whose answer was lost is a `Conflict` too.
    pub async fn save_room(&self, save: Save<'_>) -> Result<Put> {
        let change = Change::of(&save);
        let saved = self.transaction(move |conn| Box::pin(async move { change.write(conn).await })).await;
        match saved {
            Ok(()) => Ok(Put::Done),
            Err(SaveRefused::Conflict) => Ok(Put::Conflict),
            Err(SaveRefused::Fault(error)) => Err(error),
        }
    }

    async fn room_head(&self, event: &EventId) -> Result<Option<Saved>> {
        let event = event.to_string();
        self.read("room_checkpoint", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT round, epoch, serial, admitted_total, head, drawing, closed, draws_upto, at_ms \
                     FROM room_checkpoint WHERE event = ?";
                let row = sqlx::query(text).bind(event).fetch_optional(conn).await?;
                row.as_ref().map(head).transpose()
            })
        })
        .await
    }

    /// All rows of an event in one table, in the order of their keys.
    async fn room_pages<T: Send + 'static>(
        &self,
        event: &EventId,
        part: &'static ListTable,
        item: fn(&Cells<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        let mut after: Option<Value> = None;
        loop {
            let (first, from) = (Value::from(event.as_str()), after.clone());
            let (items, last, full) = self
                .read(part.table, ReadSource::Primary, move |conn| {
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
        claimed: row.int("claimed")? == 1,
        again: row.int("claimed")? == 2,
        ends_ms: row.int_or_null("ends_ms")?,
    })
}

fn spent_chunk(row: &Cells<'_>) -> Result<SpentChunk> {
    let bits = row.word("bits", |text| hex::decode(text).ok()?.try_into().ok())?;
    Ok(SpentChunk { chunk: row.int("chunk")?, bits })
}

fn spent_draw(row: &Cells<'_>) -> Result<VisitorId> {
    Ok(VisitorId::from(row.text("visitor")?))
}
