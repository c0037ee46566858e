//! Which rows of a checkpoint's list are deleted and put.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::part::{ListTable, SPENT_DRAW};
use crate::facts::checkpoint::{DrawChange, Insider};
use crate::facts::ids::VisitorId;
use crate::ledger::store::sql;
use crate::ledger::store::sql::Value;
use crate::ledger::{Conn, Result};

/// What changes in one table.
pub(super) struct Rows {
    pub part: &'static ListTable,
    pub gone: Gone,
    pub put: Vec<Vec<Value>>,
}

pub(super) enum Gone {
    All,
    Keys(Vec<Value>),
}

/// The stored list and the new one.
pub(super) struct Lists<'a, T> {
    pub old: &'a [T],
    pub new: &'a [T],
}

impl Rows {
    /// Rows to delete and to put. When more than half of the stored list has to go, all of it is deleted and the whole
    /// new list is put.
    pub fn between<T: PartialEq>(
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
    pub fn of_draws(event: &Value, changes: &[DrawChange], is_new_round: bool) -> Self {
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

    pub async fn write(&self, conn: &mut Conn, event: &Value) -> Result<()> {
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

pub(super) async fn run<'v>(conn: &mut Conn, text: String, values: impl IntoIterator<Item = &'v Value>) -> Result<u64> {
    let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(text)), sql::bind);
    Ok(query.execute(conn).await?.rows_affected())
}

pub(super) fn insider_row(event: &Value, insider: &Insider) -> Vec<Value> {
    vec![
        event.clone(),
        insider.visitor.as_str().into(),
        insider.score.into(),
        insider.expires_ms.into(),
        if insider.claimed { 1i64 } else { i64::from(insider.again) * 2 }.into(),
        insider.ends_ms.into(),
    ]
}
