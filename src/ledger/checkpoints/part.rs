//! The tables that hold a room's lists, and how one of them is read in pages.

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use crate::ledger::store::sql;
use crate::ledger::store::sql::Value;
use crate::ledger::{Conn, Result};

/// Rows in one read.
pub(super) const PAGE: usize = 10_000;

/// A table that holds a list of a room. A row has the event, a key, and the values of that key.
pub(super) struct ListTable {
    pub table: &'static str,
    /// `event`, the key, then the rest.
    pub columns: &'static [&'static str],
    key_is_text: bool,
}

pub(super) const INSIDE: ListTable = ListTable {
    table: "room_inside",
    columns: &["event", "visitor", "score", "expires_ms", "claimed", "ends_ms"],
    key_is_text: true,
};
pub(super) const SPENT: ListTable =
    ListTable { table: "room_spent", columns: &["event", "chunk", "bits"], key_is_text: false };
pub(super) const SPENT_DRAW: ListTable =
    ListTable { table: "room_spent_draw", columns: &["event", "visitor"], key_is_text: true };

impl ListTable {
    pub fn key(&self) -> &'static str {
        self.columns[1]
    }

    pub async fn page(&self, conn: &mut Conn, event: &Value, after: Option<&Value>) -> Result<Vec<AnyRow>> {
        let (table, key, columns) = (self.table, self.key(), self.columns[1..].join(", "));
        let beyond = if after.is_some() { format!("AND {key} > ?") } else { String::new() };
        let text = format!("SELECT {columns} FROM {table} WHERE event = ? {beyond} ORDER BY {key} LIMIT {PAGE}");
        let query = std::iter::once(event).chain(after).fold(sqlx::query(AssertSqlSafe(text)), sql::bind);
        Ok(query.fetch_all(conn).await?)
    }

    /// A row's key. The next page begins after the key of the last row.
    pub fn key_of(&self, row: &AnyRow) -> Result<Value> {
        let key = self.key();
        Ok(if self.key_is_text { Value::Text(row.try_get(key)?) } else { Value::Int(row.try_get(key)?) })
    }
}
