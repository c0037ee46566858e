//! Rows as the writer holds them: read whole, changed in memory, written back where they differ.

use std::collections::BTreeMap;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::keyed::KeyedQuery;
use super::sql;
use super::sql::Value;
use crate::ledger::{Conn, Error, Result};

/// A row of one table. `COLUMNS` are the key, fixed and changing columns, in this order.
pub(in crate::ledger) trait Row: Clone + PartialEq {
    type Key: Ord + Clone;
    const TABLE: &'static str;
    const KEY: &'static [&'static str];
    const CHANGING: &'static [&'static str];
    const COLUMNS: &'static [&'static str];

    /// The statement that reads rows as [`Row::read`] takes them, without its conditions.
    fn select() -> String {
        format!("SELECT {} FROM {}", Self::COLUMNS.join(", "), Self::TABLE)
    }

    fn key(&self) -> Self::Key;
    fn read(row: &AnyRow) -> Result<Self>;
    fn values(&self) -> Vec<Value>;
    /// Key, then changing columns.
    fn changes(&self) -> Vec<Value>;
}

/// Names the row in an error about one of its columns: by its first column, which is part of its key.
pub(in crate::ledger) fn keyed(error: Error, row: &AnyRow) -> Error {
    match error {
        Error::Unreadable { table, column, key, detail } if key.is_empty() => {
            Error::Unreadable { table, column, key: row.try_get(0).unwrap_or_default(), detail }
        }
        other => other,
    }
}

/// Declares a row: its table, its key, the columns written once (`fixed`) and those that may change (`changing`).
macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident in $table:literal
        key { $($k:ident: $kt:ty),+ $(,)? }
        fixed { $($f:ident: $ft:ty),* $(,)? }
        changing { $($c:ident: $ct:ty),* $(,)? }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(in crate::ledger) struct $name {
            $(pub $k: $kt,)+
            $(pub $f: $ft,)*
            $(pub $c: $ct,)*
        }

        impl Row for $name {
            type Key = ($($kt,)+);
            const TABLE: &'static str = $table;
            const KEY: &'static [&'static str] = &[$(stringify!($k)),+];
            const CHANGING: &'static [&'static str] = &[$(stringify!($c)),*];
            const COLUMNS: &'static [&'static str] = &[$(stringify!($k),)+ $(stringify!($f),)* $(stringify!($c),)*];

            fn key(&self) -> Self::Key {
                ($(self.$k.clone(),)+)
            }

            fn read(row: &AnyRow) -> Result<Self> {
                let mut columns = 0..Self::COLUMNS.len();
                let mut next = || columns.next().expect("one field a column");
                // Fields are evaluated in the order written, which is the order of COLUMNS.
                let mut read = || {
                    Ok(Self {
                        $($k: Column::read(row, next())?,)+
                        $($f: Column::read(row, next())?,)*
                        $($c: Column::read(row, next())?,)*
                    })
                };
                read().map_err(|error| keyed(error, row))
            }

            fn values(&self) -> Vec<Value> {
                vec![$(self.$k.value(),)+ $(self.$f.value(),)* $(self.$c.value(),)*]
            }

            fn changes(&self) -> Vec<Value> {
                vec![$(self.$k.value(),)+ $(self.$c.value(),)*]
            }
        }
    )*};
}
pub(in crate::ledger) use rows;

/// Rows of one table in the order of their keys, each with the row that the database has.
#[derive(Debug)]
pub(in crate::ledger) struct Table<R: Row>(BTreeMap<R::Key, Tracked<R>>);

#[derive(Debug)]
struct Tracked<R> {
    row: R,
    /// `None`: to be inserted.
    stored: Option<R>,
}

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<R: Row> Table<R> {
    /// Takes in a row just read. A row that was read before keeps its changes.
    pub fn loaded(&mut self, row: R) {
        self.0.entry(row.key()).or_insert_with(|| Tracked { stored: Some(row.clone()), row });
    }

    /// Takes in a row to be inserted. Its key must be new: two facts never share an id.
    pub fn add(&mut self, row: R) {
        let before = self.0.insert(row.key(), Tracked { row, stored: None });
        assert!(before.is_none(), "a row of {} was added twice", R::TABLE);
    }

    pub fn get(&self, key: &R::Key) -> Option<&R> {
        self.0.get(key).map(|tracked| &tracked.row)
    }

    /// The row as the database has it; `None`: the database does not have it.
    pub fn stored(&self, key: &R::Key) -> Option<&R> {
        self.0.get(key).and_then(|tracked| tracked.stored.as_ref())
    }

    pub fn get_mut(&mut self, key: &R::Key) -> Option<&mut R> {
        self.0.get_mut(key).map(|tracked| &mut tracked.row)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &R> {
        self.0.values().map(|tracked| &tracked.row)
    }

    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut R> {
        self.0.values_mut().map(|tracked| &mut tracked.row)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Reads the rows whose `column` is one of `keys`; `tail` follows the list.
    pub async fn load(&mut self, conn: &mut Conn, column: &str, keys: &[Value], tail: &str) -> Result<()> {
        let text = format!("{} WHERE {column} IN", R::select());
        self.loaded_all(KeyedQuery { text: &text, fixed: &[], keys, tail }.fetch(conn).await?)
    }

    /// Reads the rows whose column `owner` has the value `this` and whose `column` is one of `keys`.
    pub async fn load_of(
        &mut self,
        conn: &mut Conn,
        (owner, this): (&str, Value),
        column: &str,
        keys: &[Value],
    ) -> Result<()> {
        let text = format!("{} WHERE {owner} = ? AND {column} IN", R::select());
        self.loaded_all(KeyedQuery { text: &text, fixed: &[this], keys, tail: "" }.fetch(conn).await?)
    }

    fn loaded_all(&mut self, rows: Vec<AnyRow>) -> Result<()> {
        rows.iter().try_for_each(|row| R::read(row).map(|row| self.loaded(row)))
    }

    /// The rows that changed since they were read, with only those columns that changed in at least one of them: each
    /// column is one more list of cases for the server to walk.
    fn updates<'t>(tables: impl Iterator<Item = &'t Self>) -> (Vec<&'static str>, Vec<Vec<Value>>)
    where
        R: 't,
    {
        let mut changed = vec![false; R::CHANGING.len()];
        let mut rows = Vec::new();
        for tracked in tables.flat_map(|table| table.0.values()) {
            let Some(stored) = tracked.stored.as_ref().filter(|stored| **stored != tracked.row) else { continue };
            let (before, after) = (stored.changes(), tracked.row.changes());
            for (at, changed) in (R::KEY.len()..).zip(&mut changed) {
                *changed |= before[at] != after[at];
            }
            rows.push(after);
        }
        for row in &mut rows {
            let mut kept = std::iter::repeat_n(true, R::KEY.len()).chain(changed.iter().copied());
            row.retain(|_| kept.next().expect("one value a column"));
        }
        let columns = R::CHANGING.iter().zip(&changed).filter(|(_, changed)| **changed).map(|(column, _)| *column);
        (columns.collect(), rows)
    }

    /// New rows, as `insert` takes them.
    fn inserts<'t>(tables: impl Iterator<Item = &'t Self>) -> Vec<Vec<Value>>
    where
        R: 't,
    {
        tables
            .flat_map(|table| table.0.values())
            .filter(|tracked| tracked.stored.is_none())
            .map(|tracked| tracked.row.values())
            .collect()
    }

    /// Writes changes first, then new rows: a new row may take a unique key that a change gives up.
    pub async fn flush<'t>(conn: &mut Conn, tables: impl Iterator<Item = &'t Self> + Clone) -> Result<()>
    where
        R: 't,
    {
        let (columns, rows) = Self::updates(tables.clone());
        if !rows.is_empty() {
            sql::update_case(conn, R::TABLE, R::KEY, &columns, &rows).await?;
        }
        let inserts = Self::inserts(tables);
        sql::insert(conn, R::TABLE, R::COLUMNS, &inserts).await
    }
}
