//! Statements over a list of keys below some fixed ones. Knows no table.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::ledger::sql::{Value, bind, holes, key_lists};
use crate::ledger::{Conn, Result};

/// `{text} … IN (keys) {tail}`: `text` ends in `IN` and has one `?` for each of `fixed` before it.
pub struct Keyed<'k> {
    pub text: &'k str,
    pub fixed: &'k [Value],
    pub keys: &'k [Value],
    pub tail: &'k str,
}

impl Keyed<'_> {
    /// All rows; in chunks, so an order in `tail` holds within a chunk only.
    pub async fn fetch(&self, conn: &mut Conn) -> Result<Vec<AnyRow>> {
        let mut rows = Vec::new();
        for list in key_lists(self.keys) {
            let query = sqlx::query(AssertSqlSafe(self.statement(list.len())));
            let query = self.fixed.iter().chain(list).fold(query, bind);
            rows.extend(query.fetch_all(&mut *conn).await?);
        }
        Ok(rows)
    }

    /// Rows met.
    pub async fn run(&self, conn: &mut Conn) -> Result<u64> {
        let mut met = 0;
        for list in key_lists(self.keys) {
            let query = sqlx::query(AssertSqlSafe(self.statement(list.len())));
            let query = self.fixed.iter().chain(list).fold(query, bind);
            met += query.execute(&mut *conn).await?.rows_affected();
        }
        Ok(met)
    }

    fn statement(&self, count: usize) -> String {
        format!("{} ({}) {}", self.text, holes(count), self.tail)
    }
}
