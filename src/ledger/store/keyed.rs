//! Statements over a list of keys, with fixed values before the list.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::sql::{Value, bind, holes, key_lists};
use crate::ledger::{Conn, Result};

/// `{text} … IN (keys) {tail}`: `text` ends in `IN` and has one `?` for each of `fixed` before it.
pub struct KeyedQuery<'k> {
    pub text: &'k str,
    pub fixed: &'k [Value],
    pub keys: &'k [Value],
    pub tail: &'k str,
}

impl KeyedQuery<'_> {
    /// All rows. They are read in chunks, so an order in `tail` holds within a chunk only.
    pub async fn fetch(&self, conn: &mut Conn) -> Result<Vec<AnyRow>> {
        let mut rows = Vec::new();
        for list in key_lists(self.keys) {
            let query = sqlx::query(AssertSqlSafe(self.statement(list.len())));
            let query = self.fixed.iter().chain(list).fold(query, bind);
            rows.extend(query.fetch_all(&mut *conn).await?);
        }
        Ok(rows)
    }

    /// Answers how many rows it met.
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
