//! How a checkpoint is written over the stored one: which rows to delete and to put, and the statements for it.

use super::Save;
use super::part::{INSIDE, SPENT};
use super::rows::{Lists, Rows, insider_row, run};
use crate::facts::checkpoint::Checkpoint;
use crate::ledger::store::sql;
use crate::ledger::store::sql::Value;
use crate::ledger::{Cause, Conn, Error};

/// Why a save wrote nothing.
pub(super) enum SaveRefused {
    Conflict,
    Fault(Error),
}

impl From<Error> for SaveRefused {
    fn from(error: Error) -> Self {
        match error {
            // The save took the room for a new one, but it is stored.
            Error::Database { cause: Cause::Duplicate, .. } => SaveRefused::Conflict,
            error => SaveRefused::Fault(error),
        }
    }
}

/// What turns the stored room into the checkpoint.
pub(super) struct Change {
    lane: Value,
    generation: Value,
    log_last: Value,
    event: Value,
    /// The stored `at_ms`; `None`: nothing is stored.
    before_ms: Option<Value>,
    /// The values of the columns in [`HEAD`].
    head: Vec<Value>,
    parts: [Rows; 3],
}

const HEAD: &[&str] = &[
    "lane",
    "generation",
    "round",
    "epoch",
    "serial",
    "admitted_total",
    "head",
    "drawing",
    "closed",
    "draws_upto",
    "at_ms",
];

impl Change {
    pub fn of(save: &Save<'_>) -> Self {
        let (event, after) = (Value::from(save.event.as_str()), &save.after.room);
        let none = Checkpoint::default();
        let old = save.before.map_or(&none, |before| &before.checkpoint);
        Self {
            lane: save.lane.0.into(),
            generation: signed(save.generation),
            log_last: signed(save.log_last.0),
            before_ms: save.before.map(|before| before.at_ms.into()),
            head: vec![
                save.lane.0.into(),
                signed(save.generation),
                after.round.into(),
                after.epoch.into(),
                after.serial.into(),
                after.admitted_total.into(),
                after.head.into(),
                i64::from(after.drawing).into(),
                i64::from(after.closed).into(),
                save.after.draws.upto.into(),
                save.at_ms().into(),
            ],
            parts: [
                Rows::between(
                    &INSIDE,
                    Lists { old: &old.inside, new: &after.inside },
                    |a, b| a.visitor.cmp(&b.visitor),
                    |insider| insider_row(&event, insider),
                ),
                Rows::between(
                    &SPENT,
                    Lists { old: &old.spent, new: &after.spent },
                    |a, b| a.chunk.cmp(&b.chunk),
                    |spent| vec![event.clone(), spent.chunk.into(), hex::encode(spent.bits).into()],
                ),
                Rows::of_draws(&event, &save.after.draws.changes, old.round != after.round),
            ],
            event,
        }
    }

    pub async fn write(&self, conn: &mut Conn) -> std::result::Result<(), SaveRefused> {
        self.hold_lane(conn).await?;
        self.put_head(conn).await?;
        for rows in &self.parts {
            rows.write(conn, &self.event).await?;
        }
        Ok(())
    }

    /// Raises the lane's mark and locks its row until the commit. Meanwhile nobody begins another generation, and
    /// nobody else saves a room of this lane.
    async fn hold_lane(&self, conn: &mut Conn) -> std::result::Result<(), SaveRefused> {
        let text = "UPDATE lane SET log_last = CASE WHEN log_last < ? THEN ? ELSE log_last END \
             WHERE lane = ? AND generation = ?";
        let values = [&self.log_last, &self.log_last, &self.lane, &self.generation];
        if run(conn, text.to_owned(), values).await? == 1 { Ok(()) } else { Err(SaveRefused::Conflict) }
    }

    async fn put_head(&self, conn: &mut Conn) -> std::result::Result<(), SaveRefused> {
        match &self.before_ms {
            Some(before_ms) => {
                let set = HEAD.iter().map(|column| format!("{column} = ?")).collect::<Vec<_>>().join(", ");
                let text = format!("UPDATE room_checkpoint SET {set} WHERE event = ? AND at_ms = ?");
                let met = run(conn, text, self.head.iter().chain([&self.event, before_ms])).await?;
                if met == 1 { Ok(()) } else { Err(SaveRefused::Conflict) }
            }
            None => {
                let columns: Vec<&str> = std::iter::once("event").chain(HEAD.iter().copied()).collect();
                let row = std::iter::once(&self.event).chain(&self.head).cloned().collect();
                Ok(sql::insert(conn, "room_checkpoint", &columns, &[row]).await?)
            }
        }
    }
}

fn signed(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
