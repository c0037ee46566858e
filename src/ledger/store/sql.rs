//! Statements over many rows, with fixed bounds.
//!
//! The lengths of lists are powers of two: keys are padded by repeating the last one, rows are split (37 = 32 + 4 + 1).
//! So there are few texts, and every connection keeps all of them prepared. A text that is not kept costs three
//! messages instead of one. The last of the three has no answer, so the next statement waits for the server's delayed
//! acknowledgement: 40 ms each (measured, MariaDB over TCP).
//!
//! Table and column names come from this program only, values only through `?`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use crate::ledger::{Conn, Error, Result};

/// Most `?` in one statement: SQLite takes 32,766, MySQL 65,535.
const HOLES_MAX: usize = 30_000;

/// Most rows in one `CASE` update. The server walks the list of cases for every row, so the work grows with the square
/// of the rows: on MariaDB 10.11, with a key of two columns, 500 rows took 40 ms in one statement, 32 ms in two. At
/// 100 rows the walk costs no more than the round trip.
const CASES_MAX: usize = 100;

/// Most keys in one `IN` list. From 200 keys on, MySQL and MariaDB plan with the table's statistics instead of a look
/// into the index for each key (`eq_range_index_dive_limit`), and the statistics are old where a table grows fast. On
/// such a table, of 330,000 rows, lists of 512 took 0.8 s, and 5 ms from a new connection (MariaDB 10.11).
const KEYS_MAX: usize = 128;

/// Texts as the keys of a list.
pub(in crate::ledger) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<Value> {
    texts.into_iter().map(Value::from).collect()
}

/// A column's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Int(i64),
    Text(String),
    Null,
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Value::Int(i64::from(number))
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Value::Int(i64::from(number))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// Adds a value to a statement.
pub fn bind<'q>(query: Query<'q, Any, AnyArguments>, value: &Value) -> Query<'q, Any, AnyArguments> {
    match value {
        Value::Int(number) => query.bind(*number),
        Value::Text(text) => query.bind(text.clone()),
        Value::Null => query.bind(None::<i64>),
    }
}

/// `?, ?, …`: `count` of them.
pub fn holes(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Inserts rows, a power of two of them in a statement. Each row has one value a column.
pub async fn insert(conn: &mut Conn, table: &'static str, columns: &[&str], rows: &[Vec<Value>]) -> Result<()> {
    put_rows(conn, "INSERT", table, columns, rows).await
}

/// As [`insert`], but a stored row with the same key is replaced.
pub async fn replace(conn: &mut Conn, table: &'static str, columns: &[&str], rows: &[Vec<Value>]) -> Result<()> {
    put_rows(conn, "REPLACE", table, columns, rows).await
}

async fn put_rows(
    conn: &mut Conn,
    verb: &str,
    table: &'static str,
    columns: &[&str],
    rows: &[Vec<Value>],
) -> Result<()> {
    let one = format!("({})", holes(columns.len()));
    for chunk in pieces(rows, HOLES_MAX / columns.len()) {
        let values = vec![one.as_str(); chunk.len()].join(", ");
        let text = format!("{verb} INTO {table} ({}) VALUES {values}", columns.join(", "));
        run(conn, text, chunk.iter().flatten()).await?;
    }
    Ok(())
}

/// Sets `columns` of the rows named by `key`. Each of `rows` is the key's values, then one value a column; no key may
/// come twice. Every key must meet its row, else [`Error::RowsMissing`].
pub async fn update_case(
    conn: &mut Conn,
    table: &'static str,
    key: &[&str],
    columns: &[&str],
    rows: &[Vec<Value>],
) -> Result<()> {
    let (case, groups) = grouped(key.len(), rows);
    for chunk in groups.iter().flat_map(|group| pieces(group, CASES_MAX)) {
        let (text, values) = case_update(table, key, case, columns, chunk);
        let met = run(conn, text, values.into_iter()).await?;
        let wanted = chunk.len() as u64;
        if met != wanted {
            return Err(Error::RowsMissing { table, wanted, met });
        }
    }
    Ok(())
}

/// How a `CASE` tells one row from the others of its statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CaseBy {
    /// By this column of the key; the others are the same in all rows.
    Column(usize),
    /// By the whole key. For each row the server then walks a list of conditions, and plans by a tree of them: of 64
    /// coupons each took 53 µs, by one column 10 µs (MariaDB 10.11).
    Key,
}

type CaseRows<'r> = Vec<&'r Vec<Value>>;

/// The rows in groups in which only one column of the key differs, when the groups are few.
fn grouped(key: usize, rows: &[Vec<Value>]) -> (CaseBy, Vec<CaseRows<'_>>) {
    let by = |column: usize| {
        let mut groups = BTreeMap::<Vec<&Value>, CaseRows<'_>>::new();
        for row in rows {
            let others = (0..key).filter(|at| *at != column).map(|at| &row[at]).collect();
            groups.entry(others).or_default().push(row);
        }
        (CaseBy::Column(column), groups.into_values().collect::<Vec<_>>())
    };
    let fewest = (0..key).map(by).min_by_key(|(_, groups)| groups.len()).expect("a key has a column");
    if fewest.1.len() <= 1 + rows.len() / 4 { fewest } else { (CaseBy::Key, vec![rows.iter().collect()]) }
}

fn case_update<'v>(
    table: &str,
    key: &[&str],
    case: CaseBy,
    columns: &[&str],
    rows: &[&'v Vec<Value>],
) -> (String, Vec<&'v Value>) {
    let mut text = format!("UPDATE {table} SET ");
    let mut values = Vec::with_capacity(rows.len() * (key.len() + 1) * (columns.len() + 1));
    let all = |columns: &mut dyn Iterator<Item = &&str>| columns.map(|k| format!("{k} = ?")).collect::<Vec<_>>();
    let this = all(&mut key.iter()).join(" AND ");
    let (subject, when, named) = match case {
        CaseBy::Column(at) => (format!(" {}", key[at]), "?", at..at + 1),
        CaseBy::Key => (String::new(), this.as_str(), 0..key.len()),
    };
    for (at, column) in columns.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{column} = CASE{subject}");
        for row in rows {
            let _ = write!(text, " WHEN {when} THEN ?");
            values.extend(&row[named.clone()]);
            values.push(&row[key.len() + at]);
        }
        let _ = write!(text, " ELSE {column} END");
    }
    match case {
        CaseBy::Column(at) => {
            let mut wanted = all(&mut key.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, k)| k));
            wanted.push(format!("{} IN ({})", key[at], holes(rows.len())));
            let _ = write!(text, " WHERE {}", wanted.join(" AND "));
            let others = rows.first().into_iter().flat_map(|row| row[..key.len()].iter().enumerate());
            values.extend(others.filter(|(other, _)| *other != at).map(|(_, value)| value));
            values.extend(rows.iter().map(|row| &row[at]));
        }
        CaseBy::Key => {
            let any = vec![format!("({this})"); rows.len()].join(" OR ");
            let _ = write!(text, " WHERE {any}");
            values.extend(rows.iter().flat_map(|row| &row[..key.len()]));
        }
    }
    (text, values)
}

/// Splits into runs whose lengths are powers of two, none above `most`.
fn pieces<T>(mut rows: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let power = rows.len().min(most).checked_ilog2()?;
        let (piece, rest) = rows.split_at(1 << power);
        rows = rest;
        Some(piece)
    })
}

/// `keys` in chunks for `IN` lists, each padded to a power of two by repeating its last key.
pub fn key_lists(keys: &[Value]) -> impl Iterator<Item = Vec<&Value>> {
    keys.chunks(KEYS_MAX).map(|chunk| {
        let last = chunk.last().expect("chunks are not empty");
        let padding = chunk.len().next_power_of_two() - chunk.len();
        chunk.iter().chain(std::iter::repeat_n(last, padding)).collect()
    })
}

/// Rows of `select … IN (keys)`: `text` ends where the list begins (`… WHERE id IN`), and `tail` follows the list.
/// They are read in chunks, so an order in `tail` holds within a chunk only.
pub async fn fetch_in(conn: &mut Conn, text: &str, keys: &[Value], tail: &str) -> Result<Vec<AnyRow>> {
    let mut found = Vec::new();
    for list in key_lists(keys) {
        let query = sqlx::query(AssertSqlSafe(format!("{text} ({}) {tail}", holes(list.len()))));
        found.extend(list.into_iter().fold(query, bind).fetch_all(&mut *conn).await?);
    }
    Ok(found)
}

/// Deletes the rows of `text … IN (keys)`: `text` ends where the list begins and has one `?` of its own,
/// for `first`. Answers how many there were.
pub async fn delete_in(conn: &mut Conn, text: &str, first: &Value, keys: &[Value]) -> Result<u64> {
    let mut met = 0;
    for list in key_lists(keys) {
        let text = format!("{text} ({})", holes(list.len()));
        met += run(conn, text, std::iter::once(first).chain(list)).await?;
    }
    Ok(met)
}

/// Answers how many rows it met.
async fn run<'v>(conn: &mut Conn, text: String, values: impl Iterator<Item = &'v Value>) -> Result<u64> {
    let query = sqlx::query(AssertSqlSafe(text));
    Ok(values.fold(query, bind).execute(conn).await?.rows_affected())
}

#[cfg(test)]
mod tests;
