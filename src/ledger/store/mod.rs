//! The database: connections, statements, tables, migrations.

mod again;
pub mod between;
pub(in crate::ledger) mod column;
pub mod db;
pub(in crate::ledger) mod keyed;
mod migrate;
pub mod replica;
pub(in crate::ledger) mod row;
pub(in crate::ledger) mod rows;
pub mod sql;
