//! How a checkpoint is written over the stored one: which rows to delete and to put, and the statements for it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::Save;
use super::part::{INSIDE, ListTable, SPENT, SPENT_DRAW};
use crate::facts::checkpoint::{Checkpoint, DrawChange, Insider};
use crate::facts::ids::VisitorId;
use crate::ledger::store::sql;
use crate::ledger::store::sql::Value;
use crate::ledger::{Cause, Conn, Error, Result};

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

/// What changes in one table.
struct Rows {
    part: &'static ListTable,
    gone: Gone,
    put: Vec<Vec<Value>>,
}

enum Gone {
    All,
    Keys(Vec<Value>),
}

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

/// The stored list and the new one.
struct Lists<'a, T> {
    old: &'a [T],
    new: &'a [T],
}

impl Rows {
    /// Rows to delete and to put. When more than half of the stored list has to go, all of it is deleted and the whole
    /// new list is put.
    fn between<T: PartialEq>(
        part: &'static ListTable,
        lists: Lists<'_, T>,
        by_key: impl Fn(&T, &T) -> Ordering,
        row: impl Fn(&T) -> Vec<Value>,
    ) -> Self {
        let (old, new) = (in_order(lists.old, &by_key), in_order(lists.new, &by_key));
        let mut gone = Vec::new();
        let mut put = Vec::new();
        let mut stored = old.iter().copied().peekable();
        for &item in &new {
            while let Some(before) = stored.next_if(|before| by_key(before, item).is_lt()) {
                gone.push(before);
            }
            match stored.next_if(|before| by_key(before, item).is_eq()) {
                Some(before) if before == item => {}
                _ => put.push(item),
            }
        }
        gone.extend(stored);

        if gone.len() * 2 > old.len() {
            return Self { part, gone: Gone::All, put: new.into_iter().map(row).collect() };
        }
        let keys = gone.into_iter().map(|item| row(item).swap_remove(1)).collect();
        Self { part, gone: Gone::Keys(keys), put: put.into_iter().map(row).collect() }
    }

    /// For each draw only its last change counts. A new round deletes all draws of the old one.
    fn of_draws(event: &Value, changes: &[DrawChange], is_new_round: bool) -> Self {
        let mut spent: BTreeMap<&VisitorId, bool> = BTreeMap::new();
        for change in changes {
            match change {
                DrawChange::Spent(visitor) => spent.insert(visitor, true),
                DrawChange::Unspent(visitor) => spent.insert(visitor, false),
            };
        }
        let visitors = |wanted: bool| {
            spent.iter().filter(move |(_, spent)| **spent == wanted).map(|(visitor, _)| visitor.as_str())
        };
        let put = visitors(true).map(|visitor| vec![event.clone(), visitor.into()]).collect();
        let gone = if is_new_round { Gone::All } else { Gone::Keys(visitors(false).map(Value::from).collect()) };
        Self { part: &SPENT_DRAW, gone, put }
    }

    async fn write(&self, conn: &mut Conn, event: &Value) -> Result<()> {
        let ListTable { table, columns, .. } = *self.part;
        match &self.gone {
            Gone::All => {
                run(conn, format!("DELETE FROM {table} WHERE event = ?"), [event]).await?;
            }
            Gone::Keys(keys) => {
                let text = format!("DELETE FROM {table} WHERE event = ? AND {} IN", self.part.key());
                sql::delete_in(conn, &text, event, keys).await?;
            }
        }
        // `replace`, not `insert`: a key twice in a list would be the caller's bug, but must not stop every later save.
        // And a draw may be stored already, since the rebuild of a lane adds the draws that orders show as spent.
        sql::replace(conn, table, columns, &self.put).await
    }
}

/// The list sorted by its keys; this takes one walk when it is sorted already.
fn in_order<T>(list: &[T], by_key: impl Fn(&T, &T) -> Ordering) -> Vec<&T> {
    let mut sorted: Vec<&T> = list.iter().collect();
    sorted.sort_by(|a, b| by_key(a, b));
    sorted
}

async fn run<'v>(conn: &mut Conn, text: String, values: impl IntoIterator<Item = &'v Value>) -> Result<u64> {
    let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(text)), sql::bind);
    Ok(query.execute(conn).await?.rows_affected())
}

fn insider_row(event: &Value, insider: &Insider) -> Vec<Value> {
    vec![
        event.clone(),
        insider.visitor.as_str().into(),
        insider.score.into(),
        insider.expires_ms.into(),
        if insider.claimed { 1i64 } else { i64::from(insider.again) * 2 }.into(),
        insider.ends_ms.into(),
    ]
}

fn signed(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
