//! Reads the columns of a row as the program's own types.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::facts::ids::SeatIndex;
use crate::ledger::{Error, Result};

/// Reads a row by its columns' names.
pub(in crate::ledger) struct Cells<'r> {
    pub table: &'static str,
    pub row: &'r AnyRow,
}

impl Cells<'_> {
    /// A column of an integer that is not NULL.
    pub fn int(&self, column: &'static str) -> Result<i64> {
        Ok(self.row.try_get(column)?)
    }

    /// A column of an integer; `None`: NULL.
    pub fn int_or_null(&self, column: &'static str) -> Result<Option<i64>> {
        Ok(self.row.try_get(column)?)
    }

    /// A column of text that is not NULL.
    pub fn text(&self, column: &'static str) -> Result<String> {
        Ok(self.row.try_get(column)?)
    }

    /// A column of text; `None`: NULL.
    pub fn text_or_null(&self, column: &'static str) -> Result<Option<String>> {
        Ok(self.row.try_get(column)?)
    }

    /// A line's number, or a seat's index.
    pub fn small(&self, column: &'static str) -> Result<SeatIndex> {
        let number = self.int(column)?;
        SeatIndex::try_from(number).map_err(|_| self.unreadable(column, &number.to_string()))
    }

    /// One of a closed set of words.
    pub fn word<T>(&self, column: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        let text = self.text(column)?;
        parse(&text).ok_or_else(|| self.unreadable(column, &text))
    }

    /// A column of JSON.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        serde_json::from_str(&self.text(column)?).map_err(|error| Error::Unreadable {
            table: self.table,
            column,
            key: self.row.try_get("id").unwrap_or_default(),
            detail: error.to_string(),
        })
    }

    fn unreadable(&self, column: &'static str, text: &str) -> Error {
        let key = self.row.try_get("id").unwrap_or_default();
        Error::Unreadable { table: self.table, column, key, detail: format!("{text:?} is not one of its values") }
    }
}

/// The rows of a table, ready to be read.
pub(in crate::ledger) fn cells<'r>(table: &'static str, rows: &'r [AnyRow]) -> impl Iterator<Item = Cells<'r>> {
    rows.iter().map(move |row| Cells { table, row })
}
