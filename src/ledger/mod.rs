//! The book of record: every row and all SQL.
//! Knows nothing of HTTP and never asks a lane; a lane's types are only vocabulary here.
//!
//! One SQL text runs on SQLite, MariaDB and MySQL. [`Ledger`] opens the database and runs transactions
//! and reads; the arithmetic of points and coupons is pure and stands apart from the rows.

pub mod audit;
pub mod between;
pub mod book;
pub mod campaign_version;
pub mod catalog;
pub mod coupons;
pub mod db;
pub mod draws;
pub mod error;
pub mod grant;
mod keyed;
mod migrate;
pub mod points;
pub mod quote;
pub mod reads;
mod retention;
pub mod rooms;
pub mod sql;

pub use db::{Conn, Ledger, Source};
pub use error::{Cause, Error, Guard};

pub type Result<T> = std::result::Result<T, Error>;
